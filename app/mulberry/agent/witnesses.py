"""Who vouches for what this computer states: the quoting service, the TPM, the GPUs; and the system's own files."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mulberry.attestation.evidence import GpuEvidence
from mulberry.attestation.tpm import LinuxTpm, TpmDevice
from mulberry.attestation.tsm import make_quote
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu_report import collect
from mulberry.model.time_limit import TimeLimit


@dataclass(frozen=True, slots=True)
class Witnesses:
    """`quote` is given REPORTDATA (64 bytes), `gpu` a UUID and the 32 bytes to be signed; each raises
    `UserFacingError`, and `quote` may hang. Tests bring their own."""

    quote: Callable[[bytes], bytes] = make_quote
    tpm: TpmDevice = field(default_factory=LinuxTpm)
    gpu: Callable[[str, bytes, TimeLimit], GpuEvidence] = collect
    files: SystemFiles = field(default_factory=SystemFiles)
