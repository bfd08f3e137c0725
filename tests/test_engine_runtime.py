"""The runtime of the twin: pool, threads, fork guard, choice of instruction set."""
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
from refnet_fast_machine import load_machine


@pytest.fixture
def runtime(fast):
    from refnet_fast import _runtime
    threads = _runtime.get_num_threads()
    yield _runtime
    _runtime.set_num_threads(threads)


def run(code, **environment):
    """Runs code in a fresh process; returns the completed process."""
    import refnet_fast
    root = os.path.dirname(os.path.dirname(refnet_fast.__file__))
    env = {k: v for k, v in os.environ.items() if not k.startswith(("REFNET_", "OMP_"))}
    path = os.pathsep.join([root, env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env={**env, "PYTHONPATH": path, **environment},
                          capture_output=True, text=True, timeout=120)


# ---- pool -----------------------------------------------------------------------------------------------------------

class TestPool:
    @pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (7, 5), (1000, 33), (2, 3, 4, 5)])
    @pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
    def test_arrays_are_ordinary_and_aligned(self, runtime, shape, dtype):
        a = runtime.empty(shape, dtype)
        assert type(a) is np.ndarray and a.shape == shape and a.dtype == dtype
        assert a.flags.c_contiguous and a.flags.writeable and a.flags.aligned
        assert a.ctypes.data % 64 == 0
        a[...] = 1
        assert a.sum() == a.size

    def test_a_block_comes_back_after_its_last_array(self, runtime):
        a = runtime.empty((1000, 100))
        address = a.ctypes.data
        del a
        assert runtime.empty((1000, 100)).ctypes.data == address

    def test_a_block_is_never_handed_out_while_a_view_of_it_lives(self, runtime):
        a = runtime.empty((100, 100))
        a[...] = 7
        windows = np.lib.stride_tricks.sliding_window_view(a, (2, 2))
        views = [a[3:50:7], a.T[1:], a.reshape(-1)[5:], windows, memoryview(a)]
        del windows
        address = a.ctypes.data
        del a
        while views:
            others = [runtime.empty((100, 100)) for _ in range(8)]
            assert address not in {b.ctypes.data for b in others}
            for b in others:
                b[...] = -1
            assert (np.asarray(views[0]) == 7).all()
            del others
            views.pop()
        assert address in {b.ctypes.data for b in [runtime.empty((100, 100)) for _ in range(9)]}

    def test_random_lives_never_overlap(self, runtime, rng):
        """Arrays of random sizes live and die in random order; each holds its own pattern as long as it lives."""
        alive = {}
        for step in range(4000):
            if alive and rng.random() < 0.5:
                key = list(alive)[int(rng.integers(len(alive)))]
                assert (alive.pop(key) == key).all()
            else:
                a = runtime.empty((int(rng.integers(1, 600)),), "int64")
                a[...] = step
                alive[step] = a
        for key, a in alive.items():
            assert (a == key).all()

    def test_what_lies_unused_is_bounded(self, runtime):
        try:
            runtime.pool_limit(1)
            blocks = [runtime.empty((100_000,)) for _ in range(10)]
            live = runtime.pool_stats()["live_bytes"]
            del blocks
            stats = runtime.pool_stats()
            assert stats["cached_bytes"] <= stats["limit_bytes"] == 1 << 20
            assert stats["live_bytes"] <= live - 10 * 400_000
        finally:
            runtime.pool_limit(512)

    def test_accounts_balance(self, runtime):
        runtime.pool_clear()
        assert runtime.pool_stats()["cached_bytes"] == 0
        before = runtime.pool_stats()["live_bytes"]
        a = runtime.empty((123, 45))
        assert runtime.pool_stats()["live_bytes"] >= before + a.nbytes
        del a
        assert runtime.pool_stats()["live_bytes"] == before
        assert runtime.pool_stats()["cached_bytes"] > 0

    def test_poison(self, runtime):
        before = runtime.set_poison(True)
        try:
            assert np.isnan(runtime.empty((3, 5))).all() and np.isnan(runtime.empty((3, 5), "float64")).all()
        finally:
            runtime.set_poison(before)

    def test_threads_share_it(self, runtime):
        wrong = []

        def work(mark):
            for i in range(300):
                a, b = runtime.empty((50 + i,)), runtime.empty((7,))
                a[...] = mark
                b[...] = -mark
                if not ((a == mark).all() and (b == -mark).all()):
                    wrong.append(mark)

        threads = [threading.Thread(target=work, args=(i + 1,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong

    def test_refuses_what_it_cannot_hold(self, runtime):
        with pytest.raises(TypeError, match="objects"):
            runtime.empty((3,), object)
        with pytest.raises(ValueError, match="negative"):
            runtime.empty((3, -1))
        with pytest.raises(ValueError, match="megabytes"):
            runtime.pool_limit(-1)


# ---- threads --------------------------------------------------------------------------------------------------------

class TestThreads:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_results_are_bit_identical_for_any_number(self, runtime, twin, rng, dtype):
        def everything():
            local = np.random.default_rng(1)

            def draw(*shape):
                return local.standard_normal(shape).astype(dtype)

            out = []
            for n, d, f, activation in [(128, 300, 520, "relu"), (700, 2000, 16, "gelu"), (512, 900, 40, "tanh"),
                                        (1, 800, 900, "silu"), (3, 801, 701, "relu"), (2000, 500, 1, "sigmoid"),
                                        (301, 203, 67, "linear")]:
                y, saved = twin.dense_forward(draw(n, d), draw(d, f), draw(f), activation)
                out += [y, *twin.dense_backward(draw(n, f), saved)]
            a, b = draw(9, 150, 70), draw(9, 70, 130)
            y, saved = twin.matmul_forward(a, b)
            out += [y, *twin.matmul_backward(y, saved)]
            y, saved = twin.softmax_forward(draw(3000, 37))
            out += [y, twin.softmax_backward(draw(3000, 37), saved)]
            y, saved = twin.categorical_crossentropy_forward(draw(5000, 20), np.abs(draw(5000, 20)), True)
            out += [y, twin.categorical_crossentropy_backward(draw(5000), saved)]
            y, saved = twin.dropout_forward(draw(1000, 301), 0.3, np.array([5, 6], np.uint32))
            out += [y, twin.dropout_backward(draw(1000, 301), saved), twin.philox_words(3, 100_001, 8, 9)]
            w, g, v = draw(300_007), draw(300_007), np.abs(draw(300_007))
            twin.rmsprop_update(w, g, v, 0.01)
            m = draw(300_007)
            twin.adam_update(w, g, m, v, 3, 0.01)
            twin.sgd_update(w, g, m, 0.01, 0.9, True)
            out += [w, v, m, twin.activation_forward(draw(100_003), "gelu")[0]]
            return out

        results = []
        for threads in (1, 2, 4):
            runtime.set_num_threads(threads)
            results.append(everything())
        for other in results[1:]:
            for one, two in zip(results[0], other):
                assert one.tobytes() == two.tobytes()

    def test_default_and_environment(self, runtime):
        code = "from refnet_fast import _runtime as r; print(r.get_num_threads())"
        assert run(code, OMP_NUM_THREADS="3").stdout.strip() == ("3" if runtime.config()["openmp"] else "1")
        assert run(code, OMP_NUM_THREADS="2,1").stdout.strip() == ("2" if runtime.config()["openmp"] else "1")
        assert 1 <= int(run(code).stdout) <= (os.cpu_count() or 1)

    @pytest.mark.parametrize("value", [0, -1, 1.5, "2", None, True])
    def test_set_num_threads_refuses(self, runtime, value):
        with pytest.raises(ValueError, match="set_num_threads"):
            runtime.set_num_threads(value)

    def test_cgroup_quota_and_cores(self, tmp_path):
        machine = load_machine()
        own = tmp_path / "own"
        own.write_text("0::/a/b\n")
        root = tmp_path / "cgroup"
        (root / "a" / "b").mkdir(parents=True)
        assert machine.cgroup_quota(root, own) == float("inf")
        (root / "a" / "b" / "cpu.max").write_text("max 100000\n")
        (root / "a" / "cpu.max").write_text("150000 100000\n")
        assert machine.cgroup_quota(root, own) == 1.5                  # the parent's limit holds for the child
        own.write_text("4:memory:/x\n3:cpu,cpuacct:/c\n")
        (root / "cpu" / "c").mkdir(parents=True)
        (root / "cpu" / "c" / "cpu.cfs_quota_us").write_text("300000")
        (root / "cpu" / "c" / "cpu.cfs_period_us").write_text("100000")
        assert machine.cgroup_quota(root, own) == 3
        (root / "cpu" / "c" / "cpu.cfs_quota_us").write_text("-1")
        assert machine.cgroup_quota(root, own) == float("inf")
        for cpu, siblings in enumerate(["0,2", "1,3", "0,2", "1,3"]):
            (tmp_path / f"cpu{cpu}" / "topology").mkdir(parents=True)
            (tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(siblings + "\n")
        assert machine.physical_cores({0, 1, 2, 3}, tmp_path) == 2
        assert machine.physical_cores({0, 2}, tmp_path) == 1
        assert machine.physical_cores({0, 9}, tmp_path) == 2           # unknown ones count

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
    def test_forked_child_runs_serial_instead_of_hanging(self, fast):
        done = run("""
            import os, signal, warnings
            import numpy as np
            import refnet_fast.kernels as k
            from refnet_fast import _runtime
            warnings.simplefilter("ignore", DeprecationWarning)
            x, w = np.ones((300, 400), np.float32), np.ones((400, 600), np.float32)
            k.dense_forward(x, w)                                   # the parent's team exists now
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                y = k.dense_forward(x, w)[0]
                _runtime.set_num_threads(2)
                config = _runtime.config()
                ok = (y == 400).all() and config["threads"] == 1 and config["forked_child_runs_serial"]
                os._exit(0 if ok else 1)
            status = os.waitpid(child, 0)[1]
            assert status == 0, status
            assert _runtime.get_num_threads() == 2 or not _runtime.config()["openmp"]
            assert (k.dense_forward(x, w)[0] == 400).all()
            print("done")
        """, OMP_NUM_THREADS="2")
        assert done.stdout.strip() == "done", done.stderr

    def test_predictions_in_several_python_threads_agree(self, runtime, twin, rng):
        x, w = rng.standard_normal((200, 300)).astype("f4"), rng.standard_normal((300, 400)).astype("f4")
        expected = twin.dense_forward(x, w, save=False)[0]
        wrong = []

        def work():
            for _ in range(20):
                if not np.array_equal(twin.dense_forward(x, w, save=False)[0], expected):
                    wrong.append(1)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


# ---- instruction sets -----------------------------------------------------------------------------------------------

class TestInstructionSets:
    def test_the_widest_is_chosen_and_a_narrower_one_can_be_forced(self, fast):
        from refnet_fast import kernels
        code = "import refnet_fast.kernels as k; print(k.ISA, k.NAME)"
        assert run(code).stdout.split() == [kernels.available()[-1], "fast"]
        for isa in kernels.available():
            assert run(code, REFNET_ISA=isa).stdout.split() == [isa, "fast"]

    def test_asking_for_more_than_there_is(self, fast):
        from refnet_fast import _runtime, kernels
        wrong = run("import refnet_fast", REFNET_ISA="mmx")
        assert wrong.returncode != 0 and "ImportError" in wrong.stderr
        assert "mmx" in wrong.stderr and "avx2" in wrong.stderr
        for isa in _runtime.ISAS:
            if isa not in kernels.available():
                wrong = run("import refnet_fast", REFNET_ISA=isa)
                assert "ImportError" in wrong.stderr and isa in wrong.stderr

    def test_sets_are_different_builds_of_the_same_functions(self, fast):
        from refnet_fast import kernels
        sets = [kernels.load(isa) for isa in kernels.available()]
        for chosen in sets:
            assert chosen.__all__ == sets[0].__all__
        assert len({id(s.dense_forward) for s in sets}) == len(sets)

    def test_shared_functions_are_the_reference_s_own(self, fast):
        import refnet.kernels
        from refnet.kernels import arrays
        from refnet_fast import kernels
        for name in arrays.SHARED:
            assert getattr(kernels, name) is getattr(refnet.kernels, name)
