"""What this computer says of itself, put together from what `hardware`, `runtime` and the disk tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from mulberry.attestation.manifest import (
    MOST_GPUS,
    SECURE_BOOT,
    Software,
    StatedFinding,
    StatedGpu,
    StatedModel,
    StatedSandbox,
    Statement,
)
from mulberry.model.gpu import ConfidentialMode, GpuReport
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.language import english
from mulberry.model.text import plain
from mulberry.runtime.models import ModelFolder, read_manifest
from mulberry.runtime.sandbox.provider import Confinement, Tier
from mulberry.runtime.wire import Canary

LONGEST = 250  # characters of a name or sentence


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at this computer has shown. `model` and `confinement` are None while nothing serves."""

    software: Software
    gpus: GpuReport
    host: HostReport
    confidential: ConfidentialReport
    model: StatedModel | None
    confinement: Confinement | None


def statement_of(looked: Looked, key: bytes, nonce: bytes, now: datetime) -> Statement:
    """`key` is the device's public one, `nonce` what a verifier asked with, b"" where nobody did."""
    return Statement(
        made_at=int(now.timestamp()),
        nonce=nonce.hex(),
        key=key.hex(),
        software=looked.software,
        gpus=tuple(
            StatedGpu(
                uuid=sha256(gpu.uuid.encode()).hexdigest(),
                name=_line(gpu.name),
                driver=_line(gpu.driver_version),
                vbios=None if gpu.vbios_version is None else _line(gpu.vbios_version),
            )
            for gpu in looked.gpus.gpus[:MOST_GPUS]
        ),
        model=looked.model,
        sandbox=None if looked.confinement is None else _sandbox(looked.confinement),
        host=tuple(_findings(looked.host, looked.confidential)),
    )


def model_of(served: ModelFolder) -> StatedModel:
    """Of a model whose files were compared with its manifest when it was loaded. Raises `UserFacingError`: it is gone.

    Read again, so that a manifest exchanged since shows.
    """
    digest = sha256(read_manifest(served.path)).hexdigest()
    return StatedModel(_line(served.manifest.name), _line(served.manifest.version), digest)


def _sandbox(confinement: Confinement) -> StatedSandbox:
    if confinement.tier is Tier.NONE:
        return StatedSandbox(_line(str(confinement.tier)), passed=0, checks=0)
    return StatedSandbox(_line(str(confinement.tier)), int(confinement.passed), len(Canary))


def _findings(host: HostReport, confidential: ConfidentialReport) -> Iterator[StatedFinding]:
    yield _finding("Kernel", host.kernel)
    yield _finding("Processor", host.cpu)
    yield _finding("Machine", host.machine)
    yield _finding("Virtual machine", host.virtual_machine)
    yield _finding("TDX guest", host.tdx_guest)
    yield _finding("SEV-SNP guest", host.snp_guest)
    yield _finding(SECURE_BOOT, host.secure_boot)
    yield _finding("TPM 2.0", host.tpm2)
    yield _finding("GPUs' confidential computing", confidential.mode)
    yield _finding("GPUs accept work", confidential.ready)
    yield _finding("Processor's protection of GPU memory", confidential.cpu)


def _finding(name: str, found: Finding[str] | Finding[bool] | Finding[ConfidentialMode]) -> StatedFinding:
    value = found.value.value if isinstance(found.value, ConfidentialMode) else found.value
    return StatedFinding(name, _line(value) if isinstance(value, str) else value, _line(found.evidence))


def _line(text: str) -> str:
    return plain(english(text), LONGEST)
