"""A model as a folder with a `manifest.json`: what it is, what it can do, and the hash of each of its files.

The format is described in docs/model-manifest.md. Nothing of a folder is used before every file in it has the size
and the hash that the manifest names, and a folder with a file that the manifest does not name is not used at all:
`model.onnx` could point at it.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mulberry.model.errors import UserFacingError

MANIFEST = "manifest.json"
MANIFEST_LIMIT_BYTES = 1_000_000
REQUIRED_FILES = (
    "model.onnx",
    "genai_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)
HASH_BLOCK_BYTES = 1 << 20
ENGINE_BYTES = 4 << 30  # onnxruntime, tokenizer, and the cache of a small model

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]  # one folder, no paths


class ModelFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: FileName
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Measurement(BaseModel):
    """How often the model was exactly right, measured by our own engine. `held_out`: on questions never trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str = Field(max_length=80)
    held_out: bool
    asked: int = Field(gt=0)
    right: int = Field(ge=0)

    @model_validator(mode="after")
    def _possible(self) -> "Measurement":
        if self.right > self.asked:
            raise ValueError("more right answers than questions")
        return self


class Manifest(BaseModel):
    """What a model's makers say of it. `name` is what requests must carry; temperatures are OpenAI's (0 to 2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1]
    name: str = Field(pattern=r"^[^@\s]+$", max_length=200)
    title: str = Field(max_length=80)
    licence: str = Field(max_length=80)
    source: str = Field(max_length=500)
    parameters: int = Field(gt=0)
    context_tokens: int = Field(ge=2, le=2**20)
    stop_tokens: tuple[str, ...] = Field(min_length=1)
    default_temperature: float = Field(ge=0, le=2, allow_inf_nan=False)
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    measured: tuple[Measurement, ...]
    files: tuple[ModelFile, ...]
    memory_bytes: int | None = Field(default=None, ge=1 << 28, le=1 << 44)

    @property
    def memory_limit_bytes(self) -> int:
        """What its job process may hold: what the makers say, else three times the files and room for the engine."""
        return self.memory_bytes or 3 * sum(file.size for file in self.files) + ENGINE_BYTES

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        names = [file.name for file in self.files]
        if len(set(names)) != len(names) or MANIFEST in names:
            raise ValueError("files: a name twice, or the manifest itself")
        missing = sorted(set(REQUIRED_FILES) - set(names))
        if missing:
            raise ValueError(f"files: {', '.join(missing)} missing")
        return self


class ModelFolder:
    """A folder whose manifest was read and is well formed. Its files are trusted only after `verify`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    @classmethod
    def read(cls, path: Path) -> "ModelFolder":
        """Raises `UserFacingError`: there is no manifest, or not a usable one."""
        try:
            with (path / MANIFEST).open("rb") as file:
                untrusted_text = file.read(MANIFEST_LIMIT_BYTES + 1)
        except OSError as problem:
            raise _unusable(path, f"{MANIFEST} could not be read: {problem.strerror or problem}.") from problem
        if len(untrusted_text) > MANIFEST_LIMIT_BYTES:
            raise _unusable(path, f"{MANIFEST} is larger than {MANIFEST_LIMIT_BYTES:,} bytes.")
        try:
            return cls(path, Manifest.model_validate_json(untrusted_text))
        except ValidationError as mistakes:
            listed = (f"{'.'.join(map(str, m['loc'])) or 'file'}: {m['msg']}" for m in mistakes.errors())
            raise _unusable(path, f"{MANIFEST} has mistakes: {'; '.join(listed)}.") from None

    def verify(self) -> None:
        """Compares every file with the manifest. Reads all of them, so off the loop where models are large.

        Raises `UserFacingError` naming the first file that is missing, not listed, not a plain file or different.
        """
        listed = {file.name: file for file in self.manifest.files}
        try:
            present = {entry.name: entry for entry in os.scandir(self.path) if entry.name != MANIFEST}
            for name in sorted(set(listed) | set(present)):
                if name not in present:
                    raise _unusable(self.path, f"The file {name} is missing.")
                if name not in listed:
                    raise _unusable(self.path, f"The manifest does not name the file {name!r}.")
                if not stat.S_ISREG(present[name].stat(follow_symlinks=False).st_mode):
                    raise _unusable(self.path, f"{name} is a link or a folder, not a file.")
                self._compare(listed[name])
        except OSError as problem:
            raise _unusable(self.path, f"It could not be read: {problem.strerror or problem}.") from problem

    def _compare(self, expected: ModelFile) -> None:
        path = self.path / expected.name
        size = path.stat().st_size
        if size != expected.size:
            raise _unusable(self.path, f"{expected.name} has {size:,} bytes instead of {expected.size:,}.")
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(HASH_BLOCK_BYTES):
                digest.update(block)
        if digest.hexdigest() != expected.sha256:
            raise _unusable(self.path, f"{expected.name} was changed: its SHA-256 is not the manifest's.")


def _unusable(path: Path, why: str) -> UserFacingError:
    return UserFacingError(
        what=f"The model in {path} cannot be used.",
        why=why,
        next_step="Put the model's original files back: install Mulberry again, or restore the folder.",
    )
