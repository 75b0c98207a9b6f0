"""The operators that a model may use, and why. Everything else is refused.

An operator is here when models as onnxruntime-genai's builder and the usual exporters write them need it, and when it
is small enough to be trusted with strangers' attributes. Contrib operators (com.microsoft) are the larger part of
onnxruntime's attack surface, so only those that language models and encoders are made of are here.

The list does not bound memory: two small tensors broadcast to a large one, and so does a matrix product. The limits
of the job process do that.
"""

from collections.abc import Iterator
from dataclasses import dataclass

ONNX = ""
MICROSOFT = "com.microsoft"
PICKING = frozenset(("Identity", "Reshape", "Slice", "Squeeze", "Unsqueeze"))  # no more than the first input
DOMAINS = {ONNX: range(11, 27), "ai.onnx": range(11, 27), MICROSOFT: range(1, 2)}  # domain → versions


@dataclass(frozen=True, slots=True)
class Operator:
    """`sized_by` is the input that says how large the result is, or how often its body runs: it must be a constant
    whose numbers multiply to `largest` at most, or with `shapes` be put together from such and other tensors' shapes.
    `bodies` are the attributes that hold a graph."""

    reason: str
    sized_by: int | None = None
    largest: int = 0
    shapes: bool = False
    bodies: tuple[str, ...] = ()


def _group(domain: str, names: str, reason: str) -> dict[tuple[str, str], Operator]:
    return {(domain, name): Operator(reason) for name in names.split()}


ALLOWED: dict[tuple[str, str], Operator] = {
    **_group(
        ONNX,
        "Abs Add And BitShift Cast CastLike Ceil Clip Cos Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual"
        " HardSigmoid HardSwish Identity IsNaN LeakyRelu Less LessOrEqual Log Max Min Mish Mod Mul Neg Not Or Pow"
        " Reciprocal Relu Round Sigmoid Sign Silu Sin Softplus Sqrt Sub Swish Tanh ThresholdedRelu Where Xor",
        "element by element",
    ),
    **_group(
        ONNX,
        "ArgMax CumSum LayerNormalization LogSoftmax RMSNormalization ReduceL2 ReduceMax ReduceMean ReduceMin"
        " ReduceProd ReduceSum SimplifiedLayerNormalization Softmax TopK",
        "norms, softmax and sums: the result is no larger than the input",
    ),
    **_group(
        ONNX,
        "DequantizeLinear DynamicQuantizeLinear Gemm MatMul MatMulInteger QuantizeLinear",
        "the products that a model consists of, and quantised weights",
    ),
    **_group(
        ONNX,
        "Concat Constant Flatten Gather GatherElements GatherND Reshape Shape Size Slice Split Squeeze Transpose Trilu"
        " Unsqueeze",
        "picks, cuts and turns tensors",
    ),
    **_group(ONNX, "Attention RotaryEmbedding", "attention, as the standard has it since version 23"),
    (ONNX, "ConstantOfShape"): Operator("masks", sized_by=0, largest=1 << 24, shapes=True),
    (ONNX, "Expand"): Operator("masks", sized_by=1, largest=1 << 24, shapes=True),
    (ONNX, "Tile"): Operator("repeated heads", sized_by=1, largest=1 << 10),
    (ONNX, "If"): Operator("short or long rotary tables", bodies=("then_branch", "else_branch")),
    (ONNX, "Loop"): Operator("a fixed number of rounds", sized_by=0, largest=1 << 10, bodies=("body",)),
    **_group(
        MICROSOFT,
        "Attention GroupQueryAttention MultiHeadAttention PagedAttention RotaryEmbedding",
        "attention and its cache, as onnxruntime-genai's builder writes them",
    ),
    **_group(
        MICROSOFT,
        "SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization",
        "norms with the residual added",
    ),
    **_group(MICROSOFT, "BiasGelu FastGelu Gelu QuickGelu", "activations of encoders and some decoders"),
    **_group(
        MICROSOFT,
        "FusedMatMul GatherBlockQuantized MatMulNBits MoE QMoE",
        "weights of four and eight bits, and mixtures of experts",
    ),
}


def documentation() -> Iterator[str]:
    """The lines of the table of operators in docs/model-manifest.md."""
    yield "| operators | why, and how they are bounded |"
    yield "|---|---|"
    rows: dict[str, list[str]] = {}
    for (domain, name), operator in ALLOWED.items():
        bound = ""
        if operator.sized_by is not None:
            bound = f"; input {operator.sized_by} is a constant whose numbers multiply to {operator.largest:,} at most"
            bound += ", or is put together from such and other tensors' shapes" * operator.shapes
        shown = f"{domain}.{name}" if domain else name
        rows.setdefault(operator.reason + bound, []).append(f"`{shown}`")
    for reason, names in rows.items():
        yield f"| {' '.join(names)} | {reason} |"
