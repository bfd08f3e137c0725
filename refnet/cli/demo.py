"""Train a network on real handwritten digits, on the reference and on the fast kernels, from the same seed.

The network is summarised, its gradients are checked numerically, it is trained on both twins, and a table says how
well it learned, how closely the twins agree and how much faster the compiled one is. The exit code is 1 if the
accuracy, the agreement or the gradient check falls short.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["add_arguments", "build_network", "run"]

CLASSES = 10
BATCH_SIZE = 32
REQUIRED_ACCURACY = 0.97
# Both twins draw the same weights, batches and dropout masks, so only the rounding of float32 parts them: some 1e-6
# after a thousand steps. The activation is GELU, which is smooth: with relu, rounding may now and then flip a unit that
# stands exactly at its kink, and the runs would part visibly without either being wrong.
ALLOWED_DIFFERENCE = 1e-4
NAMESPACES = {"reference": "refnet", "fast": "refnet_fast"}


@dataclass(frozen=True)
class Trained:
    """A network after training, and what was measured on the way."""

    backend: str
    history: dict[str, list[float]]
    weights: Sequence[np.ndarray]
    predictions: np.ndarray  # (N, classes): probabilities of the test images
    accuracy: float  # of the test images
    step_ms: float  # the median time from the end of one training step to the end of the next, feeding included


@dataclass(frozen=True)
class Promise:
    """Something the demo says of refnet, and whether it held."""

    text: str
    kept: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `refnet demo`."""
    parser.add_argument("--epochs", type=positive_integer, default=20, help="passes over the training images (20)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights, the batches and the dropout masks (0)")
    parser.add_argument("--backend", choices=["both", *NAMESPACES], default="both", help="which twins to train (both)")
    picture = parser.add_mutually_exclusive_group()
    picture.add_argument("--plot", type=Path, metavar="PATH",
                         help="where to save the picture (refnet-demo.png if matplotlib is installed)")
    picture.add_argument("--no-plot", action="store_true", help="save no picture")


def positive_integer(text: str) -> int:
    """An argparse type: an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def build_network(namespace: Any) -> Any:
    """Return the uncompiled network of the demo: 8x8 images -> 256 -> 128 -> 10 probabilities.

    Args:
        namespace: `refnet` or `refnet_fast`: whose classes to build it of.
    """
    layers = namespace.layers
    return namespace.Sequential(
        [
            namespace.Input((8, 8)),
            layers.Flatten(name="pixels"),
            layers.Dense(256, activation="gelu", name="hidden_1"),
            layers.Dropout(0.4, name="dropout_1"),
            layers.Dense(128, activation="gelu", name="hidden_2"),
            layers.Dropout(0.4, name="dropout_2"),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ],
        name="digits",
    )


def compile_network(namespace: Any, model: Any) -> None:
    """Give the network its loss, optimizer and metric."""
    model.compile(
        optimizer=namespace.optimizers.Adam(learning_rate=2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )


def run(args: argparse.Namespace) -> int:
    """Carry out `refnet demo`; returns the exit code."""
    from threadpoolctl import threadpool_limits

    picture = choose_picture(args)
    # Matrices this small gain nothing from a second thread of NumPy's BLAS, and beside other busy programs its threads
    # wait for one another: on two cores a step of the reference takes 2.2 ms with one thread, up to 59 with two.
    with threadpool_limits(1, user_api="blas"):
        return compare_twins(args, picture)


def compare_twins(args: argparse.Namespace, picture: Path | None) -> int:
    """Check, train and evaluate the network on each backend, and say how they compare; returns the exit code."""
    from rich.console import Console

    from refnet.datasets import digits

    console = Console(highlight=False)
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    data = scale(x_train), y_train, scale(x_test), y_test
    backends = list(NAMESPACES) if args.backend == "both" else [args.backend]

    console.rule("The data")
    console.print(f"{len(x_train)} handwritten digits of 8x8 pixels to learn from, {len(x_test)} others as the test.\n"
                  "(E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, CC BY 4.0)", soft_wrap=True)

    absent = why_fast_is_absent() if "fast" in backends else None
    if absent is not None:
        backends.remove("fast")
        console.rule("refnet_fast is not built")
        console.print(absent, markup=False, soft_wrap=True)
        if not backends:
            return 1
        console.print("\nThe demo goes on with the reference alone.")

    promises = []
    for i, backend in enumerate(backends):
        namespace = import_module(NAMESPACES[backend])
        if i == 0:
            console.rule("The network")
            build_network(namespace).summary(print_fn=lambda text, **_: console.print(text, markup=False))
        console.rule(f"Its gradients, {backend} kernels")
        report = gradient_report(namespace, args.seed)
        console.print(str(report), markup=False, soft_wrap=True)
        promises.append(Promise(f"the gradients of the {backend} kernels equal the numerical ones", report.passed))

    runs = []
    for backend in backends:
        console.rule(f"Training, {backend} kernels")
        runs.append(train(import_module(NAMESPACES[backend]), backend, data, args))

    console.rule("Result")
    console.print(result_table(runs))
    promises += judge(runs)
    for promise in promises:
        console.print("[green]kept  [/]" if promise.kept else "[bold red]BROKEN[/]", promise.text)
    if picture is not None:
        save_picture(picture, runs, x_test, y_test)
        console.print(f"The picture: {picture}", markup=False, soft_wrap=True)
    elif not args.no_plot:
        console.print("No picture: matplotlib is not installed (pip install matplotlib).", markup=False)
    return 0 if all(promise.kept for promise in promises) else 1


def scale(images: np.ndarray) -> np.ndarray:
    """Map pixels 0..16 to float32 0..1."""
    return images.astype(np.float32) / np.float32(16)


def why_fast_is_absent() -> str | None:
    """None if refnet_fast can be imported, else its own account of why it is not built and how to build it."""
    try:
        import_module("refnet_fast")
    except ImportError as error:
        return str(error)
    return None


def gradient_report(namespace: Any, seed: int) -> Any:
    """Compare the gradients of the network and its loss with numerical ones, on a few images.

    Each array is checked at 100 places drawn at random; all 51,000 weights, two evaluations each, would take longer
    than the training.
    """
    from refnet.datasets import digits

    (x, y), _ = digits.load_data()
    namespace.utils.set_random_seed(seed)
    model = build_network(namespace)
    compile_network(namespace, model)
    return namespace.gradcheck.check(model, scale(x[:8]), y[:8], max_elements=100, seed=seed)


def train(namespace: Any, backend: str, data: Sequence[np.ndarray], args: argparse.Namespace) -> Trained:
    """Build, train and evaluate the network in one namespace."""
    from refnet.callbacks import Callback

    class StepTimer(Callback):
        """Notes when each training step ends."""

        def __init__(self) -> None:
            super().__init__()
            self.epochs: list[list[float]] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epochs.append([])

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.epochs[-1].append(time.perf_counter())

        def median_ms(self) -> float:
            return 1e3 * float(np.median(np.concatenate([np.diff(ends) for ends in self.epochs])))

    x_train, y_train, x_test, y_test = data
    namespace.utils.set_random_seed(args.seed)
    model = build_network(namespace)
    compile_network(namespace, model)
    timer = StepTimer()
    history = model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=args.epochs, validation_data=(x_test, y_test),
                        callbacks=[timer])
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    return Trained(backend, history.history, model.get_weights(), model.predict(x_test, verbose=0), float(accuracy),
                   timer.median_ms())


def largest_difference(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """The largest absolute difference between corresponding entries of two lists of arrays; NaN if one holds a NaN."""
    return float(np.max([np.max(np.abs(a.astype(np.float64) - b)) for a, b in zip(first, second)]))


def judge(runs: Sequence[Trained]) -> list[Promise]:
    """Say what was promised of the trained networks, and whether it held."""
    promises = [
        Promise(f"{run.backend}: test accuracy {run.accuracy:.4f} is above {REQUIRED_ACCURACY}",
                run.accuracy > REQUIRED_ACCURACY)
        for run in runs
    ]
    if len(runs) == 2:
        reference, fast = runs
        difference = largest_difference([reference.predictions], [fast.predictions])
        promises.append(Promise(f"the twins' predictions differ by less than {ALLOWED_DIFFERENCE:g}: {difference:.1e}",
                                difference < ALLOWED_DIFFERENCE))
    return promises


def result_table(runs: Sequence[Trained]) -> Any:
    """Lay out what was measured: one column for each backend, one for their comparison."""
    from rich.table import Table

    table = Table()
    table.add_column("")
    for run in runs:
        table.add_column(run.backend, justify="right")
    rows = [
        ["test accuracy", *(f"{run.accuracy:.4f}" for run in runs)],
        ["ms per step (median)", *(f"{run.step_ms:.3f}" for run in runs)],
    ]
    if len(runs) == 2:
        reference, fast = runs
        table.add_column("compared", justify="right")
        disagreeing = int(np.sum(reference.predictions.argmax(1) != fast.predictions.argmax(1)))
        rows[0].append(f"{disagreeing} of {len(fast.predictions)} labels differ")
        rows[1].append(f"{reference.step_ms / fast.step_ms:.1f}x as fast")
        rows.append(["largest difference of weights", "", "",
                     f"{largest_difference(reference.weights, fast.weights):.1e}"])
        rows.append(["... of predicted probabilities", "", "",
                     f"{largest_difference([reference.predictions], [fast.predictions]):.1e}"])
    for row in rows:
        table.add_row(*row)
    return table


def choose_picture(args: argparse.Namespace) -> Path | None:
    """Where to save the picture, None for none. What would prevent it is found before the training, not after."""
    from refnet import plotting
    from refnet.cli import UsageError

    if args.no_plot:
        return None
    try:
        figure = plotting.new_figure()
    except ImportError as error:
        if args.plot is None:
            return None
        raise UsageError(f"--plot {args.plot}: {error}") from error
    if args.plot is None:
        return Path("refnet-demo.png")
    if not args.plot.absolute().parent.is_dir():
        raise UsageError(f"--plot {args.plot}: there is no directory {args.plot.absolute().parent}. Make it first.")
    formats = figure.canvas.get_supported_filetypes()
    if args.plot.suffix.lstrip(".").lower() not in formats:
        raise UsageError(f"--plot {args.plot}: the name must end in one of .{', .'.join(sorted(formats))}")
    return args.plot


def save_picture(path: Path, runs: Sequence[Trained], images: np.ndarray, labels: np.ndarray) -> None:
    """Draw the curves of all runs, and the confusion matrix and the mistakes of the last one."""
    from refnet import plotting

    figure: Any = plotting.new_figure()
    last = runs[-1]
    guesses = last.predictions.argmax(axis=1)
    wrong = np.flatnonzero(guesses != labels)
    top, bottom = figure.subfigures(2, 1, height_ratios=[3, 2])
    curves_and_matrix = top.subplots(1, 3)
    histories = {run.backend: run.history for run in runs}
    for axes, metric in zip(curves_and_matrix, ("loss", "accuracy")):
        plotting.plot_history(axes, histories, metric)
    plotting.plot_confusion_matrix(curves_and_matrix[2], plotting.confusion_matrix(labels, guesses, CLASSES))
    shown = wrong[:12]
    bottom.suptitle(f"{len(wrong)} of {len(labels)} test images misclassified ({last.backend} kernels)")
    plotting.plot_images(bottom, images[shown],
                         [f"{labels[i]}, taken for {guesses[i]} ({last.predictions[i].max():.0%})" for i in shown])
    figure.savefig(path, dpi=110)
