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
