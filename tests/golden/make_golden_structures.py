"""Make structures_keras.json: what the real Keras takes and gives in the cases of structure_grid.py.

    KERAS_BACKEND=jax python tests/golden/make_golden_structures.py
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402
import structure_grid as grid  # noqa: E402


def short(result):
    """Words of a refusal are Keras' own, and change: only that it refused is kept."""
    if isinstance(result, str) and result.startswith("refused"):
        return "refused"
    return {key: short(value) for key, value in result.items()} if isinstance(result, dict) else result


def compute():
    yield "inputs", {case: short(grid.input_case(keras, case)) for case in grid.INPUT_CASES}
    yield "predict", {case: short(grid.predict_case(keras, case)) for case in grid.OUTPUTS}
    found = {}
    for number, case in enumerate(grid.OUTPUT_CASES):
        found[case] = short(grid.output_case(keras, case, eager=True))
        if number % 100 == 0:
            keras.backend.clear_session()
            print(number, "of", len(grid.OUTPUT_CASES), flush=True)
    yield "outputs", found


if __name__ == "__main__":
    lines = []
    for section, cases in compute():
        body = ",\n".join(f"{json.dumps(case)}: {json.dumps(result, separators=(',', ':'))}" for case, result in cases.items())
        lines.append(f'"{section}": {{\n{body}\n}}')
    header = json.dumps({"keras": keras.__version__, "backend": keras.backend.backend()})
    (HERE / "structures_keras.json").write_text(f'{{"made_with": {header},\n' + ",\n".join(lines) + "}\n")
