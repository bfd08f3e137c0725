"""Interpolation: every new pixel is a weighted mean of old ones.

Images come in all sizes and a network wants one; a segmentation must grow back to the size of its image. Resizing is
an old art with many kernels, but each of them is one matrix per axis, and with that its gradient is known.

Forward, along one axis of H old and I new pixels (or W and J)
    y_i = Σ_j R_ij x_j            R (I, H), a matrix that depends on nothing but the two sizes
    An image is resized along its height, then along its width:  y = R_h x R_wᵀ.

    Old pixel j has its centre at j + ½. New pixel i has its centre at (i + ½) H/I, measured in old pixels, and takes
    the old ones around it by their distance h, in old pixels:
        R_ij ∝ k(h),   h = |(i + ½) H/I - (j + ½)| / a            each row divided by its sum
        bilinear    k(h) = 1 - h                          up to 1, then 0
        bicubic     k(h) = 3/2 h³ - 5/2 h² + 1            up to 1;   -1/2 h³ + 5/2 h² - 4 h + 2   up to 2, then 0
        lanczos     k(h) = sinc(h) sinc(h/m)              up to m = 3 or 5, then 0;   sinc(h) = sin(π h)/(π h)
    a = 1; with antialiasing a = max(H/I, 1): when an image shrinks, the kernel is stretched so that no old pixel is
    missed. Dividing by the row's sum keeps a constant image constant, at the border too, where a part of the kernel
    hangs outside.

    nearest      y_i = x_j with j = ⌊(i + ½) H/I⌋: an index instead of a matrix.
    adaptive     window i of an adaptive pooling runs from ⌊i H/I⌋ to ⌈(i+1) H/I⌉: I windows that cover the H pixels,
                 as equal as whole numbers allow. Its mean is a matrix again: R_ij = 1/length in window i.

Derivation
    y = R x is linear:  dx = Rᵀ dy. There is nothing else to derive, so there is no backward here: these functions
    only make R, which `matmul` and `einsum` apply and differentiate.

By hand
    Two pixels become four, bilinear. The new centres, in old pixels counted from the centre of the first:
        (0.5·2/4 - 0.5, 1.5·2/4 - 0.5, 2.5·2/4 - 0.5, 3.5·2/4 - 0.5) = (-0.25, 0.25, 0.75, 1.25)
    The first and the last have one old pixel within reach and copy it; the second takes 1 - 0.25 = 0.75 of the first
    and 1 - 0.75 = 0.25 of the other, the third the other way round.
        x = (0, 4):    y = (0, 0.75·0 + 0.25·4, 0.25·0 + 0.75·4, 4) = (0, 1, 3, 4)
        back, dy = (1, 1, 1, 10):    dx = (1 + 0.75·1 + 0.25·1, 0.25·1 + 0.75·1 + 10) = (2, 11)

    >>> R = interpolation_matrix(2, 4)
    >>> R
    array([[1., 0.], [0.75, 0.25], [0.25, 0.75], [0., 1.]])
    >>> y, saved = matmul_forward(R, np.array([[0.0], [4.0]]))
    >>> y.ravel(), matmul_backward(np.array([[1.0], [1.0], [1.0], [10.0]]), saved)[1].ravel()
    (array([0., 1., 3., 4.]), array([2., 11.]))
    >>> nearest_indices(2, 4)
    array([0, 0, 1, 1])
    >>> adaptive_average_matrix(3, 2)
    array([[0.5, 0.5, 0.], [0., 0.5, 0.5]])

References
    Keys (1981), Cubic convolution interpolation for digital image processing (with a = -1/2).
    Duchon (1979), Lanczos filtering in one and two dimensions.
"""
import numpy as np

__all__ = ["adaptive_average_matrix", "adaptive_windows", "interpolation_matrix", "nearest_indices"]


def _linear(h):
    return np.maximum(1 - h, 0)


def _cubic(h):
    near = ((1.5 * h - 2.5) * h) * h + 1
    far = ((-0.5 * h + 2.5) * h - 4) * h + 2
    return np.where(h >= 2, 0, np.where(h >= 1, far, near))


def _lanczos(radius):
    return lambda h: np.where(h > radius, 0, np.sinc(h) * np.sinc(h / radius))


KERNELS = {"bilinear": _linear, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}


def interpolation_matrix(size, new_size, method="bilinear", antialias=False):
    """R (new_size, size), float64: y = R x is x resized along one axis. method: a name in KERNELS."""
    ratio = size / new_size
    stretch = max(ratio, 1.0) if antialias else 1.0
    centre = (np.arange(new_size) + 0.5) * ratio - 0.5                        # of each new pixel, in old ones
    distance = np.abs(centre[:, None] - np.arange(size)) / stretch            # (new_size, size)
    weights = KERNELS[method](distance)
    total = weights.sum(axis=1, keepdims=True)
    return weights / np.where(np.abs(total) > 1e-4, total, 1)


def nearest_indices(size, new_size):
    """(new_size,) int64: which old pixel each new one copies."""
    return np.minimum(((np.arange(new_size) + 0.5) * size / new_size).astype(np.int64), size - 1)


def adaptive_windows(size, new_size):
    """Where the new_size windows begin and end: two (new_size,) int64."""
    places = np.arange(new_size + 1, dtype=np.int64)
    return places[:-1] * size // new_size, -(-places[1:] * size // new_size)


def adaptive_average_matrix(size, new_size):
    """R (new_size, size), float64: y = R x is the mean over each adaptive window."""
    begin, end = (edge[:, None] for edge in adaptive_windows(size, new_size))
    place = np.arange(size)
    return ((begin <= place) & (place < end)) / (end - begin)
