"""Makes ops_dtypes_keras.json: the result types of keras.ops over all pairs of types, by the real Keras on JAX.

    KERAS_BACKEND=jax python tests/golden/make_golden_dtypes.py

JAX knows 64-bit types only where x64 is switched on. An entry whose arguments have at most 32 bits comes from a run without it
(Keras' default), any other from a run with it. "error" marks what Keras refuses; names "int", "float", "pybool" are Python numbers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

TYPES = (
    "bool",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
)
PYTHON = {"pybool": True, "int": 2, "float": 2.5}
UNARY = (
    "abs negative square sqrt rsqrt reciprocal expm1 log1p log2 log10 sin cos tan arcsin arccos arctan sinh cosh arcsinh "
    "arccosh arctanh exp log erf isnan isinf isfinite logical_not floor ceil round sign sum mean max min prod cumsum var std "
    "logsumexp norm any all argmax argmin argsort sort count_nonzero zeros_like ones_like relu relu6 sigmoid tanh silu gelu "
    "leaky_relu elu celu selu softplus softsign log_sigmoid hard_sigmoid hard_silu softmax log_softmax flip ravel "
    "transpose normalize"
).split()
BINARY = (
    "add subtract multiply divide power maximum minimum arctan2 logaddexp mod floor_divide equal not_equal less less_equal "
    "greater greater_equal logical_and logical_or logical_xor isclose matmul dot tensordot where concatenate "
    "stack"
).split()
CREATION = {
    "arange(3)": "arange(3)",
    "arange(3.0)": "arange(3.0)",
    "arange(0, 3, 0.5)": "arange(0, 3, 0.5)",
    "full((2,), 1)": "full((2,), 1)",
    "full((2,), 1.5)": "full((2,), 1.5)",
    "full((2,), True)": "full((2,), True)",
    "zeros((2,))": "zeros((2,))",
    "ones((2,))": "ones((2,))",
    "eye(2)": "eye(2)",
    "linspace(0, 1, 3)": "linspace(0, 1, 3)",
    "linspace(0.0, 1.0, 3)": "linspace(0.0, 1.0, 3)",
    "one_hot([1, 0], 3)": "one_hot([1, 0], 3)",
    "convert_to_tensor(1)": "convert_to_tensor(1)",
    "convert_to_tensor(1.0)": "convert_to_tensor(1.0)",
    "convert_to_tensor(True)": "convert_to_tensor(True)",
    "convert_to_tensor([1, 2])": "convert_to_tensor([1, 2])",
    "convert_to_tensor([1.0, 2])": "convert_to_tensor([1.0, 2])",
    "add([1], [2])": "add([1], [2])",
    "add([1], 2.0)": "add([1], 2.0)",
    "add(1, 2)": "add(1, 2)",
    "add(1, 2.0)": "add(1, 2.0)",
    "add(True, True)": "add(True, True)",
    "multiply(True, 2)": "multiply(True, 2)",
    "divide(1, 2)": "divide(1, 2)",
    "sqrt(4)": "sqrt(4)",
    "sum([1, 2])": "sum([1, 2])",
    "sum([True, False])": "sum([True, False])",
    "mean([1, 2])": "mean([1, 2])",
}


def name_of(value):
    return str(value.dtype)


def measure(wide):
    """Everything that this process, with or without x64, answers for."""
    import keras
    import numpy as np

    ops = keras.ops

    def argument(kind, matrix=False):
        if kind in PYTHON:
            return PYTHON[kind]
        return np.ones((2, 2) if matrix else (2,), kind)

    def asked(*kinds):
        return any(kind.endswith("64") for kind in kinds) == wide

    def attempt(call):
        try:
            return name_of(call())
        except Exception:
            return "error"

    table = {"unary": {}, "binary": {}, "clip": {}, "creation": {}}
    for name in UNARY:
        table["unary"][name] = {
            kind: attempt(lambda n=name, k=kind: getattr(ops, n)(argument(k, n == "transpose")))
            for kind in TYPES
            if asked(kind)
        }
    for name in BINARY:
        found = table["binary"][name] = {}
        for a in (*TYPES, *PYTHON):
            for b in (*TYPES, *PYTHON):
                if (
                    not asked(a, b)
                    or (a in PYTHON and b in PYTHON)
                    or (name in ("matmul", "dot", "tensordot", "concatenate", "stack") and (a in PYTHON or b in PYTHON))
                ):
                    continue
                matrix = name in ("matmul", "tensordot")
                x, y = argument(a, matrix), argument(b, matrix)
                function = getattr(ops, name)
                if name in ("concatenate", "stack"):
                    found[f"{a},{b}"] = attempt(lambda f=function, x=x, y=y: f([x, y], axis=0))
                elif name == "where":
                    found[f"{a},{b}"] = attempt(lambda f=function, x=x, y=y: f(np.ones(2, bool), x, y))
                else:
                    found[f"{a},{b}"] = attempt(lambda f=function, x=x, y=y: f(x, y))
    for kind in TYPES:
        if asked(kind):
            for label, bounds in {"int": (0, 1), "float": (0.5, 1.5), "none-float": (None, 1.5)}.items():
                table["clip"][f"{kind},{label}"] = attempt(lambda k=kind, b=bounds: ops.clip(argument(k), *b))
    if not wide:
        for label, text in CREATION.items():
            table["creation"][label] = attempt(lambda t=text: eval("ops." + t, {"ops": ops}))
    return table


def main():
    merged = {"unary": {}, "binary": {}, "clip": {}, "creation": {}}
    for wide in (False, True):
        environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_ENABLE_X64": str(int(wide))}
        text = subprocess.run(
            [sys.executable, __file__, "--measure", str(int(wide))],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        table = json.loads(text.splitlines()[-1])
        for part in ("unary", "binary"):
            for name, entries in table[part].items():
                merged[part].setdefault(name, {}).update(entries)
        merged["clip"].update(table["clip"])
        merged["creation"].update(table["creation"])
    lines = [
        f"{json.dumps(part)}: {{\n"
        + ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in entries.items())
        + "\n}"
        for part, entries in merged.items()
    ]
    Path(__file__).with_name("ops_dtypes_keras.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        print(json.dumps(measure(sys.argv[-1] == "1")))
    else:
        main()
