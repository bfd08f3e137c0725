"""Lion: the sign of the momentum, and nothing else.

Adam keeps two numbers for every weight. Lion keeps one, and asks of it only the sign: each weight moves by the same length in every
step, as far as the learning rate says. It was not derived but found, by a search among programs; what follows explains, it does
not prove.

Update (all elementwise; g = dw = ∂L/∂w)
    c = β₁ m + (1 - β₁) g                              what decides: m as it was before this step
    w ← w - η sign(c)                                  η the learning rate
    m ← β₂ m + (1 - β₂) g

Why
    A sign: once Adam's averages have settled on a gradient that keeps its value, m is g, v is g², and m/√v is the sign of g. Lion
    always takes that step, also where gradients alternate and Adam's m/√v is small. So its η is chosen 3 to 10 times smaller
    than Adam's, and weight decay as many times larger: their product is what shrinks the weights.
    Two rates: with β₁ = 0.9 and β₂ = 0.99 the newest gradient has a tenth of the vote on the direction but only a hundredth of
    the memory. Written with the new momentum m', and r = (1 - β₁)/(1 - β₂): g = (m' - β₂ m)/(1 - β₂), so that
    c = β₁ m + r (m' - β₂ m) = (1 - r) m + r m', for β₁ - r β₂ = 1 - r;  r = 10: c = m + 10 (m' - m), momentum
    carried on in the direction in which it is changing, a look ahead like Nesterov's (sgd.py).

Ties and kinks
    The sign of 0 is 0: a weight without any gradient stays. That of NaN is NaN.

By hand
    w = 1, g = 2, then -1, η = 0.1, β₁ = 0.5, β₂ = 0.75, m = 0 at first.
        c = 0.5·0 + 0.5·2 = 1           w = 1 - 0.1 = 0.9       m = 0.75·0 + 0.25·2 = 0.5
        c = 0.5·0.5 - 0.5·1 = -0.25     w = 0.9 + 0.1 = 1       m = 0.75·0.5 - 0.25·1 = 0.125

    >>> w, m = np.array([1.0]), np.array([0.0])
    >>> for g in (2.0, -1.0):
    ...     lion_update(w, np.array([g]), m, learning_rate=0.1, beta_1=0.5, beta_2=0.75)
    ...     print(w, m)
    [0.9] [0.5]
    [1.] [0.125]

References
    Chen et al. (2023), Symbolic discovery of optimization algorithms, arXiv:2302.06675, algorithm 2 and section 3.2.
"""
import numpy as np

__all__ = ["lion_update"]


def lion_update(w, dw, m, learning_rate, beta_1=0.9, beta_2=0.99):
    """Writes w and m in place. All arrays of one shape; learning_rate a number or 0-d."""
    w -= float(learning_rate) * np.sign(beta_1 * m + (1 - beta_1) * dw)
    m *= beta_2
    m += (1 - beta_2) * dw                                        # m ← β₂ m + (1 - β₂) g
