"""Confusion: the four ways in which a yes or no can turn out.

Accuracy treats every mistake alike, and of a rare disease "no" is nearly always right. Precision asks how many of those found
are ill, recall how many of the ill are found; both, and the curves drawn of them, are quotients of four counts. The counts can
be added up over batches; the quotients cannot.

Forward
    p (N, C) is a score for each sample and label, t (N, C) the truth, yes where it is not 0, and θ (J,) thresholds: the answer
    is yes where p > θ_j. With [·] as 1 where the condition holds and ω (N, C) the weights (1 each where there are none):

        TP_j ← TP_j + Σ_nc ω_nc [p_nc > θ_j] [t_nc ≠ 0]        yes, and rightly so
        FP_j ← FP_j + Σ_nc ω_nc [p_nc > θ_j] [t_nc = 0]        a false alarm
        TN_j ← TN_j + Σ_nc ω_nc [p_nc ≤ θ_j] [t_nc = 0]        no, and rightly so
        FN_j ← FN_j + Σ_nc ω_nc [p_nc ≤ θ_j] [t_nc ≠ 0]        missed

        precision = TP / (TP + FP)     recall = TP / (TP + FN)     the false alarms among the no = FP / (FP + TN)

    Counts of shape (J, C) keep the labels apart: the sum is over n alone. They are float64: a float32 stops counting at 2²⁴.
    With more than two classes the counts are those of a matrix, M_kc ← M_kc + Σ_n ω_n [label_n = k] [prediction_n = c].
    What is no class, such as the 255 by which images say "void", is in no cell of it.

By hand
    p = [0.2, 0.6, 0.4, 0.9], t = [0, 0, 1, 1]. At θ = 0.5 the answers are no, yes, no, yes: one of each kind, and
        precision = 1/(1 + 1) = 0.5,  recall = 1/(1 + 1) = 0.5
    At θ = 0.3 they are no, yes, yes, yes:
        precision = 2/(2 + 1) = 0.6667,  recall = 2/(2 + 0) = 1

    >>> tp, fp, tn, fn = np.zeros((4, 2))
    >>> p, t = np.array([[0.2], [0.6], [0.4], [0.9]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> confusion_update(tp, fp, tn, fn, p, t, np.array([0.5, 0.3]))
    >>> tp, fp, tn, fn
    (array([1., 2.]), array([1., 1.]), array([1., 1.]), array([1., 0.]))
    >>> matrix = np.zeros((2, 2))
    >>> confusion_matrix_update(matrix, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    >>> matrix
    array([[1., 1.],
           [1., 1.]])

Ties
    A score that equals the threshold is a no, and so is NaN. Thresholds are compared in the type of p.

References
    Fawcett (2006), An introduction to ROC analysis, section 3.
"""
import numpy as np

__all__ = ["confusion_matrix_update", "confusion_update"]


def confusion_update(tp, fp, tn, fn, p, t, thresholds, weights=None):
    """Writes the counts that are not None, in place: (J,), or (J, C) to keep the labels apart; float64.

    Args:
        tp, fp, tn, fn: counts of one shape, or None.
        p, t: scores and truth (N, C), of one float type.
        thresholds: (J,) float64.
        weights: (N, C) of the type of p, or None.
    """
    counts = [count for count in (tp, fp, tn, fn) if count is not None]
    axis = 0 if counts and counts[0].ndim == 2 else None
    omega = 1.0 if weights is None else weights.astype(np.float64)
    for j, theta in enumerate(thresholds.astype(p.dtype)):
        yes, true = p > theta, t != 0
        for count, cell in ((tp, yes & true), (fp, yes & ~true), (tn, ~yes & ~true), (fn, ~yes & true)):
            if count is not None:
                count[j] += (omega * cell).sum(axis=axis, dtype=np.float64)


def confusion_matrix_update(matrix, labels, predictions, weights=None):
    """Writes matrix (K, K) float64 in place: adds each sample's weight in the row of its label, the column of its prediction.
    A sample with a label or a prediction outside [0, K) does not count.

    Args:
        labels, predictions: (N,) int64.
        weights: (N,) float64, or None.
    """
    classes = len(matrix)
    counts = (labels >= 0) & (labels < classes) & (predictions >= 0) & (predictions < classes)
    np.add.at(matrix, (labels[counts], predictions[counts]), 1.0 if weights is None else weights[counts])
