"""Builds refnet_fast: every chapter of kernels in C once, compiled once per instruction set.

The rest of the project's description is in pyproject.toml. A build that fails does not fail the installation: refnet
works without its twin. The reason is stored in refnet_fast/_build_info.py, where ImportError and the demo find it.

Environment
    REFNET_NO_EXT=1     build no extensions
    REFNET_DEBUG=1      -O0 -g, bounds checks, asserts
    REFNET_SANITIZE=1   AddressSanitizer and UndefinedBehaviorSanitizer (gcc, clang): for scripts/sanitize.py
    REFNET_BUILD_ISA=.. which instruction sets to build, "base,avx512" for example (default: all; base always)
    REFNET_JOBS=n       compilers at a time (default: one per processor)
"""
from __future__ import annotations

import copy
import os
import platform
import re
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
CHAPTERS = sorted(path.stem for path in (ROOT / "refnet_fast/kernels").glob("*.pyx"))
ISAS = {"base": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4"}

NO_EXT = os.environ.get("REFNET_NO_EXT", "") not in ("", "0")
DEBUG = os.environ.get("REFNET_DEBUG", "") not in ("", "0")
SANITIZE = os.environ.get("REFNET_SANITIZE", "") not in ("", "0")
WANTED = os.environ.get("REFNET_BUILD_ISA", "").replace(",", " ").split()

# Signed overflow wraps in what Python's own flags ask for; a sanitizer that is to see it must be told that it does not.
# Beside what "undefined" covers: a number too large for the integer that it becomes.
# -O0: what is looked for does not depend on it, and half the compile time does.
SANITIZERS = ["-fsanitize=address,undefined,float-cast-overflow"]
SANITIZE_FLAGS = [*SANITIZERS, "-fno-sanitize-recover=all", "-fno-wrapv", "-fno-omit-frame-pointer", "-O0", "-g1"]

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": True,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": not DEBUG,
}

MODE = "sanitize" if SANITIZE else "debug" if DEBUG else "release"

OPENMP_PROBE = "#include <omp.h>\nint main(void) { return omp_get_max_threads() > 0 ? 0 : 1; }\n"
PLAIN_PROBE = "#include <Python.h>\nint main(void) { return 0; }\n"


class NotBuilt(Exception):
    """Why there will be no extensions."""


def wide_isas() -> list[str]:
    """Instruction sets beyond the base that are worth trying for the machine that is built for."""
    target = os.environ.get("ARCHFLAGS", "") or platform.machine()
    x86 = any(name in target.lower() for name in ("x86_64", "amd64")) and "arm64" not in target
    return [isa for isa in ("avx2", "avx512") if not WANTED or isa in WANTED] if x86 else []


def extensions() -> list[Extension]:
    """All that might be built; sources become C files in `build_extensions`, when there is a compiler to ask."""
    found = [Extension("refnet_fast._runtime", ["refnet_fast/_runtime.pyx"])]
    for isa in ["base", *wide_isas()]:
        found += [Extension(f"refnet_fast.kernels._{isa}.{chapter}", [f"refnet_fast/kernels/{chapter}.pyx"])
                  for chapter in CHAPTERS]
    return found


def isa_of(extension: Extension) -> str:
    """"base", "avx2" or "avx512"; the runtime is "base"."""
    part = extension.name.split(".")[-2]
    return part[1:] if part[1:] in ISAS else "base"


def headers(source: Path) -> list[str]:
    """The headers of refnet_fast/simd and the .pxd that a file includes, directly or not: if one changes, it is compiled again."""
    found: dict[str, None] = {}
    todo = [source]
    while todo:
        text = todo.pop().read_text(encoding="utf-8")
        paths = [ROOT / "refnet_fast/simd" / name for name in re.findall(r'"(?:refnet_fast/simd/)?(\w+\.h)"', text)]
        paths += [ROOT / f"refnet_fast/{name}.pxd" for name in re.findall(r"from refnet_fast\.(\w+) cimport", text)]
        for path in paths:
            if path.exists() and str(path) not in found:
                found[str(path)] = None
                todo.append(path)
    return list(found)


class BuildExt(build_ext):
    """Asks the compiler what it can do, then builds in parallel and remembers what went wrong."""

    def run(self) -> None:
        self.openmp, self.reason, self.dropped = False, None, {}
        self.into_tree = bool(self.inplace or getattr(self, "editable_mode", False))   # run() changes inplace
        try:
            if NO_EXT:
                raise NotBuilt("REFNET_NO_EXT=1 was set when it was installed.")
            super().run()
        except NotBuilt as error:
            self.reason = str(error)
        except Exception as error:          # no compiler at all: setuptools says so in many ways
            self.reason = f"{type(error).__name__}: {error}"
        if self.reason:
            self.extensions = []
            print(f"refnet: building without refnet_fast: {self.reason}", file=sys.stderr)
        self.write_build_info()

    # ---- what the compiler can do -------------------------------------------------------------------------------

    def tries(self, code: str, flags: list[str], link: list[str] | None = None) -> bool:
        """Does this compile, and link if `link` is given?"""
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "probe.c"
            source.write_text(code, encoding="utf-8")
            quiet, saved = os.open(os.devnull, os.O_WRONLY), os.dup(2)
            os.dup2(quiet, 2)                # a probe that fails is no news
            try:
                objects = self.compiler.compile([str(source)], output_dir=directory, extra_postargs=flags,
                                                include_dirs=[sysconfig.get_paths()["include"]])
                if link is not None:
                    self.compiler.link_executable(objects, str(Path(directory) / "probe"), extra_postargs=link)
            except Exception:                # CompileError, LinkError, and what else compilers' wrappers raise
                return False
            finally:
                os.dup2(saved, 2)
                os.close(quiet)
                os.close(saved)
            return True

    def openmp_flags(self) -> tuple[list[str], list[str]]:
        """Compiler and linker flags for OpenMP; empty where there is none."""
        if self.msvc:
            candidates = [(["/openmp"], [])]
        elif sys.platform == "darwin":
            candidates = [(["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"], [f"-L{prefix}/lib", "-lomp"])
                          for prefix in ("/opt/homebrew/opt/libomp", "/usr/local/opt/libomp", sys.prefix)]
            candidates.append((["-fopenmp"], ["-fopenmp"]))
        else:
            candidates = [(["-fopenmp"], ["-fopenmp"])]
        for flags, link in candidates:
            if self.tries(OPENMP_PROBE, flags, link):
                return flags, link
        print("refnet: no OpenMP found: refnet_fast will run on one thread (config() says so).", file=sys.stderr)
        return [], []

    def isa_flags(self, isa: str) -> list[str] | None:
        """Flags for an instruction set; None where the compiler does not know it."""
        if not wide_isas():
            return []
        if self.msvc and not self.clang_cl:
            return [] if isa == "base" else None
        flags = [f"-march={ISAS[isa]}"] + (["-mprefer-vector-width=512"] if isa == "avx512" else [])
        if self.clang_cl:
            flags = [f"/clang:{flag}" for flag in flags]
        return flags if self.tries("int main(void) { return 0; }\n", flags) else (None if isa != "base" else [])

    def common_flags(self) -> list[str]:
        if self.clang_cl:
            return ["/O2"] + [f"/clang:{flag}" for flag in ("-O3", "-fno-math-errno", "-fno-trapping-math",
                                                            "-ffp-contract=fast")]
        if self.msvc:
            return ["/Od", "/Zi"] if DEBUG else ["/O2", "/fp:precise", "/std:c11"]
        common = ["-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-Wno-unused-function"]
        return common + (SANITIZE_FLAGS if SANITIZE else ["-O0", "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"])

    # ---- building -----------------------------------------------------------------------------------------------

    def build_extensions(self) -> None:
        self.msvc = self.compiler.compiler_type == "msvc"
        self.clang_cl = self.msvc and "clang-cl" in os.environ.get("CC", "")
        if self.clang_cl:
            if not getattr(self.compiler, "initialized", True):
                self.compiler.initialize()
            self.compiler.cc = os.environ["CC"]
        if not self.tries(PLAIN_PROBE, []):
            raise NotBuilt("the C compiler is missing or does not work (a program of one line, with Python's headers, "
                           "did not compile).")
        try:
            import numpy
            from Cython.Build import cythonize
        except ModuleNotFoundError as error:
            raise NotBuilt(f"{error.name} was not installed when it was built.") from error

        openmp_compile, openmp_link = self.openmp_flags()
        self.openmp = bool(openmp_compile)
        flags = {isa: self.isa_flags(isa) for isa in ISAS}
        for isa, known in flags.items():
            if known is None:
                self.dropped[isa] = "the compiler does not know it"
        self.extensions = [e for e in self.extensions if flags[isa_of(e)] is not None]

        c_files = self.to_c(cythonize)
        for extension in self.extensions:
            extension.depends = [*headers(ROOT / extension.sources[0]), str(ROOT / "setup.py")]
            extension.sources = [c_files[extension.name.split(".")[-1]]]
            extension.include_dirs = [str(ROOT), numpy.get_include()]
            extension.define_macros = [("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")]
            extension.extra_compile_args = self.common_flags() + flags[isa_of(extension)] + openmp_compile
            extension.extra_link_args = openmp_link + (SANITIZERS if SANITIZE else [])
        self.build_all()

    def to_c(self, cythonize) -> dict[str, str]:
        """Every .pyx becomes C once, whatever the number of instruction sets."""
        names = {"_runtime": "refnet_fast._runtime"} | {c: f"refnet_fast.kernels.{c}" for c in CHAPTERS}
        modules = [Extension(full, [full.replace(".", "/") + ".pyx"]) for full in names.values()]
        build_dir = os.path.join("build", "cython-debug" if DEBUG else "cython")
        done = cythonize(modules, build_dir=build_dir, compiler_directives=DIRECTIVES, quiet=True, force=self.force,
                         include_path=[str(ROOT)])
        return {module.name.split(".")[-1]: module.sources[0] for module in done}

    def build_one(self, extension: Extension) -> Exception | None:
        worker = copy.copy(self)             # object files of the instruction sets must not meet: a directory for each
        worker.build_temp = os.path.join(self.build_temp, MODE, isa_of(extension))
        try:
            worker.build_extension(extension)
        except Exception as error:
            return error
        return None

    def build_all(self) -> None:
        jobs = int(os.environ.get("REFNET_JOBS") or self.parallel or os.cpu_count() or 1)
        self.extensions.sort(key=lambda e: "dense matmul".find(e.name.split(".")[-1]) < 0)   # the long ones first
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            errors = list(pool.map(self.build_one, self.extensions))
        for extension, error in zip(self.extensions, errors):
            if error is not None:
                self.dropped.setdefault(isa_of(extension), f"{extension.name} did not compile ({str(error)[-120:]}); "
                                                           "the compiler's output says why: `pip -v install .` shows it")
        if "base" in self.dropped and any(isa_of(e) == "base" and x for e, x in zip(self.extensions, errors)):
            raise NotBuilt(self.dropped["base"])
        self.extensions = [e for e in self.extensions if isa_of(e) not in self.dropped]

    # ---- what is remembered -------------------------------------------------------------------------------------

    def write_build_info(self) -> None:
        lines = [
            '"""Written by setup.py: how refnet_fast was built, or why it was not."""',
            f"REASON = {self.reason!r}",
            f"OPENMP = {self.openmp!r}",
            f"ISAS = {tuple(dict.fromkeys(isa_of(e) for e in self.extensions))!r}",
            f"DROPPED = {self.dropped!r}",
            f"DEBUG = {DEBUG!r}",
        ]
        folder = ROOT if self.into_tree else Path(self.build_lib)
        path = folder / "refnet_fast" / "_build_info.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt})
