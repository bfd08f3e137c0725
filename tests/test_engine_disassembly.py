"""No instruction wider than a build may use leaks into it: disassemble and look at the registers."""
import importlib.util
import re
import shutil
import subprocess

import pytest

OBJDUMP = shutil.which("objdump")
WIDER = {
    "base": re.compile(r"%[yz]mm\d+|%xmm(?:1[6-9]|2\d|3[01])\b|\bv(?:mov|add|mul|fm)\w*\b"),      # any VEX or EVEX code
    "avx2": re.compile(r"%zmm\d+|%[xy]mm(?:1[6-9]|2\d|3[01])\b|%k[0-7]\b"),                          # any EVEX code
}


def instructions(path):
    command = [OBJDUMP, "-d", "--no-show-raw-insn", path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(OBJDUMP is None, reason="no objdump here")
class TestDisassembly:
    @pytest.fixture(autouse=True)
    def x86_built(self, fast):
        from refnet_fast import _build_info
        if "avx2" not in _build_info.ISAS:
            pytest.skip("only the base was built")
        if _build_info.DEBUG:
            pytest.skip("a debug build")

    def modules(self, isa):
        from refnet_fast import kernels
        for chapter in kernels.CHAPTERS:
            name = f"refnet_fast.kernels._{isa}.{chapter}"
            spec = importlib.util.find_spec(name)            # found, not loaded: this machine need not run it
            assert spec is not None, name
            yield chapter, spec.origin

    @pytest.mark.parametrize("isa", ["base", "avx2"])
    def test_no_wider_register(self, isa):
        for chapter, path in self.modules(isa):
            found = [line for line in instructions(path).splitlines() if WIDER[isa].search(line)]
            assert not found, f"{chapter}: {found[:3]}"

    def test_the_runtime_is_base_code(self):
        spec = importlib.util.find_spec("refnet_fast._runtime")
        found = [line for line in instructions(spec.origin).splitlines() if WIDER["base"].search(line)]
        assert not found, found[:3]

    # The tiles alone, two forms of 1..mr rows by 1 and 2 vectors: 6 (1 + ... + mr) multiply-adds.
    @pytest.mark.parametrize(("isa", "register", "least"), [("avx512", "zmm", 630), ("avx2", "ymm", 126)])
    def test_the_wide_builds_are_wide(self, isa, register, least):
        from refnet_fast import _build_info
        if isa not in _build_info.ISAS:
            pytest.skip(f"{isa} was not built")
        for chapter, path in self.modules(isa):
            if chapter in ("dense", "matmul"):
                fused = re.findall(rf"vfmadd\d+ps.*%{register}\d+", instructions(path))
                assert len(fused) >= least, f"{chapter}: {len(fused)} fused multiply-adds on %{register}"
