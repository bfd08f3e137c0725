"""Further losses as metrics: their mean over all samples. (The errors and cross-entropies are in errors.py.)"""

from typing import Any

from refnet import losses
from refnet.metrics.reduction import MeanMetricWrapper

__all__ = [
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SquaredHinge",
]


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of 100 |y_true - y_pred| / |y_true|: see `refnet.losses.mean_absolute_percentage_error`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.

    Example:
        >>> refnet.metrics.MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [5.0]])
        37.5
    """

    _direction = "down"

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None):
        super().__init__(losses.mean_absolute_percentage_error, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of (log(1 + y_true) - log(1 + y_pred))²: see `refnet.losses.mean_squared_logarithmic_error`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None):
        super().__init__(losses.mean_squared_logarithmic_error, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class LogCoshError(MeanMetricWrapper):
    """The mean of log cosh(y_pred - y_true): see `refnet.losses.log_cosh`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "logcosh", dtype: Any = None):
        super().__init__(losses.log_cosh, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


def cosine_similarity(y_true, y_pred, axis=-1):
    """The cosine of the angle between targets and predictions: 1 where they point the same way.

    The loss of this name is its negative.

    Args:
        y_true: targets.
        y_pred: predictions of the same shape.
        axis: along which they are vectors.
    """
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between targets and predictions: 1 where they point the same way.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
        axis: along which they are vectors.

    Example:
        >>> round(refnet.metrics.CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]]), 4)
        0.5
    """

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1):
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class Hinge(MeanMetricWrapper):
    """The mean of max(0, 1 - y_true y_pred), targets -1 or 1 (or 0 or 1): see `refnet.losses.hinge`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "hinge", dtype: Any = None):
        super().__init__(losses.hinge, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class SquaredHinge(MeanMetricWrapper):
    """The mean of max(0, 1 - y_true y_pred)², targets -1 or 1 (or 0 or 1): see `refnet.losses.squared_hinge`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "squared_hinge", dtype: Any = None):
        super().__init__(losses.squared_hinge, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class CategoricalHinge(MeanMetricWrapper):
    """The mean of max(0, 1 - the right score + the best wrong one): see `refnet.losses.categorical_hinge`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None):
        super().__init__(losses.categorical_hinge, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class KLDivergence(MeanMetricWrapper):
    """The mean of Σ y_true log(y_true / y_pred): see `refnet.losses.kl_divergence`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "kl_divergence", dtype: Any = None):
        super().__init__(losses.kl_divergence, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class Poisson(MeanMetricWrapper):
    """The mean of y_pred - y_true log y_pred: see `refnet.losses.poisson`.

    Args:
        name: for logs.
        dtype: accepted for Keras' sake: state is float64.
    """

    _direction = "down"

    def __init__(self, name: str = "poisson", dtype: Any = None):
        super().__init__(losses.poisson, name=name, dtype=dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}
