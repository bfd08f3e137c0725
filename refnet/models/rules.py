"""Rules that rewrite a written-down step: neighbours that one kernel computes at once.

A step's list (written.py) is rewritten for the fast kernels only: there a pair's own kernel saves a visit to memory, while the
reference, which spells both halves out one after the other, would gain nothing. Each rule is a function that takes a
Plan, changes its program where it applies, and returns how often it did. A rule looks for instructions by name, makes sure
that nobody else reads what lies between, and puts others in their place; what the list computes stays the same, bit for bit where
the rule does not say otherwise. `explain_step` names the rules that were used.
"""

from refnet.recording import WASTE

__all__ = ["RULES", "rewrite"]

_EDGE_ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")  # those whose slope can be written with y


class _Program:
    """The program of a plan, with the questions that rules ask of it."""

    def __init__(self, plan):
        self.plan = plan
        self.kernels = plan.kernels
        self.readers = plan.readers()
        self.makers = {slot: i for i in plan.program for slot in i.targets if slot != WASTE}

    def constant(self, slot):
        """The constant in a slot; None for what is not constant."""
        return self.plan.constants.get(slot)

    def option(self, instruction, position, default):
        """A constant argument, or its default where it was left out."""
        arguments = instruction.arguments
        return self.constant(arguments[position]) if position < len(arguments) else default

    def only_reader(self, slot, name):
        """The one instruction that reads a slot, if it has this name and the slot is no result of the step."""
        readers = self.readers.get(slot, ())
        if len(readers) == 1 and readers[0].name == name and slot not in self.plan.outputs:
            return readers[0]
        return None

    def backward_of(self, forward):
        """(the instruction that runs backwards through `forward`, True); (None, True) if none does; (None, False) if what
        was saved is used in another way."""
        saved = forward.results[1]
        readers = self.readers.get(saved, ()) if saved != WASTE else ()
        if not readers:
            return None, True
        name = forward.name.replace("_forward", "_backward")
        if len(readers) == 1 and readers[0].name == name and readers[0].arguments[1] == saved:
            return readers[0], True
        return None, False

    def change(self, instruction, name, arguments, results):
        """Make another instruction of this one, in its place."""
        instruction.name, instruction.kernel = name, getattr(self.kernels, name)
        instruction.arguments, instruction.results = tuple(arguments), results

    def remove(self, *instructions):
        gone = {id(i) for i in instructions}
        self.plan.program = [i for i in self.plan.program if id(i) not in gone]


def rows_in_place(plan):
    """A batch that only a dense layer reads is not gathered: the layer reads rows of the data set by their numbers."""
    program, times = _Program(plan), 0
    for gather in [i for i in plan.program if i.name == "gather_rows"]:
        forward = program.only_reader(gather.results, "dense_forward")
        if forward is None or forward.arguments[0] != gather.results or gather.results in forward.arguments[1:]:
            continue
        backward, clear = program.backward_of(forward)
        if not clear:
            continue
        if backward is not None:
            needs = program.option(backward, 2, (True, True, True))
            if needs is None or needs[0]:
                continue
            wanted = plan.constant((needs[1], needs[2]))
            program.change(backward, "dense_rows_backward", (*backward.arguments[:2], wanted), backward.results[1:])
        w, b, *rest = forward.arguments[1:]
        program.change(forward, "dense_rows_forward", (w, b, *gather.arguments, *rest), forward.results)
        program.remove(gather)
        times += 1
    return times


def conv_then_pool(plan):
    """A convolution of images and the 2x2 maximum behind it: what lies between, the largest array of the network, never
    reaches memory. (The same bits forward; sums of the gradients of kernel and bias are added up in another order.)"""
    program, times = _Program(plan), 0
    for forward in [i for i in plan.program if i.name == "conv_forward"]:
        pool = program.only_reader(forward.results[0], "max_pool_forward")
        if pool is None or len(forward.arguments) < 8 or program.constant(forward.arguments[7]) not in _EDGE_ACTIVATIONS:
            continue
        size, strides, padding = (program.constant(slot) for slot in pool.arguments[1:4])
        if size != (2, 2) or strides != (2, 2) or any(pad != (0, 0) for pad in padding):
            continue
        backward, clear = program.backward_of(forward)
        pool_backward, pool_clear = program.backward_of(pool)
        if not (clear and pool_clear) or (backward is None) != (pool_backward is None):
            continue
        if backward is not None:
            if program.only_reader(pool_backward.results, "conv_backward") is not backward:
                continue
            arguments = (pool_backward.arguments[0], *backward.arguments[1:])
            program.change(backward, "conv_max_pool_backward", arguments, backward.results)
            program.remove(pool_backward)
        program.change(forward, "conv_max_pool_forward", forward.arguments, (pool.results[0], forward.results[1]))
        program.remove(pool)
        times += 1
    return times


def batch_norm_then_relu(plan):
    """Batch normalization, then relu: applied while the rows are in registers; backwards it asks again where y was positive."""
    program, times = _Program(plan), 0
    for forward in [i for i in plan.program if i.name == "batch_norm_forward"]:
        if program.option(forward, 7, "linear") != "linear" or len(forward.arguments) < 8:
            continue
        shaped = program.only_reader(forward.results[0], "reshape_forward")
        relu = program.only_reader(forward.results[0] if shaped is None else shaped.results[0], "activation_forward")
        if relu is None or program.constant(relu.arguments[1]) != "relu":
            continue
        chain = [forward, relu] if shaped is None else [forward, shaped, relu]
        found = [program.backward_of(i) for i in chain]
        backwards = [b for b, _ in found]
        if not all(clear for _, clear in found) or len({b is None for b in backwards}) != 1:
            continue
        if backwards[0] is not None:
            first, last = backwards[0], backwards[-1]
            below = backwards[-2]
            if program.only_reader(last.results, below.name) is not below:
                continue
            if below is not first and program.only_reader(below.results, first.name) is not first:
                continue
            below.arguments = (last.arguments[0], *below.arguments[1:])
            program.remove(last)
        name = plan.constant("relu")
        forward.arguments = (*forward.arguments[:7], name, *forward.arguments[8:])
        end = forward if shaped is None else shaped
        end.results = (relu.results[0], end.results[1])
        program.remove(relu)
        times += 1
    return times


RULES = (rows_in_place, conv_then_pool, batch_norm_then_relu)


def rewrite(plan):
    """Apply all rules to a plan, if it is one of the fast kernels."""
    if plan.kernels.NAME != "fast":
        return
    for rule in RULES:
        times = rule(plan)
        if times:
            plan.rewritten.append(f"{rule.__name__} x {times}")
