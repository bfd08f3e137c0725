"""Neighbours of a network that one kernel computes at once.

A network is a list of steps, one layer after the other. Some pairs have a kernel of their own that does the work of both
without storing what lies between them. `fuse` finds such pairs and puts one step in their place; what the network computes,
forward and backward, stays the same but for rounding. A pair runs where its first layer stood, so that layers which remember
what they saw (batch normalization) see it in the same order. If an attribute of a layer is changed later, the two run
one after the other. A pair is left alone if anybody else wants to see what lies between: another layer, or
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
        self.state = self.attributes()

    def attributes(self):
        """What was read when the pair was made, and must be the same when it runs."""
        first, second = self.first, self.second
        return (first.activation, first.data_format, second.pool_size, second.strides, second.padding, second.data_format)

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
        if self.attributes() == self.state:
            try:
                return ops.conv_max_pool(inputs, conv.kernel, conv.strides, conv.padding, conv.dilation_rate, conv.bias,
                                         self.activation)  # fmt: skip
            except ValueError:
                pass  # the layer at fault says it in its own words
        return self.second.call(conv.call(inputs))


class BatchNormRelu:
    """BatchNormalization, then Activation("relu")."""

    takes_training = True

    def __init__(self, first, second):
        self.first, self.second = first, second
        self.activation = second.activation

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
        if self.second.activation is not self.activation:
            return self.second.call(self.first.call(inputs, training=training))
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
    makers: dict[int, int] = {}  # slot -> where the step that fills it stands in `fused`
    fused: list = []
    for step in steps:
        at = makers.get(step[1])
        if at is not None and readers[step[1]] == 1 and step[1] not in kept:
            before = fused[at]
            layers = _plain_layer(before), _plain_layer(step)
            pair = next((pair for pair in PAIRS if None not in layers and pair.fits(*layers)), None)
            if pair is not None:
                fused[at] = [pair(*layers), before[1], step[2], pair.takes_training, before[4], step[5]]
                makers[step[2]] = at
                continue
        if isinstance(step[2], int):
            makers[step[2]] = len(fused)
        fused.append(step)
    return fused


def _plain_layer(step):
    """The layer of a step that calls nothing but `layer.call` on one input."""
    layer = getattr(step[0], "__self__", None)
    return layer if step[1] is not None and layer is not None and layer is step[5].operation else None
