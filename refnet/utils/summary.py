"""summary(): a model as a table."""

import math
import re
import shutil

from refnet.utils import tree

__all__ = ["print_summary"]


def print_summary(model, line_length=None, positions=None, print_fn=None, expand_nested=False, show_trainable=False,
                  layer_range=None):  # fmt: skip
    """Print a model's layers, output shapes and parameters. Arguments as `Model.summary`.

    Raises:
        ValueError: for a width that is too small, or a range that names no layer.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    network = getattr(model, "_network", None)
    graphical = network is not None and not _is_chain(network)
    header = ["Layer (type)", "Output Shape", "Param #"]
    justify = ["left", "left", "right"]
    width = 88
    if graphical:
        header.append("Connected to")
        justify.append("left")
        positions = positions or [0.3, 0.56, 0.74, 1.0]
        width = 108
    else:
        positions = positions or [0.45, 0.80, 1.0]
    if show_trainable:
        header.append("Trainable")
        justify.append("center")
        positions = [p * 0.9 for p in positions] + [1.0]
        width += 12
    line_length = line_length or min(width, max(shutil.get_terminal_size().columns - 4, 40))
    ends = [int(p * line_length) if p <= 1 else int(p) for p in positions]
    widths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    if min(widths) < 4:
        raise ValueError(f"summary: a line of {line_length} characters is too short for {len(widths)} columns.")
    table = Table(
        *(Column(h, justify=j, width=w) for h, j, w in zip(header, justify, widths, strict=True)),
        width=line_length,
        show_lines=True,
    )
    layers = model.layers if network is None or not graphical else network.operations
    first, last = _range_of([layer.name for layer in layers], layer_range)

    def add(layer, level):
        prefix = "   " * level + "└ " if level else ""
        name = f"{escape(prefix + layer.name)} ([cyan]{escape(type(layer).__name__)}[/])"
        row = [name, escape(_output_shape(layer)), _parameters(layer)]
        if graphical:
            row.append(escape(_connections(layer, network)) if level == 0 else "-")
        if show_trainable:
            weights = getattr(layer, "weights", [])
            row.append(("[bold green]Y[/]" if layer.trainable else "[bold red]N[/]") if weights else "-")
        table.add_row(*row)
        if expand_nested:
            for inner in getattr(layer, "layers", None) or ():
                add(inner, level + 1)

    for layer in layers[first:last]:
        add(layer, 0)

    def line(what, variables):
        count = sum(v.size for v in variables)
        size = sum(v.size * v.dtype.itemsize for v in variables)
        return f"[bold] {what} params: [/]{count:,} ({readable_size(size)})"

    optimizer = model.optimizer if model.compiled and model.optimizer is not None and model.optimizer.built else None
    optimizer_variables = optimizer.variables if optimizer else []
    console = (
        Console(highlight=False, color_system=None, force_terminal=False, width=max(line_length, 80))
        if print_fn
        else Console(highlight=False, width=None if shutil.get_terminal_size().columns >= line_length else line_length)
    )
    with console.capture() if print_fn else _nothing() as captured:
        console.print(f'[bold]Model: "{escape(model.name)}"[/]')
        console.print(table)
        console.print(line("Total", model.weights + optimizer_variables))
        console.print(line("Trainable", model.trainable_weights))
        console.print(line("Non-trainable", model.non_trainable_weights))
        if optimizer_variables:
            console.print(line("Optimizer", optimizer_variables))
    if print_fn:
        print_fn(captured.get())


class _nothing:
    def __enter__(self):
        return None

    def __exit__(self, *exc_info):
        return None


def readable_size(size) -> str:
    """Bytes as people write them: `"101.77 KB"`."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"


def _is_chain(network) -> bool:
    """Whether every operation has one input and is called once."""
    if len(network.inputs) != 1 or len(network.outputs) != 1 or len(network.operations) != len(network.nodes):
        return False
    readers: dict = {}
    for node in network.nodes:
        if len(node.inputs) > 1 or not hasattr(node.operation, "weights"):
            return False
        for tensor in node.inputs:
            readers[id(tensor)] = readers.get(id(tensor), 0) + 1
    return all(count == 1 for count in readers.values())


def _shape_text(shape) -> str:
    return f"({', '.join(map(str, shape))})"


def _output_shape(layer) -> str:
    nodes = getattr(layer, "_inbound_nodes", None)
    if nodes:
        texts = [_shape_text(t.shape) for t in tree.flatten(nodes[-1].outputs)]
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    network = getattr(layer, "_network", None)
    if network is not None:
        return ", ".join(_shape_text(t.shape) for t in network.outputs)
    shapes = getattr(layer, "_build_shapes", None)
    if shapes and set(shapes) == {"input_shape"}:
        try:
            found = layer.compute_output_shape(shapes["input_shape"])
        except Exception:  # a user's layer whose shapes cannot be found: the table says so
            return "?"
        return _shape_text(found) if not any(isinstance(s, (tuple, list, dict)) for s in found) else str(found)
    return "?"


def _parameters(layer) -> str:
    if not hasattr(layer, "weights"):
        return "0"
    if not layer.built:
        return "0 (unbuilt)"
    return f"{sum(math.prod(v.shape) for v in layer.weights):,}"


def _connections(layer, network) -> str:
    names = []
    for node in network.nodes:
        if node.operation is layer:
            for tensor in node.inputs:
                source = tensor.node.operation if tensor.node else None
                names.append(
                    f"{source.name if source else tensor.name}[{_call_index(tensor, network)}][{tensor.index}]"
                )
    return ", ".join(names) or "-"


def _call_index(tensor, network) -> int:
    siblings = [node for node in network.nodes if tensor.node is not None and node.operation is tensor.node.operation]
    return next((i for i, node in enumerate(siblings) if node is tensor.node), 0)


def _range_of(names, layer_range):
    if layer_range is None:
        return 0, len(names)
    if len(layer_range) != 2 or not all(isinstance(pattern, str) for pattern in layer_range):
        raise ValueError(f"summary: `layer_range` must be two names or patterns. Received: {layer_range!r}")
    starts = [i for i, name in enumerate(names) if re.match(layer_range[0], name)]
    stops = [i for i, name in enumerate(names) if re.match(layer_range[1], name)]
    if not starts or not stops:
        raise ValueError(f"summary: no layer matches {layer_range!r}. The layers are {names}.")
    if min(starts) > max(stops):
        starts, stops = stops, starts
    return min(starts), max(stops) + 1
