"""FTRL: follow the regularized leader. For linear models with millions of features, of which most should have weight 0.

An L1 penalty asks for weights that are exactly 0, but gradient descent never lands there: it jumps to and fro across 0. FTRL does
not step from the last weight. It keeps the sum of all gradients and computes anew, in every step, which weight would have been
best; that one is exactly 0 for a whole range of sums.

Update (all elementwise; g = dw = ∂L/∂w)
    q' = q + g²                                        the sum of all squared gradients, as in Adagrad; q' the new one
    σ = (q'^p - q^p) / η                               p = -learning_rate_power, 1/2 unless said otherwise; η the learning rate
    z ← z + g + 2 λ_s w - σ w                          `linear`; λ_s: shrinkage
    w ← (min(max(z, -λ₁), λ₁) - z) / Q                 Q = (β + q'^p) / η + 2 λ₂;  λ₁, λ₂: the strengths of L1 and L2
    q ← q'

Derivation
    Choose the w that would have done best so far, on losses replaced by their tangents g_k w, while it stays near all
    earlier weights w_k, each with the strength σ_k, and pays for its size:
    1.  w = the minimum of  Σ_k g_k w + ½ Σ_k σ_k (w - w_k)² + λ₁|w| + (λ₂ + β/2η) w²
    2.  Expand the square. With z = Σ_k (g_k - σ_k w_k), and Σ_k σ_k = q^p/η (the sum telescopes), up to a constant:
        z w + ½ Q w² + λ₁|w|
    3.  For w > 0 the slope is z + Q w + λ₁: it is 0 at w = (-λ₁ - z)/Q, which is > 0 where z < -λ₁.
        For w < 0 it is z + Q w - λ₁: 0 at w = (λ₁ - z)/Q, which is < 0 where z > λ₁.
        Where |z| <= λ₁ the slope is positive to the right of 0 and negative to its left: the minimum is at w = 0.
    4.  The three cases in one: (z, limited to ±λ₁, minus z) / Q.
    Without penalties this is Adagrad: then w = -z/Q before the step, so z = -Q w, and after it with Q' = Q + σ
    z' = -Q w + g - σ w = g - Q' w,  w' = -z'/Q' = w - g/Q' = w - η g / √q'.

Where nothing is known
    z starts at 0, as if the first weights had been 0: what they really were is forgotten within a few steps. Where Q = 0 (q
    started at 0, and there was no gradient yet) every w is as good as any other, and w stays as it is (Keras: 0/0).

By hand
    w = 1, g = 2 twice, η = 0.5, p = 1/2, q = z = 0 at first, λ₁ = 1, no other penalty.
        q' = 0 + 2² = 4     σ = (√4 - √0)/0.5 = 4          z = 0 + 2 - 4·1 = -2
                            Q = √4/0.5 = 4                 w = (max(-2, -1) - -2)/4 = 0.25
        q' = 4 + 2² = 8     σ = (√8 - √4)/0.5 = 1.6569     z = -2 + 2 - 1.6569·0.25 = -0.4142
                            |z| is at most λ₁:             w = 0
    Without λ₁ the first step is Adagrad's:  w = (0 - -2)/4 = 0.5,  1 - 0.5·2/√4 = 0.5

    >>> w, q, z, g = np.array([1.0]), np.array([0.0]), np.array([0.0]), np.array([2.0])
    >>> for _ in range(2):
    ...     ftrl_update(w, g, q, z, learning_rate=0.5, l1_regularization_strength=1.0)
    ...     print(q, np.round(z, 4), abs(w))
    [4.] [-2.] [0.25]
    [8.] [-0.4142] [0.]
    >>> w, q, z = np.array([1.0]), np.array([0.0]), np.array([0.0])
    >>> ftrl_update(w, g, q, z, learning_rate=0.5)
    >>> w
    array([0.5])

References
    McMahan et al. (2013), Ad click prediction: a view from the trenches, KDD, algorithm 1 and section 3.1.
    McMahan (2011), Follow-the-regularized-leader and mirror descent: equivalence theorems and L1 regularization.
"""
import numpy as np

__all__ = ["ftrl_update"]


def ftrl_update(w, dw, accumulator, linear, learning_rate, learning_rate_power=-0.5, l1_regularization_strength=0.0,
                l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0, beta=0.0):
    """Writes w, accumulator (q) and linear (z) in place. All arrays of one shape; learning_rate > 0, a number or 0-d."""
    learning_rate, l1 = float(learning_rate), l1_regularization_strength
    before = np.power(accumulator, -learning_rate_power)
    accumulator += dw * dw                                        # q' = q + g²
    after = np.power(accumulator, -learning_rate_power)
    linear += dw + 2 * l2_shrinkage_regularization_strength * w - (after - before) / learning_rate * w
    quadratic = after / learning_rate + (2 * l2_regularization_strength + beta / learning_rate)
    np.divide(np.clip(linear, -l1, l1) - linear, quadratic, out=w, where=quadratic != 0)
