"""Benchmarks of refnet and refnet_fast against each other and against the frameworks people know.

`python -m benchmarks` runs every part in turn, stores what it measured in `results.json`, and writes `REPORT.md` and
its pictures from it; `--only dense` or `--only conv` runs half of it, `--fast` each half in ten minutes. The parts can
be run one by one:

    python -m benchmarks.training      training steps, `fit` and inference, all peers interleaved
    python -m benchmarks.startup       import + first training step in a fresh process; peak memory
    python -m benchmarks.competitor    the same step beside a busy process
    python -m benchmarks.layers        convolutional layers one by one, against the machine's peaks
    python -m benchmarks.scaling       time and memory against batch, image size and channels
    pytest benchmarks/kernels.py       reference kernels against fast ones, checked and then timed
    python -m benchmarks.acceptance    accuracy on real data, beside the real Keras
    python -m benchmarks.report        the report, from the stored results

The peers (torch, jax, keras, tensorflow) may live in another interpreter than refnet: `--peers-python PATH` or the
environment variable REFNET_PEERS_PYTHON. A peer that is not installed is left out, and the report says so.
"""
