"""Neighbours of a network that one kernel computes at once.

A network is a list of steps, one layer after the other. Some pairs have a kernel of their own that does the work of both
without storing what lies between them. `fuse` finds such pairs and puts one step in their place; what the network computes,
forward and backward, stays the same. A pair is left alone if anybody else wants to see what lies between: another layer, or
the model's outputs (so `refnet.visualize` sees every layer); or if either layer is more than its plain self: a subclass with a
`call` of its own, an activity regularizer.
"""

from refnet import activations, ops
from refnet.layers.convolution.convolution import BaseConv
from refnet.layers.core import Activation
from refnet.layers.normalization.batch import BatchNormalization
from refnet.layers.pooling.windows import BaseMaxPooling
from refnet.layers.support import defined_by

__all__ = ["fuse"]


class ConvMaxPool:
    """Conv2D, then MaxPooling2D over 2x2."""

    takes_training = False

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.activation = activations.fused_name(first.activation)

    @staticmethod
    def fits(first, second):
        return (
            isinstance(first, BaseConv)
            and isinstance(second, BaseMaxPooling)
            and defined_by(type(first), "call") is BaseConv
            and defined_by(type(second), "call") is BaseMaxPooling
            and first.rank == 2
            and second.pool_size == second.strides == (2, 2)
            and second.padding == "valid"
            and first.data_format == second.data_format == "channels_last"
            and activations.fused_name(first.activation) in ("linear", "relu", "sigmoid", "tanh")
        )

    def __call__(self, inputs):
        conv = self.first
        try:
            return ops.conv_max_pool(inputs, conv.kernel, conv.strides, conv.padding, conv.dilation_rate, conv.bias,
                                     self.activation)  # fmt: skip
        except ValueError:
            return self.second.call(conv.call(inputs))  # the layer at fault says it in its own words


class BatchNormRelu:
    """BatchNormalization, then Activation("relu")."""

    takes_training = True

    def __init__(self, first, second):
        self.first = first

    @staticmethod
    def fits(first, second):
        return (
            isinstance(first, BatchNormalization)
            and isinstance(second, Activation)
            and defined_by(type(first), "call") is defined_by(type(first), "_normalized") is BatchNormalization
            and defined_by(type(second), "call") is Activation
            and activations.fused_name(second.activation) == "relu"
        )

    def __call__(self, inputs, training=None):
        return self.first._normalized(inputs, training, None, "relu")


PAIRS = (ConvMaxPool, BatchNormRelu)


def fuse(steps, kept):
    """Steps with pairs put together.

    Args:
        steps: lists [call, source slot, target slot, takes training, source slots, node], in order. `call` is the bound
            method `layer.call` where nothing else happens at run time; only such steps are touched.
        kept: slots that must be filled: the outputs.

    Returns:
        A new list; a fused step has the node of its second layer.
    """
    readers: dict[int, int] = {}
    for step in steps:
        for slot in step[4]:
            readers[slot] = readers.get(slot, 0) + 1
    made, done = {step[2]: step for step in steps if isinstance(step[2], int)}, set()
    fused = []
    for step in steps:
        before = made.get(step[1])
        if before is not None and id(before) not in done and readers[step[1]] == 1 and step[1] not in kept:
            layers = _plain_layer(before), _plain_layer(step)
            pair = next((pair for pair in PAIRS if None not in layers and pair.fits(*layers)), None)
            if pair is not None:
                fused[:] = [s for s in fused if s is not before]
                done.add(id(step))
                fused.append([pair(*layers), before[1], step[2], pair.takes_training, before[4], step[5]])
                continue
        fused.append(step)
    return fused


def _plain_layer(step):
    """The layer of a step that calls nothing but `layer.call` on one input."""
    layer = getattr(step[0], "__self__", None)
    return layer if step[1] is not None and layer is not None and layer is step[5].operation else None
