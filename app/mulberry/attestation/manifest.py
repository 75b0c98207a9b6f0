"""The runtime manifest: what one computer says of the software and hardware that it runs, as a statement to be signed.

The form is ours (docs/attestation.md prints it): JSON in which each statement has exactly one encoding, so that a hash
of it means one thing. Keys ascend, no spaces, ASCII with `\\u` escapes, whole numbers and no others. A statement is its
maker's word: by itself it proves that whoever holds the device key said so.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mulberry.attestation.errors import NotProven
from mulberry.model.encoding import from_json, to_json
from mulberry.model.language import tr
from mulberry.model.proof import Fact

MOST_STATEMENT_BYTES = 256 * 2**10
MOST_PACKAGES = 1_000
MOST_GPUS = 64
SECURE_BOOT = "Secure Boot"  # a finding's name
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MOMENT = 253_402_300_799  # seconds: the end of the year 9999, where datetime ends


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("characters that a terminal would take for orders, or that hide")
    return text


Line = Annotated[str, Field(max_length=300), AfterValidator(_printable)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Nonce = Annotated[str, Field(pattern=r"^(([0-9a-f]{2}){16,64})?$")]  # 16 to 64 bytes, or nobody asked


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution. `record` is the SHA-256 of its RECORD, the list of its files with their hashes, as
    installed; None: it has none. The files themselves were not read."""

    name: Line
    version: Line
    record: Sha256 | None


@dataclass(frozen=True, slots=True)
class Software:
    """`files` is the SHA-256 over Mulberry's own files as they lie on disk (`attestation.software` says how)."""

    mulberry: Line
    origin: Literal["package", "checkout"]
    files: Sha256
    packages: Annotated[tuple[Package, ...], Field(max_length=MOST_PACKAGES)]
    python: Line
    onnxruntime: Line
    system: Line


@dataclass(frozen=True, slots=True)
class StatedGpu:
    """`uuid` is the SHA-256 of the driver's UUID: two statements can be compared, and the card is not named."""

    uuid: Sha256
    name: Line
    driver: Line
    vbios: Line | None


@dataclass(frozen=True, slots=True)
class StatedModel:
    """`manifest` is the SHA-256 of its manifest.json, which names the hash of every file of it."""

    name: Line
    version: Line
    manifest: Sha256


@dataclass(frozen=True, slots=True)
class StatedSandbox:
    """What stands around the job process, and which of its self-test's checks passed: bit 0 is the first."""

    tier: Line
    passed: Annotated[int, Field(ge=0, lt=2**32)]
    checks: Annotated[int, Field(ge=0, le=32)]


@dataclass(frozen=True, slots=True)
class StatedFinding:
    """What the system says of itself. `value` None: unknown, because of what `evidence` says."""

    name: Line
    value: bool | Line | None
    evidence: Line

    def __str__(self) -> str:
        if self.value is None:
            return tr("unknown, because {evidence}", evidence=self.evidence)
        value = self.value if isinstance(self.value, str) else tr("yes") if self.value else tr("no")
        return f"{value} ({self.evidence})"


@dataclass(frozen=True, slots=True)
class Statement:
    """One computer at one moment. `made_at` is in unix seconds by its own clock, `key` its device key (Ed25519)."""

    made_at: Annotated[int, Field(ge=0, le=LAST_MOMENT)]
    nonce: Nonce
    key: Sha256  # a raw public key has the same 32 bytes
    software: Software
    gpus: Annotated[tuple[StatedGpu, ...], Field(max_length=MOST_GPUS)]
    model: StatedModel | None
    sandbox: StatedSandbox | None
    host: Annotated[tuple[StatedFinding, ...], Field(max_length=64)]
    format: Literal["mulberry statement 1"] = "mulberry statement 1"

    @property
    def made(self) -> datetime:
        return EPOCH + timedelta(seconds=self.made_at)  # `fromtimestamp` ends at the year 3000 on Windows

    def finding(self, name: str) -> StatedFinding | None:
        return next((finding for finding in self.host if finding.name == name), None)


def write_statement(statement: Statement) -> bytes:
    """The one encoding of `statement`."""
    value = json.loads(to_json(Statement, statement))
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def read_statement(untrusted: bytes) -> Statement:
    """Raises `NotProven`: no statement, too large, or written otherwise than `write_statement` does."""
    if len(untrusted) > MOST_STATEMENT_BYTES:
        raise NotProven(f"its statement has {len(untrusted):,} bytes, at most {MOST_STATEMENT_BYTES:,} are read")
    try:
        statement = from_json(Statement, untrusted)
    except ValueError as problem:
        raise NotProven("its statement is not one that this version reads") from problem
    if write_statement(statement) != untrusted:
        raise NotProven("its statement is not written in the one form that can be signed")
    return statement


def facts_of(statement: Statement) -> tuple[Fact, ...]:
    """The statement for people, name by name; all of it is the computer's own word."""
    return tuple(Fact(name, value) for name, value in _facts(statement))


def _facts(statement: Statement) -> Iterator[tuple[str, str]]:
    software, model, sandbox = statement.software, statement.model, statement.sandbox
    made = f"{statement.made:%Y-%m-%d %H:%M:%S} UTC"
    yield tr("Made"), tr("{moment}, for a nonce", moment=made) if statement.nonce else made
    where = tr("installed as a package") if software.origin == "package" else tr("run from a checkout")
    yield (
        "Mulberry",
        tr("{version}, {where}, files {digest}…", version=software.mulberry, where=where, digest=software.files[:16]),
    )
    listed = sum(package.record is not None for package in software.packages)
    installed = tr(
        "{packages} installed, {listed} with a list of their files", packages=len(software.packages), listed=listed
    )
    yield tr("Packages"), installed
    yield "Python", software.python
    yield "onnxruntime", software.onnxruntime
    yield tr("System"), software.system
    for gpu in statement.gpus:
        vbios = gpu.vbios or tr("unknown")
        yield "GPU", tr("{gpu}, driver {driver}, VBIOS {vbios}", gpu=gpu.name, driver=gpu.driver, vbios=vbios)
    if not statement.gpus:
        yield "GPU", tr("none that the NVIDIA driver shows")
    loaded = tr("none is loaded")
    if model is not None:
        named = f"{model.name} {model.version}"
        loaded = tr("{model}, manifest {digest}…", model=named, digest=model.manifest[:16])
    yield tr("Model"), loaded
    if sandbox is None:
        yield tr("Sandbox"), tr("unknown, because no job process runs")
    elif not sandbox.checks:
        yield tr("Sandbox"), sandbox.tier
    else:
        passed = sandbox.passed.bit_count()
        told = tr("{tier}: {passed} of {checks} checks passed", tier=sandbox.tier, passed=passed, checks=sandbox.checks)
        yield tr("Sandbox"), told
    for finding in statement.host:
        yield finding.name, str(finding)
