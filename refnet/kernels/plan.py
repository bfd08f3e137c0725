"""The plan: a training step as a list of kernel calls.

A step of a small network is a few microseconds of arithmetic inside ten times as much Python: layers look up their
settings, the tape makes records, the loss checks shapes, and all of them come to the same decisions in every step. A list of
the kernels that were called, with the places of their arguments and results, holds what is left when all is decided.

The list
    slots       one place for everything that a step uses: its inputs, the parameters, constants, and what kernels return
    program     instructions (kernel, arguments, results, dead), run in order:
                    kernel       a function of a kernel set
                    arguments    the slots of its arguments
                    results      the slot of what it returns, or a tuple of slots if it returns a tuple
                    dead         slots that nobody reads from here on: they are emptied, so that arrays die as early as they can
    Slot 0 is the waste: what nobody reads goes there.

Every result gets a slot of its own (but for the waste), and kernels leave their inputs as they are. The exceptions are
the updates (of parameters, averages, counts): they change arrays in place, and stay in their order. That is why running
the list again is the same as running the step again: the same kernels, on the same numbers, in the same order.

By hand
    y = 2 x and s = Σ y for x = [1, 2]:
        2·1 = 2,  2·2 = 4,  2 + 4 = 6
    Slots: 0 the waste, 1 x, 2 the constant, 3 y, 4 s. x dies with the first instruction, y with the second.

    >>> slots = [None, np.array([1.0, 2.0]), 2.0, None, None]
    >>> run_plan([(np.multiply, (1, 2), 3, (1,)), (np.sum, (3,), 4, (3,))], slots)
    >>> slots[1], slots[3], float(slots[4])
    (None, None, 6.0)
    >>> same_layouts([np.ones((2, 3))], [((2, 3), np.dtype("float64"))])
    True
"""

__all__ = ["run_plan", "same_layouts"]


def run_plan(program, slots):
    """Run the instructions of `program` over `slots`, a list, in place."""
    for kernel, arguments, results, dead in program:
        y = kernel(*[slots[i] for i in arguments])
        if type(results) is int:
            slots[results] = y
        else:
            for slot, part in zip(results, y):
                slots[slot] = part
        slots[0] = None
        for slot in dead:
            slots[slot] = None


def same_layouts(arrays, layouts, rows=False):
    """Whether arrays have the shapes and types of `layouts`, pairs (shape, dtype), and are contiguous.

    With `rows`, all but the last may have any number of rows: they are data sets, and the last one says which rows to take.
    """
    if len(arrays) != len(layouts):
        return False
    for position, (array, (shape, dtype)) in enumerate(zip(arrays, layouts)):
        start = 1 if rows and position < len(arrays) - 1 else 0
        if not (array.shape[start:] == shape[start:] and array.dtype == dtype and array.ndim == len(shape)
                and array.flags.c_contiguous and array.flags.aligned):
            return False
    return True
