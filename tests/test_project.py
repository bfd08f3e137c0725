"""The project's own promises: what README, CI and pyproject.toml say of each other, and how the house is built."""

import ast
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import pytest

import refnet
from refnet import kernels

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE = Path(refnet.__file__).parent  # what is tested is what is imported: the installed package, or the tree
MODULES = sorted(PACKAGE.rglob("*.py"))
MODULE_IDS = [str(path.relative_to(PACKAGE)) for path in MODULES]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code_blocks(markdown, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", markdown, flags=re.MULTILINE | re.DOTALL)


# --- The files agree with one another --------------------------------------------------------------------------------


def test_ci_runs_exactly_the_first_two_commands_of_the_readme():
    commands = [block.strip() for block in code_blocks(read("README.md"), "sh")][:2]
    assert commands == ["pip install . && refnet demo", "pip install '.[test]' && pytest"]
    assert re.findall(r'^bash -c "(.*?)"', read(".ci/run"), flags=re.MULTILINE) == commands


def test_ci_compares_with_the_real_keras():
    """One job installs it and sees that it can be imported: a comparison that is skipped compares nothing."""
    job = re.search(r"^  keras:.*?(?=^  \S)", read(".github/workflows/ci.yml"), flags=re.MULTILINE | re.DOTALL).group()
    commands = re.findall(r"- run: (.*)", job)
    assert "pip install '.[test]' --group keras" in commands and "import jax, keras" in "".join(commands)
    assert commands[-1].split()[0] == "pytest"
    assert [requirement.partition(">=")[0] for requirement in PYPROJECT["dependency-groups"]["keras"]] == ["keras", "jax"]


def test_ci_is_strict_bash():
    assert read(".ci/run").startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in read(".ci/run")


def test_version_is_the_same_everywhere():
    assert PYPROJECT["project"]["version"] == refnet.__version__


def test_python_versions_agree():
    """The classifiers, requires-python, the wheels and the CI matrix name the same versions."""
    stated = re.findall(r"Python :: (3\.\d+)", "\n".join(PYPROJECT["project"]["classifiers"]))
    assert stated[0] == PYPROJECT["project"]["requires-python"].removeprefix(">=")
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + stated[0].replace(".", "")
    assert PYPROJECT["tool"]["cibuildwheel"]["build"] == [f"cp{version.replace('.', '')}-*" for version in stated]
    matrix = re.search(r"python: \[(.*?)\]", read(".github/workflows/ci.yml")).group(1)
    assert re.findall(r"3\.\d+", matrix) == stated


@pytest.mark.parametrize("workflow", ["ci.yml", "wheels.yml"])
def test_actions_are_pinned_to_commits(workflow):
    uses = re.findall(r"uses: (\S+)(.*)", read(f".github/workflows/{workflow}"))
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), f"{action}: pin the commit, a tag can move"
        assert re.search(r"# v\d+\.\d+", comment), f"{action}: say in a comment which version the commit is"


def test_the_command_is_installed():
    (script,) = [point for point in entry_points(group="console_scripts") if point.name == "refnet"] or pytest.skip(
        "refnet runs from the tree here, it is not installed: there are no entry points"
    )
    assert script.value == PYPROJECT["project"]["scripts"]["refnet"] == "refnet.cli:main"
    assert callable(script.load())


def test_package_data_is_installed():
    assert files("refnet").joinpath("py.typed").is_file()
    data = files("refnet.datasets").joinpath("data")
    assert {entry.name for entry in data.iterdir()} >= {"digits.npz", "digits.md"}
    assert sum(len(entry.read_bytes()) for entry in data.iterdir()) < 60_000


PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md", "examples/README.md"]


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#\s]+)\)", read(name)):
        if target.startswith(("http:", "https:")):
            continue
        path = ((ROOT / name).parent / target).resolve().relative_to(ROOT)
        base = PACKAGE.parent if path.parts and path.parts[0] in ("refnet", "refnet_fast") else ROOT
        assert (base / path).exists(), f"{name} links to {target}, which does not exist"


def test_readme_lists_every_chapter_in_the_reading_order():
    chapters = re.findall(r"^\| \d+ \| \[`(\w+)`\]", read("README.md"), flags=re.MULTILINE)
    numbers = re.findall(r"^\| (\d+) \| \[`\w+`\]", read("README.md"), flags=re.MULTILINE)
    assert [int(number) for number in numbers] == list(range(len(chapters)))
    assert chapters[0] == "chain_rule"                           # chapter 0 has no kernel, and so no twin
    assert sorted(chapters[1:]) == sorted(kernels.CHAPTERS)
    order = re.findall(r"\b(chain_rule|activation|dense|errors|reduction|sgd|softmax|cross_entropy|rmsprop|adam|philox|dropout"
                       r"|convolution|pooling|batch_norm|layer_norm|convolution_transpose|depthwise)\b",
                       kernels.__doc__)
    assert [chapter for chapter in chapters if chapter in order] == list(dict.fromkeys(order))


def test_readme_shows_the_examples_as_they_are():
    """Every Python block of more than a few lines is a file in examples/, and those are run by a test."""
    examples = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.py"))]
    blocks = [block for block in code_blocks(read("README.md"), "python") if block.count("\n") > 6]
    assert blocks
    for block in blocks:
        assert any(block.strip() in example for example in examples), f"not in any example:\n{block}"


# --- How the house is built ------------------------------------------------------------------------------------------

# Imports run one way, down. A module may import, when it is itself imported, modules of lower rank; those of its own
# rank only within its own package. (What a function imports when it is called is not part of this order.)
RANKS = {
    "kernels": 0, "keras_names": 0, "absent": 0, "plotting": 0,
    "public": 1,
    "config": 2, "datasets": 2, "tree": 2,
    "backend": 3,
    "tensors": 4,
    "autodiff": 5,
    "graph": 6, "recording": 6,
    "ops": 7,
    "random": 8,
    "utils": 9,
    "activations": 10, "initializers": 10, "regularizers": 10, "constraints": 10,
    "losses": 11, "optimizers": 11, "callbacks": 11,
    "metrics": 12,
    "layers": 13,
    "models": 14,
    "gradcheck": 15, "visualize": 15,
    "__init__": 16,
    "cli": 17, "__main__": 18,
}  # fmt: skip


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_at_import_time(tree):
    """Full names of the modules that this one imports as it is imported: not in functions, not under TYPE_CHECKING."""
    pending = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            # `from refnet import backend` imports refnet.backend: name both readings, the rank is of the longer
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend(node.orelse)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending.extend(c for c in ast.iter_child_nodes(node) if isinstance(c, (ast.stmt, ast.excepthandler)))


@pytest.mark.parametrize("path", MODULES, ids=MODULE_IDS)
def test_imports_run_one_way_down(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in RANKS, f"{path} is in a room of the house that has no rank: give it one in this test"
    for name in imported_at_import_time(parse(path)):
        parts = name.split(".")
        assert parts[0] != "refnet_fast", f"{path} imports {name}: refnet knows its twin only lazily"
        if parts[0] == "refnet" and len(parts) > 1 and parts[1] in RANKS and parts[1] != room:
            assert RANKS[parts[1]] < RANKS[room], f"{path} imports {name}: imports run down, and {room} is not above it"


@pytest.mark.parametrize("path", MODULES, ids=MODULE_IDS)
def test_only_the_backend_and_the_command_line_name_the_twin(path):
    """In code, that is: docstrings and messages may tell of it."""
    if path.relative_to(PACKAGE).parts[0] in ("backend.py", "cli"):
        return
    for node in ast.walk(parse(path)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert "refnet_fast" not in ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = re.fullmatch(r"refnet_fast(\.\w+)*", node.value)
            assert not named, f"{path}, line {node.lineno}, names {node.value!r}"


@pytest.mark.parametrize("path", MODULES, ids=MODULE_IDS)
def test_every_module_says_what_it_is_and_what_it_offers(path):
    tree = parse(path)
    assert ast.get_docstring(tree), f"{path} has no docstring"
    targets = [name.id for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))
               for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
               for name in ast.walk(target) if isinstance(name, ast.Name)]
    assert "__all__" in targets, f"{path} has no __all__"
    name = ".".join(("refnet", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
    module = importlib.import_module(name)
    missing = [public for public in module.__all__ if not hasattr(module, public)]
    assert not missing, f"{name}.__all__ names what is not there: {missing}"
    assert len(set(module.__all__)) == len(module.__all__)


def fresh_process(code, **environment):
    """Run code in a new interpreter that sees what this one sees; return its output."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


WITHOUT_COMPILED_PART = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name == "refnet_fast._runtime":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
try:
    import refnet_fast
except ImportError as error:
    print(error)
import refnet.cli
sys.exit(refnet.cli.main(["info"]))
"""


def test_without_its_compiled_part_the_twin_says_why_and_how_to_build_it():
    """On import, and in `refnet info`."""
    text = fresh_process(WITHOUT_COMPILED_PART)
    assert text.startswith("refnet_fast has no compiled part")
    assert text.count("To build it") == 2


@pytest.fixture
def unbuilt(tmp_path):
    """A source tree as it is checked out, nothing built in it, and beside it a folder that looks like site-packages."""
    tree, site = tmp_path / "a tree", tmp_path / "site"
    for name in ("refnet", "refnet_fast"):
        shutil.copytree(PACKAGE.parent / name, tree / name,
                        ignore=shutil.ignore_patterns("*.so", "*.pyd", "_build_info.py", "__pycache__"))
    shutil.copytree(ROOT / "benchmarks", tree / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    (tree / "tests").mkdir()
    shutil.copy(ROOT / "tests/conftest.py", tree / "tests")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tree)
    (tree / "tests/test_twin.py").write_text("def test_twin(fast):\n    pass\n", encoding="utf-8")
    # It comes before the environment's own site-packages: a refnet_fast that is installed there is not the one found.
    (site / "refnet_fast").mkdir(parents=True)
    (site / "refnet_fast/__init__.py").touch()
    return tree, site


def in_unbuilt(unbuilt, *command, **environment):
    tree, site = unbuilt
    inherited = {k: v for k, v in os.environ.items()
                 if k not in ("PYTHONSAFEPATH", "CI", "REFNET_NO_EXT", "REFNET_REQUIRE_FAST")}
    # An editable installation, if the tests run on one, would be a second thing that the tree hides: not here.
    (site / "sitecustomize.py").write_text(
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in getattr(f, '__module__', '').lower()]",
        encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, encoding="utf-8", timeout=120, cwd=tree,
                          env={**inherited, "PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8", **environment})
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", [["pytest"], ["benchmarks"], ["benchmarks.training"], ["benchmarks.layers"]],
                         ids=lambda command: command[0])
def test_a_tree_that_was_never_built_is_not_taken_for_the_library(unbuilt, command):
    """`python -m ...` in it would test, or measure, the reference alone."""
    tree, site = unbuilt
    code, text = in_unbuilt(unbuilt, *command)
    assert code not in (0, 5), text
    assert f"never built in the source tree {tree}" in text
    assert f"pip install -e '{tree}'" in text and "REFNET_NO_EXT=1" in text and "hides" not in text
    (site / f"refnet_fast/_runtime{EXTENSION_SUFFIXES[0]}").touch()
    code, text = in_unbuilt(unbuilt, *command)
    assert code not in (0, 5), text
    assert f"hides the one that is installed in {site / 'refnet_fast'}" in text


def test_a_tree_without_extensions_is_tested_where_that_is_meant(unbuilt):
    code, text = in_unbuilt(unbuilt, "pytest", REFNET_NO_EXT="1")
    assert code == 0 and "1 skipped" in text
    assert in_unbuilt(unbuilt, "pytest", REFNET_NO_EXT="0")[0] != 0


@pytest.mark.parametrize("variable", [None, "CI", "REFNET_REQUIRE_FAST"])
def test_an_installation_without_a_compiler_skips_unless_the_twin_is_required(unbuilt, variable):
    tree, site = unbuilt
    (tree / "refnet_fast/_build_info.py").write_text("REASON = 'no compiler.'", encoding="utf-8")
    code, text = in_unbuilt(unbuilt, "pytest", **({variable: "1"} if variable else {}))
    assert "no compiled part: no compiler." in text
    assert (code == 0) == (variable is None), text
    (site / f"refnet_fast/_runtime{EXTENSION_SUFFIXES[0]}").touch()  # a failed build in a tree hides a good one, too
    assert in_unbuilt(unbuilt, "pytest")[0] != 0


def test_a_build_for_another_python_says_so(unbuilt):
    tree, _ = unbuilt
    (tree / "refnet_fast/_runtime.cpython-399-x86_64-linux-gnu.so").touch()
    code, text = in_unbuilt(unbuilt, "pytest")
    assert code != 0 and "built for another Python (_runtime.cpython-399" in text


def test_importing_refnet_imports_nothing_heavy():
    loaded = set(fresh_process("import sys, refnet; print(*sys.modules)").split())
    heavy = {"rich", "h5py", "matplotlib", "pooch", "scipy", "threadpoolctl", "refnet_fast", "refnet.cli", "refnet.plotting"}
    assert not loaded & heavy


def test_import_refnet_leaves_numpy_alone():
    """No global state changes hands on import: error handling, print options, random state."""
    state = "(np.geterr(), np.get_printoptions(), np.random.get_state()[1].tobytes())"
    fresh_process(f"import numpy as np; before = {state}; import refnet; assert before == {state}")


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_examples_run(path, request, tmp_path):
    text = path.read_text(encoding="utf-8")
    if re.search("^import refnet_fast", text, flags=re.MULTILINE):
        request.getfixturevalue("fast")  # skips, with the reason, where it is not built
    if ".save(" in text:
        pytest.importorskip("matplotlib")
    done = subprocess.run([sys.executable, "-W", "error", path], capture_output=True, text=True, timeout=120,
                          cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracies = re.findall(r"test accuracy (0\.\d+)", done.stdout)
    if accuracies:
        assert float(accuracies[-1]) > 0.95


def test_what_modules_take_from_each_other_is_there():
    """`module.name`, everywhere: a typing error in a branch that no test reaches would be found by a user."""
    missing = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "refnet":
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    if importlib.util.find_spec(node.module).submodule_search_locations and importlib.util.find_spec(full):
                        modules[alias.asname or alias.name] = full
        assigned = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assigned |= {a.arg for n in ast.walk(tree) if isinstance(n, ast.arguments) for a in [*n.args, *n.kwonlyargs]}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
                full = modules.get(node.value.id)
                if full and node.value.id not in assigned and not hasattr(importlib.import_module(full), node.attr):
                    missing.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {full}.{node.attr}")
    assert not missing, "\n".join(missing)
