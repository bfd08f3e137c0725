"""LAMB: Adam whose step is as long as the weights allow. For very large batches.

With a batch 64 times as large one wants steps many times as long, but some layer will not stand it: its weights are small, and a
step that suits the others throws them about. LAMB takes the direction from Adam and makes the step of every layer the same
fraction of its weights' length: the learning rate is that fraction.

Update (|a| is the root of the sum of squares over a whole array; g = dw = ∂L/∂w; t = 1, 2, 3 ... counts the steps)
    m ← m + (1 - β₁)(g - m)                            elementwise, as in Adam
    v ← v + (1 - β₂)(g² - v)
    u = (m/(1 - β₁ᵗ)) / (√(v/(1 - β₂ᵗ)) + ε)           Adam's step; ε is added to the corrected root
    r = |w| / |u|                                      the trust ratio; 1 where |w| or |u| is not above 0
    w ← w - η r u                                      η the learning rate

Why
    The length of the step is η r |u| = η |w|: relative to the weights it is η, whatever the layer and the size of its gradients.
    A layer whose weights are all 0 would never move (r = 0), and where u is 0 there is nothing to divide by: there r = 1.
    Norms are summed in float64. As in Keras, weight decay is not part of u: it shrinks w before the step (gradients.py).

By hand
    w = [3, 4], g = [2, -2], η = 0.1, β₁ = 0.5, β₂ = 0.75, ε = 0, m = v = 0 at first.
        m = 0 + 0.5·(2 - 0) = 1      v = 0 + 0.25·(2² - 0) = 1      and -1, 1 for the second
        u = (1/(1 - 0.5))/√4 = 1     where 4 = 1/(1 - 0.75); the second -1
        |w| = √(3² + 4²) = 5      |u| = √(1² + 1²) = 1.4142      r = 5/√2 = 3.5355
        w = 3 - 0.1·3.5355·1 = 2.6464 and 4 + 0.1·3.5355·1 = 4.3536
    The step is 0.1·3.5355·√2 long, that is 0.1·5 = 0.5: a tenth of |w|.

    >>> w, m, v = np.array([3.0, 4.0]), np.zeros(2), np.zeros(2)
    >>> lamb_update(w, np.array([2.0, -2.0]), m, v, 1, learning_rate=0.1, beta_1=0.5, beta_2=0.75, epsilon=0.0)
    >>> m, v, np.round(w, 4)
    (array([ 1., -1.]), array([1., 1.]), array([2.6464, 4.3536]))
    >>> np.round(np.sqrt(np.sum((w - [3, 4])**2)), 12)
    np.float64(0.5)

References
    You et al. (2020), Large batch optimization for deep learning: training BERT in 76 minutes, arXiv:1904.00962, algorithm 2.
"""
import numpy as np

__all__ = ["lamb_update"]


def lamb_update(w, dw, m, v, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    """Writes w, m and v in place. All arrays of one shape; step counts from 1. step and learning_rate: numbers or 0-d arrays."""
    step = int(step)
    m += (1 - beta_1) * (dw - m)
    v += (1 - beta_2) * (dw * dw - v)
    u = m / (1 - beta_1**step) / (np.sqrt(v / (1 - beta_2**step)) + epsilon)
    of_w, of_u = (float(np.sqrt(np.sum(np.square(a, dtype=np.float64)))) for a in (w, u))
    ratio = of_w / of_u if of_w > 0 and of_u > 0 else 1.0
    w -= float(learning_rate) * ratio * u
