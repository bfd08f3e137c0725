"""Models in every structure of inputs and outputs, fed and compiled in every way: the cases that test_structures.py
compares with what the real Keras gave for them (golden/structures_keras.json)."""

import itertools
import warnings

import numpy as np

N = 6

# Structures by name. A leaf is the name of an input, or of the layer that makes an output, as each branch is different
# in width and in values: no exchange goes unseen.
INPUTS = {
    "one": "b",
    "list1": ["b"],
    "tuple1": ("b",),
    "dict1": {"b": "b"},
    "list2": ["b", "a"],
    "tuple2": ("b", "a"),
    "dict2": {"b": "b", "a": "a"},
    "dict2sorted": {"a": "a", "b": "b"},
    "nested": [{"b": "b"}, ["a"]],
}
INPUT_DATA = {
    "array": "b",
    "list1": ["b"],
    "tuple1": ("b",),
    "dict1": {"b": "b"},
    "dict1_unknown": {"z": "b"},
    "list2": ["b", "a"],
    "list2_reversed": ["a", "b"],
    "tuple2": ("b", "a"),
    "dict2": {"b": "b", "a": "a"},
    "dict2_reversed": {"a": "a", "b": "b"},
    "dict2_unknown": {"b": "b", "z": "a"},
    "dict3": {"a": "a", "b": "b", "c": "a"},
    "nested": [{"b": "b"}, ["a"]],
}
OUTPUTS = {
    "one": "p",
    "list1": ["p"],
    "dict1_key": {"k": "p"},
    "list2": ["q", "p"],
    "dict2": {"q": "q", "p": "p"},
    "dict2_keys": {"s": "p", "r": "q"},
    "list_of_lists": [["q"], ["p"]],
    "list_in_list": ["q", ["p", "o"]],
    "dict_of_lists": {"k": ["q", "p"]},
    "dict_of_dicts": {"r": {"s": "q"}, "k": {"t": "p"}},
}
WIDTHS = {"q": 2, "p": 1, "o": 3}


def fill(structure, make):
    """The structure with each leaf replaced by `make(leaf)`."""
    if isinstance(structure, dict):
        return {key: fill(value, make) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(fill(value, make) for value in structure)
    return make(structure)


def leaves(structure):
    if isinstance(structure, dict):
        return [leaf for value in structure.values() for leaf in leaves(value)]
    if isinstance(structure, (list, tuple)):
        return [leaf for value in structure for leaf in leaves(value)]
    return [structure]


def data(name, width=1):
    start = {"a": 100.0, "b": 0.0, "q": 1.0, "p": 2.0, "o": 3.0}[name]
    return (start + np.arange(N * width, dtype="float32").reshape(N, width) / 8).astype("float32")


def model_of(rn, inputs, outputs):
    """A model of these structures. Output x is (sum of inputs, each with a factor of its own) times a constant kernel."""
    names = sorted(set(leaves(inputs)))
    tensors = {name: rn.Input(shape=(1,), name=name) for name in names}
    layers = rn.layers
    joined = tensors["b"]
    if "a" in tensors:
        joined = rn.ops.concatenate([tensors["b"], tensors["a"]], axis=-1)
    made = {}
    for name in leaves(outputs):
        kernel = rn.initializers.Constant({"q": 0.5, "p": 0.25, "o": -1.0}[name])
        made[name] = layers.Dense(WIDTHS[name], kernel_initializer=kernel, name=name)(joined)
    return rn.Model(fill(inputs, tensors.get), fill(outputs, made.get))


def plain(value):
    """Arrays as lists, everything else as JSON would keep it."""
    if isinstance(value, dict):
        return {"dict": [[key, plain(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [plain(item) for item in value]}
    array = np.asarray(value, dtype="float64")
    return array.round(4).tolist() if array.size < 3 else [list(array.shape), array.ravel()[:2].round(4).tolist()]


def attempt(run):
    """What `run()` gives, or "refused"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return run()
        except Exception as error:
            return f"refused: {type(error).__name__}: {error}"


# --- inputs ---------------------------------------------------------------------------------------

INPUT_CASES = {f"{m}/{d}": (m, d) for m in INPUTS for d in INPUT_DATA}


def input_case(rn, case):
    """predict, predict_on_batch, a call, and batches from a generator."""
    structure, given = INPUT_CASES[case]
    x = fill(INPUT_DATA[given], data)
    found = {}
    for name, run in {
        "predict": lambda model: model.predict(x, verbose=0),
        "on_batch": lambda model: model.predict_on_batch(x),
        "call": lambda model: model(x),
        "generator": lambda model: model.predict((b for b in [(x,), (x,)]), verbose=0),
    }.items():
        found[name] = attempt(lambda run=run: plain(run(model_of(rn, INPUTS[structure], "q"))))
    return found


# --- outputs --------------------------------------------------------------------------------------

def weights_like(structure):
    return fill(structure, lambda leaf: np.linspace(0.5, {"q": 1, "p": 2, "o": 3}[leaf], N).astype("float32"))


def settings(structure, entries, single):
    """A setting in every form: one for all, a list, by names of layers, in the outputs' own structure, for some only."""
    names = leaves(structure)
    few = dict(itertools.islice(entries.items(), 0, 3))
    entry = {name: few[name] for name in names}
    forms = {
        "none": None,
        "one": single,
        "list": [entry[name] for name in names],
        "names": {name: entry[name] for name in names},
        "some": {names[-1]: entry[names[-1]]},
        "list_some": [entry[name] if name == names[-1] else None for name in names],
        "same": fill(structure, entry.get),
        "unknown": {"nope": entry[names[0]]},
        "short": [entry[names[0]]] * (len(names) + 1),
    }
    if isinstance(structure, dict):
        key = next(iter(structure))
        forms["key"] = {key: fill(structure[key], entry.get)}
    return forms


LOSS = {"q": "mse", "p": "mae", "o": "mse"}
LOSS_WEIGHT = {"q": 0.25, "p": 2.0, "o": 0.5}
METRIC = {"q": "mae", "p": "mse", "o": "mae"}
METRICS = {"q": ["mae", "mse"], "p": ["mse"], "o": []}


def forms_of(structure):
    return {
        "y": target_forms(structure),
        "loss": settings(structure, LOSS, "mse"),
        "loss_weights": settings(structure, LOSS_WEIGHT, 0.5),
        "metrics": {**{f"flat_{k}": v for k, v in settings(structure, METRIC, "mae").items()},
                    **{f"lists_{k}": v for k, v in settings(structure, METRICS, ["mae", "mse"]).items()}},
        "sample_weight": weight_forms(structure),
    }


def target_forms(structure):
    names = leaves(structure)
    made = {name: data(name, WIDTHS[name]) for name in names}
    forms = {
        "same": fill(structure, made.get),
        "list": [made[name] for name in names],
        "names": {name: made[name] for name in names},
        "array": made[names[0]],
        "some": {names[-1]: made[names[-1]]},
        "too_many": [made[names[0]]] * (len(names) + 1),
        "unknown": {f"z{name}": made[name] for name in names},
    }
    return forms


def weight_forms(structure):
    names = leaves(structure)
    made = {name: np.linspace(0.5, {"q": 1, "p": 2, "o": 3}[name], N).astype("float32") for name in names}
    return {
        "none": None,
        "one": made[names[0]],
        "column": made[names[0]][:, np.newaxis],
        "same": fill(structure, made.get),
        "list": [made[name] for name in names],
        "names": {name: made[name] for name in names},
        "some": [made[names[0]]] + [None] * (len(names) - 1),
        "short": [made[names[0]]],
    }


DEFAULTS = {"y": "same", "loss": "one", "loss_weights": "none", "metrics": "flat_none", "weighted": "flat_none",
            "sample_weight": "none"}  # fmt: skip


def _output_cases():
    """From the defaults one or two arguments at a time in every form."""
    cases = {}

    def add(structure, **changes):
        settings = {**DEFAULTS, **changes}
        cases["/".join([structure, *(f"{k}={v}" for k, v in settings.items() if v != DEFAULTS[k])])] = (
            structure, settings)

    for structure, shape in OUTPUTS.items():
        forms = forms_of(shape)
        add(structure)
        for y in forms["y"]:
            for loss in ("one", "list", "names", "same", "some", "list_some"):
                add(structure, y=y, loss=loss)
            for metrics in ("flat_one", "flat_list", "lists_list", "lists_names", "lists_same"):
                add(structure, y=y, metrics=metrics)
        for loss in forms["loss"]:
            for weights in ("none", "one", "list", "names", "same"):
                add(structure, loss=loss, loss_weights=weights)
        for metrics in forms["metrics"]:
            add(structure, metrics=metrics)
            add(structure, weighted=metrics)
            add(structure, weighted=metrics, metrics=metrics, loss="same", sample_weight="same")
        for weights in forms["sample_weight"]:
            for weighted in ("flat_none", "lists_list", "lists_same"):
                add(structure, sample_weight=weights, weighted=weighted)
            add(structure, sample_weight=weights, y="list", weighted="lists_list")
            add(structure, sample_weight=weights, y="names", weighted="lists_names")
    return cases


OUTPUT_CASES = _output_cases()


def output_case(rn, case, eager=False):
    """predict's structure; History, evaluate, train_on_batch and the names, for one way to compile and feed it."""
    structure, chosen = OUTPUT_CASES[case]
    shape = OUTPUTS[structure]
    forms = forms_of(shape)
    x, y = data("b"), forms["y"][chosen["y"]]
    weight = forms["sample_weight"][chosen["sample_weight"]]

    def made():
        model = model_of(rn, "b", shape)
        model.compile(
            rn.optimizers.SGD(0.0),
            loss=forms["loss"][chosen["loss"]],
            loss_weights=forms["loss_weights"][chosen["loss_weights"]],
            metrics=forms["metrics"][chosen["metrics"]],
            weighted_metrics=forms["metrics"][chosen["weighted"]],
            **({"run_eagerly": True} if eager else {}),
        )
        return model

    def fit():
        model = made()
        history = model.fit(x, y, sample_weight=weight, epochs=1, batch_size=4, shuffle=False, verbose=0).history
        return {
            "history": sorted([key, round(float(value[0]), 3)] for key, value in history.items()),
            "evaluate": plain(model.evaluate(x, y, sample_weight=weight, verbose=0, batch_size=6)),
            "on_batch": plain(model.train_on_batch(x, y, sample_weight=weight)),
            "names": list(model.metrics_names),
        }

    return attempt(fit)


def predict_case(rn, structure):
    model = model_of(rn, "b", OUTPUTS[structure])
    x = data("b")
    return {
        "predict": attempt(lambda: plain(model.predict(x, batch_size=4, verbose=0))),
        "on_batch": attempt(lambda: plain(model.predict_on_batch(x))),
        "call": attempt(lambda: plain(model(x))),
        "output_names": list(model.output_names),
        "output_shape": attempt(lambda: repr(model.output_shape)),
        "input_shape": attempt(lambda: repr(model.input_shape)),
    }
