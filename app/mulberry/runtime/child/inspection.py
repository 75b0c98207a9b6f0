"""Reads a model without running it, and says every reason why it may not run. Loading is the dangerous step, so this
comes before it, in the job process's sandbox, and with a reader of our own (`protobuf`) instead of a library's.

What it answers for: each operator is allowed and known, each body runs a bounded number of times, each tensor has the
data that it announces in this folder, and nothing nests, repeats or counts beyond its limit. What it cannot answer
for is how much memory a run takes; the limits of the process do.
"""

import json
import math
import mmap
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mulberry.runtime.child import onnx_fields as onnx
from mulberry.runtime.child.operators import ALLOWED, DOMAINS, MICROSOFT, ONNX, PICKING, Operator
from mulberry.runtime.child.protobuf import Malformed, Message, read
from mulberry.runtime.child.tensors import Tensor, check_metadata, read_tensor
from mulberry.runtime.wire import Inspect, Inspected

GRAPH_LIMIT_BYTES = 2**31 - 1  # protobuf's own
CONFIGURATION_LIMIT_BYTES = 1 << 20
DEPTH_LIMIT = 4
RUNS_LIMIT = 100_000  # nodes, each as often as it runs
REASONS_LIMIT = 20
NEWEST_FORMAT = 13
LARGEST_SIZE = 1 << 64  # a product beyond it is as wrong as it
SHARED_DATA = 2  # how often a file's bytes may be used, on average: tied weights are
DECODER_LIMITS = {"num_hidden_layers": 1_024, "num_key_value_heads": 1_024, "head_size": 4_096}
MODEL_LIMITS = {"vocab_size": 1 << 22, "context_length": 1 << 24}
NAME_OF_A_LAYER = re.compile(r"[A-Za-z0-9_./]{1,100}%d[A-Za-z0-9_./]{0,100}")


def inspect(order: Inspect) -> Inspected:
    """The verdict on all graphs and configurations of a folder. Raises `OSError` when it cannot be read."""
    folder, files = Path(order.folder), dict(order.files)
    reasons: list[str] = []
    inspected = [_inspect_graph(folder / name, files, reasons) for name in order.graphs]
    for name in order.configurations:
        try:
            _check_configuration(folder / name, order.graphs)
        except Malformed as problem:
            reasons.append(f"{name}: {problem}.")
    operators = sum((graph.operators for graph in inspected), Counter[str]())
    return Inspected(
        reasons=tuple(reasons[:REASONS_LIMIT]),
        operators=tuple(sorted(operators.items())),
        weights=max((graph.weights for graph in inspected), default=0),
    )


def _inspect_graph(path: Path, files: dict[str, int], reasons: list[str]) -> "GraphInspection":
    graph = GraphInspection(files)
    try:
        if not 0 < files[path.name] <= GRAPH_LIMIT_BYTES:
            raise Malformed("it is empty, or larger than a model file can be")
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # unmapped with the last view of it
        graph.look_at(memoryview(mapped))
    except Malformed as problem:
        graph.complain(str(problem))
    reasons += [f"{path.name}: {reason}." for reason in graph.reasons]
    return graph


class GraphInspection:
    """One model file. `files` are the folder's, with their sizes; `reasons` are against it."""

    def __init__(self, files: dict[str, int]) -> None:
        self.reasons: list[str] = []
        self.operators: Counter[str] = Counter()
        self.weights = 0  # elements of stored tensors
        self._files = files
        self._runs = 0
        self._tensors = 0
        self._data: Counter[str] = Counter()  # file → bytes that tensors claim of it

    def complain(self, reason: str) -> None:
        if reason not in self.reasons and len(self.reasons) < REASONS_LIMIT:
            self.reasons.append(reason)

    def look_at(self, untrusted: memoryview) -> None:
        """Raises `Malformed` where nothing more can be said."""
        model = read(untrusted, onnx.MODEL, "the model")
        if not 3 <= model.number("ir_version") <= NEWEST_FORMAT:
            self.complain(f"it is of the format version {model.number('ir_version')}")
        check_metadata(model.messages("metadata_props"), "the model")
        self._check_versions(model)
        self._graph(model.bytes("graph"), {}, depth=0, rounds=1)
        for name, claimed in self._data.items():
            if claimed > SHARED_DATA * self._files[name]:
                self.complain(f"its tensors claim {claimed:,} bytes of {name}, which has {self._files[name]:,}")

    def _check_versions(self, model: Message) -> None:
        domains = set()
        for part in model.messages("opset_import"):
            entry = read(part, onnx.OPERATOR_SET, "a list of operators")
            domain, version = entry.text("domain"), entry.number("version")
            if domain not in DOMAINS:
                self.complain(f"it wants operators of {domain!r}")
            elif version not in DOMAINS[domain] or domain in domains:
                self.complain(f"it wants version {version} of the operators of {domain or 'ONNX'!r}")
            domains.add(domain)
        if not domains & {ONNX, "ai.onnx"}:
            self.complain("it does not say which version of ONNX's operators it wants")

    def _graph(self, untrusted: memoryview, outer: Mapping[str, Tensor], *, depth: int, rounds: int) -> None:
        if depth > DEPTH_LIMIT:
            raise Malformed(f"bodies lie more than {DEPTH_LIMIT} deep in one another")
        graph = read(untrusted, onnx.GRAPH, "a graph")
        check_metadata(graph.messages("metadata_props"), "a graph")
        given = self._values(graph.messages("input"))
        self._values(graph.messages("output"))
        stored = self._stored(graph)
        nodes = [read(part, onnx.NODE, "a node") for part in graph.messages("node")]
        computed = Counter(name for node in nodes for name in node.texts("output") if name)
        if twice := [name for name, times in computed.items() if times > 1 or name in given | stored.keys()]:
            raise Malformed(f"{twice[0][:80]!r} is made twice")
        known = {name: tensor for name, tensor in {**outer, **stored}.items() if name not in given | computed.keys()}
        constants = {**known, **self._written_down(nodes)}
        sizes = _sizes(nodes, constants)
        for node in nodes:
            self._runs += rounds
            if self._runs > RUNS_LIMIT:
                raise Malformed(f"more than {RUNS_LIMIT:,} operators would run")
            self._node(node, constants, sizes, depth, rounds)

    def _values(self, parts: list[memoryview]) -> set[str]:
        names = set()
        for part in parts:
            value = read(part, onnx.VALUE, "an input or output")
            if "type" in value:
                read(value.bytes("type"), onnx.TYPE, f"{value.text('name')[:80]!r}")
            names.add(value.text("name"))
        return names

    def _stored(self, graph: Message) -> dict[str, Tensor]:
        stored: dict[str, Tensor] = {}
        for part in graph.messages("initializer"):
            tensor = self._tensor(part, "the tensor")
            if tensor.name in stored:
                self.complain(f"the tensor {tensor.name[:80]!r} comes twice")
            stored[tensor.name] = tensor
        return stored

    def _written_down(self, nodes: list[Message]) -> dict[str, Tensor]:
        """The results of Constant nodes, where they are tensors."""
        found = {}
        for node in nodes:
            if node.text("op_type") == "Constant" and not node.text("domain") and node.count("output") == 1:
                parts = [read(part, onnx.ATTRIBUTE, "Constant's setting") for part in node.messages("attribute")]
                if len(parts) == 1 and parts[0].text("name") == "value" and "t" in parts[0]:
                    found[node.texts("output")[0]] = self._tensor(parts[0].bytes("t"), "Constant's tensor")
        return found

    def _tensor(self, untrusted: memoryview, what: str) -> Tensor:
        self._tensors += 1
        if self._tensors > onnx.TENSORS:
            raise Malformed(f"there are more than {onnx.TENSORS:,} tensors")
        tensor = read_tensor(untrusted, self._files, what)
        self.weights += tensor.elements
        if tensor.location is not None:
            self._data[tensor.location] += tensor.stored_bytes
        return tensor

    def _node(
        self, node: Message, constants: Mapping[str, Tensor], sizes: Mapping[str, int], depth: int, rounds: int
    ) -> None:
        domain, name = node.text("domain"), node.text("op_type")
        domain = ONNX if domain == "ai.onnx" else domain
        shown = f"{domain}.{name}" if domain else name
        operator = ALLOWED.get((domain, name))
        if operator is None:
            self.complain(f"the operator {shown[:80]!r} is not allowed")
            return
        self.operators[shown] += 1
        check_metadata(node.messages("metadata_props"), "a node")
        inputs = node.texts("input")
        if operator.sized_by is not None:
            rounds *= self._size(shown, operator, inputs, constants, sizes)
        if (domain, name) == (MICROSOFT, "MatMulNBits"):
            self._quantised_product(node, inputs, constants)
        settings = set()
        for attribute in (read(part, onnx.ATTRIBUTE, f"{shown}'s setting") for part in node.messages("attribute")):
            setting = attribute.text("name")
            if setting in settings:
                raise Malformed(f"{shown} has the setting {setting[:80]!r} twice")
            settings.add(setting)
            if "t" in attribute:
                self._tensor(attribute.bytes("t"), f"{shown}'s tensor")
            if "g" in attribute:
                if setting not in operator.bodies:
                    raise Malformed(f"{shown} has a body {setting[:80]!r}")
                self._graph(attribute.bytes("g"), constants, depth=depth + 1, rounds=max(rounds, 1))

    def _size(
        self,
        shown: str,
        operator: Operator,
        inputs: list[str],
        constants: Mapping[str, Tensor],
        sizes: Mapping[str, int],
    ) -> int:
        """What the input that sizes the result says. With bodies it is how often they run, otherwise 1 is returned."""
        assert operator.sized_by is not None  # noqa: S101 - the caller's condition
        name = inputs[operator.sized_by] if operator.sized_by < len(inputs) else ""
        size = sizes.get(name) if operator.shapes or name in constants else None
        if size is None:
            self.complain(f"{shown} computes its size or its number of rounds while it runs")
            return 1
        if size > operator.largest:
            self.complain(f"{shown} has a size or a number of rounds of {size:,}, allowed are {operator.largest:,}")
            return 1
        return size if operator.bodies else 1

    def _quantised_product(self, node: Message, inputs: list[str], constants: Mapping[str, Tensor]) -> None:
        """onnxruntime packs these weights while it loads, by the settings: they have to fit to the tensor."""
        settings = {}
        for part in node.messages("attribute"):
            attribute = read(part, onnx.ATTRIBUTE, "MatMulNBits' setting")
            settings[attribute.text("name")] = attribute.number("i")
        rows, columns = settings.get("N", 0), settings.get("K", 0)
        bits, block = settings.get("bits", 4), settings.get("block_size", 0)
        weights = constants.get(inputs[1]) if len(inputs) > 1 else None
        if bits not in (2, 4, 8) or block not in (16, 32, 64, 128, 256) or not (rows > 0 and columns > 0):
            self.complain("MatMulNBits has impossible settings")
        elif weights is None or weights.stored_bytes != rows * -(-columns // block) * (block * bits // 8):
            self.complain("MatMulNBits has weights that do not fit to its settings")


def _sizes(nodes: list[Message], constants: Mapping[str, Tensor]) -> dict[str, int]:
    """The tensors that are made of small constants and of other tensors' shapes alone, with what the constants in them
    multiply to at most. In a wrong order of nodes, which onnxruntime refuses, less of them is known."""
    sizes = {
        name: math.prod(max(1, abs(number)) for number in tensor.numbers)
        for name, tensor in constants.items()
        if tensor.numbers is not None
    }
    for node in nodes:
        inputs, outputs, operator = node.texts("input"), node.texts("output"), node.text("op_type")
        if node.text("domain") or len(outputs) != 1:
            continue
        if operator == "Shape":
            sizes[outputs[0]] = 1
        elif (operator in PICKING or _keeps_numbers(node)) and inputs and inputs[0] in sizes:
            sizes[outputs[0]] = sizes[inputs[0]]
        elif operator == "Gather" and len(inputs) == 2 and inputs[0] in sizes and inputs[1] in constants:
            picked = min(constants[inputs[1]].elements, 64)  # each may be the same one
            sizes[outputs[0]] = min(sizes[inputs[0]] ** picked, LARGEST_SIZE)
        elif operator == "Concat" and inputs and all(name in sizes for name in inputs):
            sizes[outputs[0]] = min(math.prod(sizes[name] for name in inputs), LARGEST_SIZE)
    return sizes


def _keeps_numbers(node: Message) -> bool:
    """A change of type in which no number grows: as an unsigned one, -1 is the largest there is."""
    if node.text("op_type") != "Cast":
        return False
    settings = [read(part, onnx.ATTRIBUTE, "Cast's setting") for part in node.messages("attribute")]
    kinds = {setting.number("i") for setting in settings if setting.text("name") == "to"}
    return bool(kinds) and kinds <= {onnx.INT32, onnx.INT64}


def _check_configuration(path: Path, graphs: tuple[str, ...]) -> None:
    """What `model.OnnxModel` takes from the file: a graph of this folder, bounded numbers, harmless patterns."""
    with path.open("rb") as file:
        untrusted_text = file.read(CONFIGURATION_LIMIT_BYTES + 1)
    if len(untrusted_text) > CONFIGURATION_LIMIT_BYTES:
        raise Malformed(f"larger than {CONFIGURATION_LIMIT_BYTES:,} bytes")
    try:
        model = json.loads(untrusted_text)["model"]
        decoder = model["decoder"]
        numbers: dict[str, Any] = {name: decoder[name] for name in DECODER_LIMITS}
        numbers |= {name: model[name] for name in MODEL_LIMITS}
        patterns = [
            decoder[side][f"{time}_{part}_names"]
            for side, time in (("inputs", "past"), ("outputs", "present"))
            for part in ("key", "value")
        ]
        graph = decoder["filename"]
    except (ValueError, RecursionError, KeyError, TypeError) as problem:
        raise Malformed(f"not what onnxruntime-genai writes ({type(problem).__name__})") from None
    if graph not in graphs:
        raise Malformed(f"it names {str(graph)[:80]!r}, which is no graph of the manifest")
    for name, limit in (DECODER_LIMITS | MODEL_LIMITS).items():
        if type(numbers[name]) is not int or not 0 < numbers[name] <= limit:
            raise Malformed(f"{name} must be between 1 and {limit:,}")
    for pattern in patterns:
        if not isinstance(pattern, str) or not NAME_OF_A_LAYER.fullmatch(pattern):
            raise Malformed("the names of the cache are no pattern with one %d")
