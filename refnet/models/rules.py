"""Rules that rewrite a written-down step: neighbours that one kernel computes at once.

A step's list (written.py) is rewritten for the fast kernels only; the reference runs what was recorded. Each rule is a
function that takes a Plan, changes its program where it applies, and returns how often it did.
"""

__all__ = ["RULES", "rewrite"]

RULES: tuple = ()


def rewrite(plan):
    """Apply all rules to a plan of the fast kernels."""
    for rule in RULES:
        times = rule(plan)
        if times:
            plan.rewritten.append(f"{rule.__name__.strip('_')} x {times}")
