"""The tape: gradients of compositions, and every corner that architecture.md defines."""
import threading

import numpy as np
import pytest

import refnet
from refnet import ops
from refnet.autodiff import GradientTape, Tensor, Variable, custom_gradient, stop_gradient, value_and_grad


def slope(f, x, step=6e-6):
    x = x.copy()
    flat, grad = x.reshape(-1), np.empty(x.size)
    for i in range(x.size):
        original = flat[i]
        flat[i] = original + step
        high = float(f(x))
        flat[i] = original - step
        grad[i] = (high - float(f(x))) / (2 * step)
        flat[i] = original
    return grad.reshape(x.shape)


C = np.random.default_rng(1).normal(size=(3, 4))
W = np.random.default_rng(2).normal(size=(4, 5))

FUNCTIONS = {
    "operators": lambda x: ops.sum(x * C * x + 2.0 / x - (-x) ** 3 + abs(x) + 1 - x),
    "numpy functions": lambda x: np.sum(np.exp(x) * C) + np.mean(np.concatenate([x, x], axis=0) ** 2) + np.maximum(x, C).sum(),
    "numpy reductions": lambda x: np.add.reduce(np.multiply(x, x), axis=None) + np.max(x) + np.prod(x[0]),
    "matmul operator": lambda x: ops.sum((x @ W) ** 2) + ops.sum(C.T @ x),
    "matmul vector": lambda x: ops.sum(ops.matmul(x, W[:, 0])) + ops.matmul(C[0], x[1]),
    "matmul broadcast": lambda x: ops.sum(ops.matmul(np.ones((2, 1, 5, 3)), ops.reshape(x, (1, 3, 4))) ** 2),
    "einsum": lambda x: ops.sum(ops.einsum("ij,jk->ki", x, W) ** 3),
    "einsum implicit": lambda x: ops.sum(ops.einsum("...j,jk", x, W) ** 2),
    "einsum one": lambda x: ops.sum(ops.einsum("ij->j", x) ** 2),
    "softmax": lambda x: ops.sum(ops.softmax(x) * C) + ops.sum(ops.softmax(x, axis=0) * C),
    "log_softmax axes": lambda x: ops.sum(ops.log_softmax(x, axis=(0, 1)) * C),
    "index": lambda x: ops.sum(x[[0, 0, 2], 1:3] ** 2) + ops.sum(x[..., None] * 2) + x[-1, -1],
    "reductions": lambda x: ops.sum(ops.prod(x, axis=0) * W[:, 0]) + ops.sum(ops.max(x, axis=1)) + ops.min(x) + ops.var(x),
    "statistics": lambda x: ops.sum(ops.std(x, axis=0)) + ops.sum(ops.logsumexp(x, axis=1)) + ops.norm(x) + ops.norm(x, ord=1),
    "cumsum": lambda x: ops.sum(ops.cumsum(x, axis=1) * C) + ops.sum(ops.cumsum(x) ** 2),
    "shaping": lambda x: (ops.sum(ops.tile(x, (2, 3)) ** 2) + ops.sum(ops.repeat(x, 2, axis=1) ** 3)
                          + ops.sum(ops.stack([x, C]) ** 2)),
    "split": lambda x: ops.sum(ops.split(x, 2, axis=1)[1] ** 2) + ops.sum(ops.split(x, [1], axis=0)[0]),
    "moving": lambda x: ops.sum(ops.moveaxis(x, 0, 1) * C.T) + ops.sum(ops.swapaxes(x, 0, 1) * C.T) + ops.sum(x.T * C.T),
    "flip roll": lambda x: ops.sum(ops.flip(x, 1) * C) + ops.sum(ops.roll(x, 1, axis=0) * C) + ops.sum(ops.roll(x, 2) * C),
    "pad": lambda x: ops.sum(ops.pad(x, ((1, 0), (0, 2)), mode="reflect") ** 2) + ops.sum(ops.pad(x, 1) ** 2),
    "take": lambda x: ops.sum(ops.take(x, [0, 0, 2], axis=1) ** 2) + ops.sum(ops.take(x, [5, 5]) ** 2),
    "sort": lambda x: ops.sum(ops.sort(x, axis=0) * C),
    "where clip": lambda x: ops.sum(ops.where(C > 0, x, 1.0) ** 2) + ops.sum(ops.clip(x, -0.5, 0.5) ** 2),
    "activations": lambda x: sum(ops.sum(f(x) * C) for f in (
        ops.selu, ops.elu, ops.celu, ops.softplus, ops.softsign, ops.log_sigmoid, ops.hard_sigmoid, ops.hard_silu, ops.leaky_relu,
        ops.relu6, ops.relu, ops.gelu, ops.silu, ops.tanh, ops.sigmoid)),
    "dense": lambda x: ops.sum(ops.dense(x, W, W[0], "gelu") ** 2) + ops.sum(ops.dense(ops.reshape(x, (1, 3, 4)), W) ** 2),
    "tensordot": lambda x: ops.sum(ops.tensordot(x, W, axes=1) ** 2) + ops.tensordot(x, C, axes=2),
    "power of tensor": lambda x: ops.sum(ops.power(ops.abs(x), x)),
    "losses": lambda x: (ops.sum(ops.mean_squared_error(C, x)) + ops.sum(ops.mean_absolute_error(C, x))
                         + ops.sum(ops.binary_crossentropy((C > 0) * 1.0, x, True))
                         + ops.sum(ops.sparse_categorical_crossentropy([1, 3, 0], x, True))
                         + ops.weighted_sum(ops.categorical_crossentropy(ops.softmax(C), ops.softmax(x)), [1.0, 2.0, 0.5], 0.3)),
    "dropout": lambda x: ops.sum(ops.dropout(x, 0.4, (7, 1)) * C) + ops.sum(ops.dropout(x, 0.4, (7, 2), noise_shape=(None, 1)) * C),
    "cast": lambda x: ops.sum(ops.cast(ops.cast(x, "float64"), "float64") ** 2),
    "dot": lambda x: ops.sum(ops.dot(x, W)) + ops.sum(ops.dot(x, 3.0)) + ops.dot(x[0], C[0]),
    "mod": lambda x: ops.sum((x % 0.7) * C),
}


@pytest.mark.parametrize("name", list(FUNCTIONS))
@pytest.mark.parametrize("backend", ["reference", "fast"])
def test_gradients_of_compositions(name, backend, request):
    if backend == "fast":
        request.getfixturevalue("fast")
    x = np.random.default_rng(5).normal(size=(3, 4))
    with refnet.use_backend(backend):
        value, grad = value_and_grad(FUNCTIONS[name])(x)
        np.testing.assert_allclose(value, FUNCTIONS[name](x), rtol=1e-12)
        np.testing.assert_allclose(grad, slope(FUNCTIONS[name], x), rtol=1e-6, atol=1e-7)


def test_outside_a_tape_ops_return_ndarrays():
    v = Variable(np.ones((2, 2), np.float32))
    assert type(ops.matmul(v, np.ones((2, 2), np.float32))) is np.ndarray
    assert type(v + 1) is np.ndarray and type(ops.sum(v)) is np.ndarray
    assert type(ops.relu(np.ones(3))) is np.ndarray


def test_within_a_tape_only_what_needs_a_gradient_is_recorded():
    v = Variable(np.ones(2, np.float32))
    frozen = Variable(np.ones(2, np.float32), trainable=False)
    with GradientTape() as tape:
        assert type(ops.square(np.ones(2))) is np.ndarray
        assert type(frozen * 2) is np.ndarray
        assert type(v * 2) is Tensor
    assert len(tape._records) == 1


def test_float32_stays_float32():
    v = Variable(np.ones((2, 3), np.float32))
    with GradientTape() as tape:
        y = ops.mean(ops.sqrt(v * 2 + 1) / 3.0 - np.arange(3)) * 1.5
    assert y.dtype == np.float32
    assert tape.gradient(y, v).dtype == np.float32


def test_a_value_used_twice_collects_both_gradients_and_nobodys_buffer_is_written():
    v = Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        a = v * 1.0
        y = a + a + a + v
    seed = np.ones(2)
    np.testing.assert_array_equal(tape.gradient(y, v, output_gradients=seed), [4.0, 4.0])
    np.testing.assert_array_equal(seed, [1.0, 1.0])


def test_gradient_of_an_intermediate_tensor():
    v = Variable(np.array([3.0]))
    with GradientTape() as tape:
        a = v * v
        y = a * a
    da, dv = tape.gradient(y, [a, v])
    np.testing.assert_array_equal(da, [18.0])
    np.testing.assert_array_equal(dv, [108.0])


def test_backward_twice():
    v = Variable(np.array([3.0]))
    with GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, v)
    with GradientTape(persistent=True) as tape:
        y = v * v
    np.testing.assert_array_equal(tape.gradient(y, v), tape.gradient(y, v))


def test_unused_sources():
    used, unused = Variable(np.array([3.0])), Variable(np.ones((2, 2)))
    with GradientTape(persistent=True) as tape:
        y = used * used
    assert tape.gradient(y, [used, unused])[1] is None
    np.testing.assert_array_equal(tape.gradient(y, unused, unconnected_gradients="zero"), np.zeros((2, 2)))
    assert tape.gradient(np.ones(3), used) is None
    named = tape.gradient(y, {"a": used, "b": unused})
    assert named["b"] is None and named["a"] == 6.0
    with pytest.raises(ValueError, match="unconnected_gradients"):
        tape.gradient(y, used, unconnected_gradients="nought")


def test_watching():
    x = ops.convert_to_tensor(np.array([2.0]))
    with GradientTape() as tape:
        tape.watch(x)
        y = x * x
    assert tape.gradient(y, x) == 4.0
    with GradientTape() as tape, pytest.raises(TypeError, match="convert_to_tensor"):
        tape.watch(np.ones(2))
    with pytest.raises(TypeError, match="convert_to_tensor"):
        tape.gradient(y, np.ones(2))
    frozen, free = Variable(np.array([2.0]), trainable=False), Variable(np.array([5.0]))
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(frozen)
        y = frozen * frozen * free
    assert tape.gradient(y, [frozen, free]) == [20.0, None]


def test_in_place_addition():
    v = Variable(np.array([1.0]))
    with GradientTape() as tape:
        a = v * 2
        b = a
        a += v
        y = a * b
    assert tape.gradient(y, v) == 12.0                         # (3v)(2v)
    with GradientTape():
        array = np.ones(1)
        with pytest.raises(TypeError, match="out="):
            array += v * 2


def test_a_variable_assigned_between_forward_and_backward():
    v = Variable(np.array([1.0]), name="weight")
    with GradientTape() as tape:
        y = v * v
    v.assign([5.0])
    with pytest.raises(RuntimeError, match="'weight' was assigned"):
        tape.gradient(y, v)


def test_assign_checks_shapes_and_numpy_copies():
    v = Variable(np.zeros((2, 3)), name="w")
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3,\)"):
        v.assign(np.ones(3))
    copy = v.numpy()
    copy += 1
    assert not v.value.any()
    original = np.ones(2)
    Variable(original).assign([5.0, 5.0])
    assert original[0] == 1


def test_nested_tapes_are_first_order_only():
    v = Variable(np.array([3.0]))
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = v * v
        with pytest.raises(NotImplementedError, match="first order only"):
            inner.gradient(y, v)
        z = y * v
    assert outer.gradient(z, v) == 27.0
    assert inner.gradient(y, v) == 6.0


def test_gradient_inside_its_own_block():
    v = Variable(np.array([3.0]))
    with GradientTape() as tape:
        y = v * v
        assert tape.gradient(y, v) == 6.0


def test_stop_gradient():
    v = Variable(np.array([3.0]))
    with GradientTape() as tape:
        y = v * stop_gradient(v * v)
    assert tape.gradient(y, v) == 9.0


def test_custom_gradient():
    @custom_gradient
    def clipped(x):
        return x * 2, lambda dy: np.clip(dy, -1, 1)

    @custom_gradient
    def product(a, b):
        return a * b, lambda dy: (dy * b, dy * a)

    x = Variable(np.array([3.0]))
    with GradientTape(persistent=True) as tape:
        y = clipped(x) * 10
        z = product(x, x * 2)
    assert tape.gradient(y, x) == 1.0
    assert tape.gradient(z, x) == 12.0

    @custom_gradient
    def wrong(a, b):
        return a * b, lambda dy: dy

    with GradientTape() as tape:
        y = wrong(x, x)
    with pytest.raises(ValueError, match="2 arguments, but its gradient function returned 1"):
        tape.gradient(y, x)


def test_value_and_grad():
    def f(a, b, c):
        return ops.sum(a * b * c)

    value, (da, dc) = value_and_grad(f, argnums=(0, 2))(np.array([1.0, 2.0]), 3.0, np.array([4.0, 5.0]))
    assert value == 42.0
    np.testing.assert_array_equal(da, [12.0, 15.0])
    np.testing.assert_array_equal(dc, [3.0, 6.0])
    (value, aux), grad = value_and_grad(lambda x: (ops.sum(x), "aux"), has_aux=True)(np.ones(2))
    assert aux == "aux" and grad.tolist() == [1.0, 1.0]
    _, grads = value_and_grad(lambda ws: ops.sum(ws[0]) * 2 + ops.sum(ws[1]))([np.ones(2), np.ones(1)])
    assert [g.tolist() for g in grads] == [[2.0, 2.0], [1.0]]
    with pytest.raises(ValueError, match="only a scalar"):
        value_and_grad(lambda x: x)(np.ones(2))


def test_unsupported_numpy_functions_are_named():
    v = Variable(np.ones((2, 2)))
    with GradientTape():
        for function in (np.linalg.svd, np.fft.fft, np.heaviside):
            with pytest.raises(TypeError, match=function.__name__):
                function(v * 1, 0.5) if function is np.heaviside else function(v * 1)


def test_symbolic_tensors_refuse_numbers():
    x = refnet.Input((3,))
    for wrong in (lambda: bool(x), lambda: len(x), lambda: list(x), lambda: np.asarray(x), lambda: float(np.sum(np.asarray(x)))):
        with pytest.raises(TypeError, match="symbolic"):
            wrong()


def test_ops_on_symbolic_tensors_make_nodes():
    x = refnet.Input((3, 4))
    y = ops.concatenate([ops.reshape(x * 2 + 1, (-1, 12)), ops.mean(x, axis=1)], axis=-1)
    assert y.shape == (None, 16)
    model = refnet.Model(x, ops.sum(y @ np.ones((16, 2), np.float32), axis=-1))
    data = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    want = np.concatenate([(data * 2 + 1).reshape(5, 12), data.mean(1)], -1).sum(-1) * 2
    np.testing.assert_allclose(model(data), want, rtol=1e-4)


def test_threads_have_tapes_of_their_own():
    v = Variable(np.array([3.0]))
    results = {}

    def work():
        results["outside"] = type(v * 2)

    with GradientTape() as tape:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        y = v * v
    assert results["outside"] is np.ndarray
    assert tape.gradient(y, v) == 6.0


def test_errors_of_shape_name_shapes():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(4, 5\)"):
        ops.matmul(np.ones((2, 3)), np.ones((4, 5)))
    with pytest.raises(ValueError, match="names 2 operands, but 1"):
        ops.einsum("ij,jk->ik", np.ones((2, 2)))
    with pytest.raises(ValueError, match="label 'l', which is in none of the operands"):
        ops.einsum("ij,jk->il", np.ones((2, 2)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="same shape"):
        ops.mean_squared_error(np.ones(3), np.ones((3, 1)))


def test_integers_beside_floats_become_that_float():
    assert ops.add(np.ones(2, np.float32), np.arange(2)).dtype == np.float32
    assert ops.multiply(np.arange(2), np.ones(2, np.float32)).dtype == np.float32
    assert ops.add(np.arange(2), 1).dtype == np.int64
    assert ops.divide(np.arange(1, 3), np.arange(1, 3)).dtype == np.float32
    assert ops.add(np.ones(2, np.float32), 0.1).dtype == np.float32
