"""The examples worked by hand in the chapters, run on every kernel set.

Every chapter's docstring has a section "By hand": one example small enough for paper, forward and backward. Nothing
of it is repeated here. This file reads the section out of the docstring and tries both halves of it:

* the arithmetic on paper: in every line `z = 1·3 - 2·1 = 1` all sides that are numbers must agree;
* the session below it (`>>> y, saved = dense_forward(...)`): run as it stands, with the functions of the reference
  and then with those of the twin under the same names.

Numbers with four decimals are rounded ones; all others are exact.
"""
import ast
import doctest
import importlib
import math
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import refnet.kernels

FOLDER = Path(refnet.kernels.__file__).parent
NO_CHAPTER = {"__init__", "arrays"}                              # arrays gathers the functions of other chapters
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NO_CHAPTER)

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"


def docstring(chapter):
    return importlib.import_module(f"refnet.kernels.{chapter}").__doc__


def by_hand(chapter):
    """The section's text: from its heading to the next line that is not indented."""
    found = re.search(r"^By hand\b.*\n((?:(?:[ ]+.*)?\n)+)", docstring(chapter), flags=re.MULTILINE)
    assert found, f"the docstring of refnet/kernels/{chapter}.py has no section 'By hand': one example with its numbers"
    return found.group(1)


# --- The arithmetic ---------------------------------------------------------------------------------------------------

FUNCTIONS = {"exp": math.exp, "log": math.log, "√": math.sqrt, "max": max, "min": min, "floor": math.floor}
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
             ast.Pow: operator.pow, ast.UAdd: operator.pos, ast.USub: operator.neg,
             ast.BitXor: lambda a, b: float(int(a) ^ int(b))}


def value(side):
    """What one side of an equation comes to, as an array; None if there is more in it than numbers."""
    text = side.strip().rstrip(".,;:").replace("·", "*").replace("²", "**2").replace("³", "**3").replace("⊕", "^")
    text = re.sub(r"√(\d[\d.]*)", r"√(\1)", text)
    try:
        return np.array(_evaluate(ast.parse(text.replace("√", "root"), mode="eval").body), dtype=float)
    except (SyntaxError, KeyError):
        return None


def _evaluate(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return node.value
    if isinstance(node, (ast.Tuple, ast.List)):
        return [_evaluate(entry) for entry in node.elts]
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_evaluate(node.left), _evaluate(node.right))
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](_evaluate(node.operand))
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).replace("root", "√")
        return FUNCTIONS[name](*map(_evaluate, node.args))
    raise KeyError(ast.dump(node))


def decimals(text):
    """The numbers in a text, each with how far it may be off."""
    return [(float(number), 0.51e-4 if re.search(r"\.\d{4}$", number) else 1e-12 * max(1.0, abs(float(number))))
            for number in re.findall(NUMBER, text)]


def pieces(line):
    """A line cut where a statement ends: at two blanks, a semicolon, a colon or a comma outside of brackets."""
    depth, start = 0, 0
    for at, character in enumerate(line):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and re.match(r"  |[;,:] ", line[at:]):
            yield line[start:at]
            start = at + 1
    yield line[start:]


def numeric_end(side):
    """The arithmetic at the end of a side, without the words before it: "makes w 1 - 0.2" -> "1 - 0.2"; or None."""
    words = side.split()
    for first in range(len(words)):
        if value(" ".join(words[first:])) is not None:
            goes_on = (first and re.search(r"[-+·/*(]$", words[first - 1])) or words[first] in "+-·/"
            return None if goes_on else " ".join(words[first:])
    return None


def numeric_begin(side):
    """The arithmetic at the beginning of a side: "54. Or nudge" -> "54"; or None."""
    words = side.split()
    for last in range(len(words), 0, -1):
        if value(" ".join(words[:last])) is not None:
            return " ".join(words[:last]).rstrip(".")
    return None


def equations(text):
    """(left side, right side) of every equation between numbers on paper; a chain a = b = c gives two."""
    for line in text.splitlines():
        if line.lstrip().startswith((">>>", "...")):
            continue
        for piece in pieces(line.strip()):
            sides = piece.split(" = ")
            for left, right in zip(map(numeric_end, sides), map(numeric_begin, sides[1:])):
                if left is not None and right is not None:
                    yield left, right


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_arithmetic_on_paper_is_right(chapter):
    found = list(equations(by_hand(chapter)))
    assert len(found) >= 2, f"{chapter}: an example by hand shows its arithmetic, as in 'z = 1·3 - 2·1 = 1'"
    for left, right in found:
        off = max(tolerance for _, tolerance in decimals(right))
        assert value(left).shape == value(right).shape, f"{chapter}: {left} = {right}"
        # factors of the left side that are rounded themselves make the result uncertain by as much
        slack = 2 if re.search(r"\.\d{4}\b", left) and off > 1e-9 else 1
        close = np.abs(value(left) - value(right)) <= slack * off
        assert np.all(close), f"{chapter}: {left} = {value(left)}, not {right}"


# --- The session ------------------------------------------------------------------------------------------------------

class Checker(doctest.OutputChecker):
    """The same text but for blanks, the same numbers; those that show four decimals are rounded."""

    def check_output(self, want, got, optionflags):
        if re.sub(NUMBER, "#", re.sub(r"\s", "", want)) != re.sub(NUMBER, "#", re.sub(r"\s", "", got)):
            return False
        wanted, found = decimals(want), decimals(got)
        return len(wanted) == len(found) and all(abs(w - g) <= off for (w, off), (g, _) in zip(wanted, found))


def run(text, names, chapter):
    """Run a session; returns how many of its lines show a result, and a report of those whose result is another."""
    test = doctest.DocTestParser().get_doctest(text, names, chapter, f"refnet/kernels/{chapter}.py", 0)
    report = []
    results = doctest.DocTestRunner(checker=Checker(), verbose=False).run(test, out=report.append)
    return sum(bool(example.want) for example in test.examples), "".join(report) if results.failed else ""


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_session_gives_what_it_shows(chapter, kernels):
    names = {name: getattr(kernels, name) for name in kernels.__all__}
    shown, wrong = run(by_hand(chapter), {"np": np, **names}, chapter)
    assert shown, f"{chapter}: the section shows no result"
    assert not wrong, f"on the kernel set {kernels.__name__}:\n{wrong}"


def test_what_is_shown_is_compared():
    """The checks above see a wrong digit, on paper and in a session, up to the fourth decimal of a rounded number."""
    line = "    z = 1·3 - 2·1 = 1      y = (2·z, 4) = (2, 4); then √4 = 2, which is x + 1 = 2"
    assert list(equations(line)) == [("1·3 - 2·1", "1"), ("√4", "2")]
    assert value("(1·2, 3²)").tolist() == [2, 9] and value("2·z") is None
    assert run(">>> 1 / 3\n0.3333\n", {}, "x")[1] == "" and run(">>> 0.5\n0.5\n", {}, "x") == (1, "")
    for shown in ("0.3334", "0.333", "1"):
        assert run(f">>> 1 / 3\n{shown}\n", {}, "x")[1], shown


# --- The form ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_says_why_before_it_says_what(chapter):
    """The first line names the subject; a paragraph of two lines or more then says what it is good for."""
    _, why, what = docstring(chapter).split("\n\n", 2)
    assert not why.startswith(" ") and len(why.splitlines()) >= 2, f"{chapter}: begin with why anyone wants this"
    assert re.search(r"^(Forward|Update|The |What |Philox)", what, flags=re.MULTILINE)


# --- What chapters say of behaviour -----------------------------------------------------------------------------------

@pytest.mark.parametrize(("name", "bottom"), [("silu", -1.2785), ("gelu", -0.7518), ("gelu_tanh", -0.7525)])
def test_activation_two_z_with_the_same_y_and_opposite_slopes(kernels, name, bottom):
    """What they save is z, as y does not determine the slope."""
    def f(z):
        return kernels.activation_forward(np.array([z]), name)[0][0]

    def slope(z):
        return kernels.activation_backward(np.array([1.0]), kernels.activation_forward(np.array([z]), name)[1])[0]

    left, low, high = -2.5, bottom, 0.0                          # f falls down to `bottom` and rises from there
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(middle) < f(left) else (low, middle)
    assert abs(f(low) - f(left)) < 1e-12 and slope(left) < -1e-3 and slope(low) > 1e-3


def test_reduction_without_the_mean_sgd_diverges_and_adam_hardly_notices(kernels):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(32, 5))
    t = x @ rng.normal(size=(5, 1)) + 1
    ends = {}
    for scale in (1 / 32, 1.0):
        for optimizer in ("sgd", "adam"):
            w, b = np.zeros((5, 1)), np.zeros(1)
            slots = [(np.zeros_like(p), np.zeros_like(p)) for p in (w, b)]
            losses = []
            for step in range(1, 51):
                y, saved = kernels.dense_forward(x, w, b)
                l, saved_l = kernels.mean_squared_error_forward(y, t)
                _, saved_sum = kernels.weighted_sum_forward(l, scale=scale)
                losses.append(float(l.mean()))
                dl = kernels.weighted_sum_backward(np.array(1.0), saved_sum)
                dy, _ = kernels.mean_squared_error_backward(dl, saved_l)
                _, dw, db = kernels.dense_backward(dy, saved)
                for p, g, (m, v) in zip((w, b), (dw, db), slots):
                    if optimizer == "sgd":
                        kernels.sgd_update(p, g, None, 0.1)
                    else:
                        kernels.adam_update(p, g, m, v, step, 0.1)
            ends[scale, optimizer] = losses[-1] / losses[0]
    assert ends[1 / 32, "sgd"] < 1e-2 and ends[1.0, "sgd"] > 1e6
    assert ends[1 / 32, "adam"] < 1e-2 and abs(ends[1.0, "adam"] / ends[1 / 32, "adam"] - 1) < 1e-3


def test_cross_entropy_a_saturated_probability_learns_nothing_logits_do(kernels):
    dl, t = np.array([1.0]), np.array([[1.0]])
    _, saved = kernels.binary_crossentropy_forward(np.array([[0.0]]), t)
    assert kernels.binary_crossentropy_backward(dl, saved)[0, 0] == 0
    _, saved = kernels.binary_crossentropy_forward(np.array([[-50.0]]), t, from_logits=True)
    assert kernels.binary_crossentropy_backward(dl, saved)[0, 0] == -1


@pytest.mark.parametrize("size", [1e-2, 1.0, 1e6])
def test_rmsprop_steps_do_not_depend_on_the_gradients_size(kernels, size):
    """The first is η / √(1 - ρ), the later ones go to η, as long as g² is well above ε."""
    w, v, steps = np.zeros(1), np.zeros(1), []
    for _ in range(200):
        before = w.copy()
        kernels.rmsprop_update(w, np.array([size]), v, learning_rate=0.1)
        steps.append(float((before - w)[0]))
    np.testing.assert_allclose([steps[0], steps[-1]], [0.1 / np.sqrt(0.1), 0.1], rtol=1e-2)


@pytest.mark.parametrize("shape", [(6, 9), (9, 6), (5, 5)])
def test_muon_directions_are_alike_after_five_turns(kernels, shape):
    """Singular values above 0.005 of the whole end between 0.68 and 1.16; 1.5, -0.5, 0 takes them to 1. Directions stay."""
    rng = np.random.default_rng(1)
    u, s, vt = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    s = np.geomspace(1, 0.01, len(s))
    exact = {"ns_steps": 30, "muon_a": 1.5, "muon_b": -0.5, "muon_c": 0.0}
    for options, low, high in (({}, 0.68, 1.16), (exact, 1 - 1e-6, 1 + 1e-6)):
        w, m = np.zeros(shape), np.zeros(shape)
        kernels.muon_update(w, (u * s) @ vt, m, learning_rate=1.0, rms_rate=None, nesterov=False, **options)
        found = -(u.T @ w @ vt.T)
        assert (np.diag(found) > low).all() and (np.diag(found) < high).all()
        np.testing.assert_allclose(found, np.diag(np.diag(found)), atol=1e-9)
    w = np.zeros(shape)
    kernels.muon_update(w, (u * s) @ vt, np.zeros(shape), learning_rate=1.0, **exact)
    np.testing.assert_allclose(np.sqrt(np.mean(w * w)), 0.2, rtol=1e-6)


def test_lamb_steps_are_a_fraction_of_the_weights(kernels):
    rng = np.random.default_rng(1)
    for size, gradient in ((1e-3, 1e3), (1.0, 1.0), (1e3, 1e-3)):
        w = size * rng.normal(size=(5, 7))
        before = w.copy()
        kernels.lamb_update(w, gradient * rng.normal(size=w.shape), np.zeros_like(w), np.zeros_like(w), 1, learning_rate=0.1)
        np.testing.assert_allclose(np.linalg.norm(w - before), 0.1 * np.linalg.norm(before), rtol=1e-6)
    w, g = np.zeros(3), np.array([2.0, -1.0, 4.0])
    kernels.lamb_update(w, g, np.zeros(3), np.zeros(3), 1, learning_rate=0.1, epsilon=0.0)
    np.testing.assert_allclose(w, -0.1 * np.sign(g), rtol=1e-12)                       # weights of 0: Adam's step


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ftrl_leaves_what_has_had_no_gradient_and_is_adagrad_without_penalties(kernels, dtype):
    w, z, q = (np.array(values, dtype) for values in ([1.0, -2.0, 3.0], [0, 0, 0], [0, 0, 0]))
    kernels.ftrl_update(w, np.array([0.0, 0.0, 1.0], dtype), q, z, learning_rate=0.5)
    np.testing.assert_array_equal(w, np.array([1.0, -2.0, 3.0 - 0.5], dtype))
    other, sums = w.copy(), q.copy()
    for g in (2.0, -1.0, 0.5):
        kernels.ftrl_update(w, np.full(3, g, dtype), q, z, learning_rate=0.5)
        kernels.adagrad_update(other, np.full(3, g, dtype), sums, learning_rate=0.5, epsilon=0.0)
    np.testing.assert_allclose(w[2], other[2], rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_adafactor_a_row_and_a_column_without_gradient(kernels, dtype):
    """Their product under one root would be 0 in float32."""
    w, g = np.ones((4, 5), dtype), np.ones((4, 5), dtype)
    g[1], g[:, 2] = 0, 0
    v, r, c = np.zeros_like(w), np.zeros(4, dtype), np.zeros(5, dtype)
    for step in (1, 2):
        kernels.adafactor_update(w, g, v, r, c, step, learning_rate=0.1)
    assert np.isfinite(w).all() and (w[1] == 1).all() and (w[:, 2] == 1).all() and (np.delete(np.delete(w, 1, 0), 2, 1) < 1).all()


def test_lion_is_a_look_ahead(kernels):
    """c = (1 - r) m + r m', r = (1 - β₁)/(1 - β₂)."""
    rng = np.random.default_rng(1)
    before, g = rng.normal(size=50), rng.normal(size=50)
    w, m = np.zeros(50), before.copy()
    kernels.lion_update(w, g, m, learning_rate=1.0, beta_1=0.9, beta_2=0.99)
    np.testing.assert_array_equal(w, -np.sign(-9 * before + 10 * m))


@pytest.mark.parametrize("epsilon", [0.0, 1e-3, 2.0])
def test_batch_norm_what_the_two_sums_take_out(kernels, epsilon):
    """Σ dx = 0, and of dx̂'s component along x̂ the fraction ε/(v + ε) is left."""
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(7, 3)), rng.normal(size=(7, 3))
    statistics = np.zeros((2, 3))
    y, saved = kernels.batch_norm_forward(x, epsilon=epsilon, statistics=statistics)     # without γ and β: y = x̂
    dx = kernels.batch_norm_backward(dy, saved)[0]
    v = statistics[1]
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)
    left = epsilon / (v + epsilon) * (dy * y).sum(axis=0) / np.sqrt(v + epsilon)
    np.testing.assert_allclose((dx * y).sum(axis=0), left, atol=1e-12)


def test_batch_norm_ten_layers_of_sigmoids_learn_with_it_only(rn):
    (x, labels), (x_test, labels_test) = rn.datasets.digits.load_data()
    right = []
    for normalise in (False, True):
        rn.utils.set_random_seed(0)
        model = rn.Sequential([rn.Input((64,))])
        for _ in range(10):
            model.add(rn.layers.Dense(32))
            if normalise:
                model.add(rn.layers.BatchNormalization())
            model.add(rn.layers.Activation("sigmoid"))
        model.add(rn.layers.Dense(10, activation="softmax"))
        model.compile(rn.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x.reshape(-1, 64) / 16, labels, epochs=20, verbose=0)
        right.append(model.evaluate(x_test.reshape(-1, 64) / 16, labels_test, verbose=0)[1])
    assert right[0] < 0.2 and right[1] > 0.9
