"""Interpolation: every new pixel is a weighted mean of old ones.

Forward, along one axis of M old and N new pixels
    y_i = Σ_j R_ij x_j            R (N, M), a matrix that depends on nothing but the two sizes
    An image is resized along its height, then along its width:  y = R_h x R_wᵀ.

    Old pixel j has its centre at j + ½. New pixel i has its centre at (i + ½) M/N, measured in old pixels, and takes
    the old ones around it by their distance t, in old pixels:
        R_ij ∝ k(((i + ½) M/N - (j + ½)) / a)            each row divided by its sum
        bilinear    k(t) = 1 - |t|                        up to |t| = 1, then 0
        bicubic     k(t) = 3/2|t|³ - 5/2|t|² + 1          up to 1;   -1/2|t|³ + 5/2|t|² - 4|t| + 2   up to 2, then 0
        lanczos     k(t) = sinc(t) sinc(t/r)              up to r = 3 or 5, then 0
    a = 1; with antialiasing a = max(M/N, 1): when an image shrinks, the kernel is stretched so that no old pixel is
    missed. Dividing by the row's sum keeps a constant image constant, at the border too, where a part of the kernel
    hangs outside.

    nearest      y_i = x_j with j = ⌊(i + ½) M/N⌋: an index instead of a matrix.
    adaptive     window i of an adaptive pooling runs from ⌊i M/N⌋ to ⌈(i+1) M/N⌉: N windows that cover the M pixels,
    as equal as whole
                 numbers allow. Its mean is a matrix again: R_ij = 1/length in window i.

Derivation
    y = R x is linear:  dx = Rᵀ dy. There is nothing else to derive, so there is no backward here: these functions
    only make R, which `matmul` and `einsum` apply and differentiate.

References
    Keys (1981), Cubic convolution interpolation for digital image processing (with a = -1/2).
    Duchon (1979), Lanczos filtering in one and two dimensions.
"""
import numpy as np

__all__ = ["adaptive_average_matrix", "adaptive_windows", "interpolation_matrix", "nearest_indices"]


def _linear(t):
    return np.maximum(1 - t, 0)


def _cubic(t):
    near = ((1.5 * t - 2.5) * t) * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t >= 2, 0, np.where(t >= 1, far, near))


def _lanczos(radius):
    return lambda t: np.where(t > radius, 0, np.sinc(t) * np.sinc(t / radius))


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
