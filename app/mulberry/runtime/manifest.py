"""What a model's `manifest.json` may say: this definition checks it, and docs/model-manifest.md prints it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr
from mulberry.model.models import ModelKind
from mulberry.model.shown import shown
from mulberry.runtime.wire import Pooling, Scaling

MANIFEST = "manifest.json"
MANIFEST_LIMIT_BYTES = 1_000_000
REQUIRED_FILES = {
    ModelKind.TEXT_GENERATION: ("genai_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
    ModelKind.EMBEDDING: ("tokenizer.json",),
    ModelKind.CLASSIFICATION: ("tokenizer.json",),
}
WIDTH_LIMIT = 8_192  # numbers of a text; the largest embeddings have half
ENGINE_BYTES = 4 << 30  # onnxruntime, tokenizer, and the cache of a small model
NAMES_OF_WINDOWS = frozenset(
    ("con", "prn", "aux", "nul", *(f"{device}{number}" for device in ("com", "lpt") for number in range(10)))
)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("characters that a terminal would take for orders, or that hide")
    return text


def _on_every_system(name: str) -> str:
    if name.endswith(".") or name.partition(".")[0].lower() in NAMES_OF_WINDOWS:
        raise ValueError("a name that Windows takes for something else")
    return name


FileName = Annotated[  # one folder, no paths
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"), AfterValidator(_on_every_system)
]


def _onnx(name: str) -> str:
    if not name.endswith(".onnx"):  # by other endings onnxruntime takes other formats, which nobody inspects
        raise ValueError("a graph's name ends with .onnx")
    return name


Graph = Annotated[FileName, AfterValidator(_onnx)]
Line = Annotated[str, Field(max_length=200), AfterValidator(_printable)]


class ModelFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: FileName
    size: int = Field(ge=0, le=1 << 44)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Variant(BaseModel):
    """One way to run the model. All variants share tokenizer and template."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    provider: Literal["cpu", "cuda"]
    precision: str = Field(pattern=r"^[a-z0-9-]{1,20}$")
    graph: Graph
    configuration: FileName | Literal[""] = ""
    minimum_vram_bytes: int = Field(ge=0, le=1 << 44)
    library: Literal["ort", "genai"] = "ort"

    @model_validator(mode="after")
    def _readable(self) -> "Variant":
        if self.library == "genai" and self.configuration != "genai_config.json":
            raise ValueError("onnxruntime-genai reads its configuration from genai_config.json only")
        return self


class Encoder(BaseModel):
    """What becomes of a text: a row of numbers, a score for each label or a vector. The descriptions are the
    documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    output: str = Field(pattern=r"^[A-Za-z0-9_./:-]{1,100}$", description="the graph's output")
    width: int = Field(
        ge=1, le=WIDTH_LIMIT, description="how many numbers a text has: those of a vector, or one for each label"
    )
    pooling: Pooling = Field(
        default=Pooling.NONE,
        description="`none`: the output is [texts, width]; `mean`: it is [texts, tokens, width], and the mean over "
        "each text's own tokens is taken; left out: `none`",
    )
    scaling: Scaling = Field(
        default=Scaling.NONE,
        description="`none`, `unit-length` (of vectors) or `softmax` (scores that sum up to 1); left out: `none`",
    )
    padding: Line = Field(description="the token that fills short texts up, such as `[PAD]`")
    labels: tuple[Line, ...] = Field(
        default=(), max_length=WIDTH_LIMIT, description="of a classification: as many as `width`"
    )

    @model_validator(mode="after")
    def _a_score_for_each_label(self) -> "Encoder":
        if self.labels and (len(self.labels) != self.width or len(set(self.labels)) != self.width):
            raise ValueError("width is not the number of different labels")
        return self


class Measurement(BaseModel):
    """How often the model was exactly right, measured by our own engine. `held_out`: on questions never trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Annotated[str, Field(max_length=80), AfterValidator(_printable)]
    held_out: bool
    asked: int = Field(gt=0)
    right: int = Field(ge=0)

    @model_validator(mode="after")
    def _possible(self) -> "Measurement":
        if self.right > self.asked:
            raise ValueError("more right answers than questions")
        return self


class Manifest(BaseModel):
    """What a model's makers say of it. The descriptions are the documentation."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[2] = Field(description="2")
    name: Annotated[str, AfterValidator(_printable)] = Field(
        pattern=r"^[^@\s]+$",
        max_length=200,
        description="the name that the network's requests carry, without `@` and what follows it",
    )
    version: str = Field(
        pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}$",
        description="the makers' own; of one name, the last import is used",
    )
    title: Annotated[str, AfterValidator(_printable)] = Field(max_length=80, description="for people")
    licence: Annotated[str, AfterValidator(_printable)] = Field(
        max_length=80, description="of the weights, as an SPDX identifier where there is one"
    )
    source: Annotated[str, AfterValidator(_printable)] = Field(
        max_length=500, description="where the weights come from and what made them"
    )
    parameters: int = Field(gt=0, description="how many")
    kind: ModelKind = Field(
        default=ModelKind.TEXT_GENERATION,
        description="`text-generation`, `embedding` or `classification`; left out: the first",
    )
    encoder: Encoder | None = Field(
        default=None, description="of the other two kinds, and of these always: see below, Encoders"
    )
    context_tokens: int = Field(
        ge=2,
        le=2**20,
        description="prompt and answer together, or an encoder's longest text; at most what the model was made for",
    )
    chat_template: Literal["chat_template.jinja", ""] = Field(
        default="",
        description="the file that turns a conversation into a prompt: `chat_template.jinja`; encoders have none",
    )
    stop_tokens: tuple[Line, ...] = Field(
        default=(),
        max_length=64,
        description="the control tokens that end an answer, as the tokenizer writes them; encoders have none",
    )
    thinking: tuple[Line, Line] | None = Field(
        default=None,
        description="the two tokens between which the model thinks before it answers, such as `<think>` and "
        "`</think>`; left out: it does not",
    )
    default_temperature: float = Field(
        default=0.0,
        ge=0,
        le=2,
        allow_inf_nan=False,
        description="of requests that name none, 0 to 2; left out: 0",
    )
    variants: tuple[Variant, ...] = Field(
        min_length=1,
        max_length=8,
        description="ways to run it, the best first, each with `provider` (`cpu` or `cuda`), `precision`, `graph` and "
        "`configuration` (names of files; encoders have no configuration), `minimum_vram_bytes` (0 for the CPU) and "
        "`library`: `ort`, which is the rule, or `genai`",
    )
    can: tuple[Line, ...] = Field(max_length=20, description="short sentences for the model's page: what to expect")
    cannot: tuple[Line, ...] = Field(max_length=20, description="and what not")
    measured: tuple[Measurement, ...] = Field(
        max_length=64,
        description="`kind`, `held_out`, `asked`, `right`: answers that were right to the letter, by our own engine; "
        "`held_out` says that none of these questions was trained on",
    )
    files: tuple[ModelFile, ...] = Field(
        max_length=64, description="`name` (no path), `size` in bytes, `sha256` in hexadecimal"
    )
    memory_bytes: int | None = Field(
        default=None,
        ge=1 << 28,
        le=1 << 44,
        description="what its job process may hold; left out: three times the files and 4 GiB",
    )

    @property
    def size_bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def memory_limit_bytes(self) -> int:
        """What its job process may hold: what the makers say, else three times the files and room for the engine."""
        return self.memory_bytes or 3 * self.size_bytes + ENGINE_BYTES

    def variants_for(self, provider: str) -> tuple[Variant, ...]:
        """The makers' order is their choice."""
        return tuple(variant for variant in self.variants if variant.provider == provider)

    def variant_for(self, provider: str, free_vram_bytes: int | None = None) -> Variant | None:
        """The first for it that `free_vram_bytes` is enough for, None: any is. None: it cannot run there."""
        return next(
            (
                variant
                for variant in self.variants_for(provider)
                if free_vram_bytes is None or variant.minimum_vram_bytes <= free_vram_bytes
            ),
            None,
        )

    @property
    def graphs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(variant.graph for variant in self.variants))

    @property
    def configurations(self) -> tuple[str, ...]:
        """None of an encoder."""
        return tuple(dict.fromkeys(variant.configuration for variant in self.variants if variant.configuration))

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        names = [file.name for file in self.files]
        if len({name.lower() for name in (*names, MANIFEST)}) != len(names) + 1:
            raise ValueError("files: a name twice (large and small letters are the same), or the manifest itself")
        missing = sorted({*REQUIRED_FILES[self.kind], *self.graphs, *self.configurations} - set(names))
        if missing:
            raise ValueError(f"files: {', '.join(missing)} missing")
        return self

    @model_validator(mode="after")
    def _of_one_kind(self) -> "Manifest":
        of_text = (self.chat_template, self.stop_tokens, *(variant.configuration for variant in self.variants))
        if self.kind is ModelKind.TEXT_GENERATION:
            if self.encoder is not None or not all(of_text):
                raise ValueError(f"{self.kind}: chat_template, stop_tokens and each configuration, but no encoder")
        elif self.encoder is None or any(of_text) or self.thinking is not None:
            raise ValueError(f"{self.kind}: an encoder, but nothing of text: template, tokens and configurations")
        elif bool(self.encoder.labels) is not (self.kind is ModelKind.CLASSIFICATION):
            raise ValueError(f"{self.kind}: labels are a classification's, and it has some")
        return self


def parse_manifest(untrusted_text: bytes, where: str) -> Manifest:
    """`where` is the model's place, for people. Raises `UserFacingError` with every mistake in it."""
    if len(untrusted_text) > MANIFEST_LIMIT_BYTES:
        raise unusable(
            where, tr("{name} is larger than {limit} bytes.", name=MANIFEST, limit=number(f"{MANIFEST_LIMIT_BYTES:,}"))
        )
    try:
        return Manifest.model_validate_json(untrusted_text)
    except ValidationError as mistakes:
        listed = (f"{'.'.join(map(str, m['loc'])) or 'file'}: {m['msg']}" for m in mistakes.errors()[:20])
        raise unusable(
            where, tr("{name} has mistakes: {mistakes}.", name=MANIFEST, mistakes=shown("; ".join(listed), 2000))
        ) from None


def unusable(where: str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The model in {where} cannot be used.", where=where),
        why=why,
        next_step=tr("Put the model's original files back: install Mulberry again, or restore the folder."),
    )


def documentation(of: type[Manifest] | type[Encoder] = Manifest) -> Iterator[str]:
    """The lines of the tables of keys in docs/model-manifest.md."""
    yield "| key | value |"
    yield "|---|---|"
    for name, field in of.model_fields.items():
        yield f"| `{name}` | {field.description} |"
