"""Every block of code in README.md, CONTRIBUTING.md and docs/ does what it says, read from top to bottom.

Python is run: all blocks of a page in one process, one after the other, in one namespace, as a reader would type them;
only the number of epochs is cut down. Of the shell's commands, those of refnet are run; of the others (pip, venv, git)
it is checked that the extras, groups and files they name exist.
"""

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
IDS = [path.relative_to(ROOT).as_posix() for path in PAGES]
LANGUAGES = {"python", "sh", "text", ""}  # what a fence may say: a language without a check here would be unchecked


def blocks(path):
    """(line, language, code) of each fenced block."""
    found, opened = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fence = re.match(r"\s*```(\S*)\s*$", line)
        if fence and opened is None:
            opened = (number + 1, fence.group(1), [])
        elif fence:
            found.append((opened[0], opened[1], "\n".join(opened[2]) + "\n"))
            opened = None
        elif opened:
            opened[2].append(line)
    assert opened is None, f"{path.name}: the block at line {opened[0]} has no end"
    return found


def shell_commands(path):
    """(line, words) of each simple command; comments are left out."""
    for line, language, code in blocks(path):
        if language != "sh":
            continue
        for offset, text in enumerate(code.splitlines()):
            for command in text.split("&&"):
                words = shlex.split(command, comments=True)
                if words:
                    yield line + offset, words


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_every_block_is_of_a_kind_that_is_checked(path):
    assert {language for _, language, _ in blocks(path)} <= LANGUAGES


# One process runs a page. A block that fails names its line; __main__ is real, so that `if __name__ == "__main__"` runs.
RUNNER = """
import json, sys, traceback

namespace = {"__name__": "__main__"}
for line, code in json.load(sys.stdin):
    print(f"--- line {line}", flush=True)
    try:
        exec(compile("\\n" * (line - 1) + code, PAGE, "exec"), namespace)
    except BaseException:
        traceback.print_exc()
        sys.exit(f"{PAGE}: the block at line {line} fails")
"""


def run_python(path, folder, code_blocks):
    import json

    return subprocess.run(
        [sys.executable, "-W", "error", "-c", RUNNER.replace("PAGE", repr(path.name))],
        input=json.dumps(code_blocks), capture_output=True, encoding="utf-8", timeout=300, cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def needs_fast(code):
    return re.search(r"import refnet_fast|use_backend\(.fast.\)|REFNET_BACKEND=fast", code)


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_python_blocks_run_one_after_the_other(path, tmp_path):
    found = [(line, code) for line, language, code in blocks(path) if language == "python"]
    if not found:
        return
    if importlib.util.find_spec("refnet_fast._runtime") is None:
        found = [(line, code) for line, code in found if not needs_fast(code)]
    if importlib.util.find_spec("matplotlib") is None:
        found = [(line, code) for line, code in found if ".save(" not in code]
    quick = [(line, re.sub(r"epochs=\d+", "epochs=1", code)) for line, code in found]
    done = run_python(path, tmp_path, quick)
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr
    for picture in re.findall(r'save\("(.*?)"\)', "".join(code for _, code in quick)):
        assert (tmp_path / picture).stat().st_size > 1000
    for line, language, code in blocks(path):
        if language == "text" and code.startswith("Gradient check"):  # what the page says it prints; numbers may differ
            for shown in code.splitlines()[:4]:
                assert shown.rstrip() in done.stdout, f"{path.name}, line {line}"


def test_the_runner_stops_at_a_block_that_fails(tmp_path):
    done = run_python(ROOT / "README.md", tmp_path, [(3, "a = 1\n"), (7, "assert a == 2\n")])
    assert done.returncode == 1 and 'README.md", line 7' in done.stderr


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_shell_blocks(path, tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    for line, words in shell_commands(path):
        where = f"{path.name}, line {line}: {shlex.join(words)}"
        assignments = [word for word in words if re.match(r"[A-Z_]+=", word)]
        words = words[len(assignments):]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **dict(a.split("=", 1) for a in assignments)}
        if words[:2] == ["pip", "install"]:
            for word in words[2:]:
                named = re.fullmatch(r"\.(?:\[(.*)\])?", word)
                assert not re.match(r"refnet\b", word), f"{where}: refnet is installed from its source tree"
                assert not named or set((named.group(1) or "").split(",")) <= {"", *extras}, where
            assert {words[i + 1] for i, word in enumerate(words) if word == "--group"} <= set(groups), where
        elif words[0] in ("refnet", "python"):
            if needs_fast(" ".join(assignments)) and importlib.util.find_spec("refnet_fast._runtime") is None:
                continue
            if words[:2] == ["refnet", "demo"]:
                continue  # the first command of README: .ci/run and tests/test_cli.py run it
            if words == ["python", "train.py"]:  # the reader's program: the first one of the page
                program = next(code for _, language, code in blocks(path) if language == "python")
                (tmp_path / "train.py").write_text(re.sub(r"epochs=\d+", "epochs=1", program), encoding="utf-8")
                command, folder = [sys.executable, "train.py"], tmp_path
            elif words[0] == "refnet":
                command, folder = [sys.executable, "-m", *words], ROOT
            else:
                assert words[1:3] == ["-m", "venv"] or words[1:2] == ["setup.py"], f"{where}: say here how to check it"
                continue
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, cwd=folder, env=environment)
            assert done.returncode == 0, where + done.stdout + done.stderr
        else:
            assert words[0] in (".", "pytest", "source"), f"{where}: say here how to check it"


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_files_named_in_backquotes_exist(path):
    """`refnet/kernels/dense.py`, `tests/cases.py`: a path in the text is a claim too. The names of examples are not."""
    invented = {"refnet/kernels/swoosh.py", "refnet_fast/kernels/swoosh.pyx", "train.py"}
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for name in re.findall(r"`((?:refnet|refnet_fast|tests|docs|benchmarks|examples|scripts|\.ci)/[\w./*-]*)`", text):
        if name not in invented:
            assert list(ROOT.glob(name.rstrip("/"))), f"{path.name} names {name}, which does not exist"


def test_the_build_group_is_what_a_build_needs():
    """`pip install --group build` gives what `python setup.py build_ext --inplace` imports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
