"""Asks a GPU for its signed measurement report, by NVML. What it gives is evidence and proves nothing before
`attestation.gpu_report` looked at it: a dishonest host may give anything here.
"""

from ctypes import Array, c_uint8

import pynvml

from mulberry.attestation.certificate_chain import read_pem_chain
from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import GpuEvidence
from mulberry.attestation.spdm import NONCE_BYTES
from mulberry.hardware.nvml import code_of
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.known_errors import Stack, to_error
from mulberry.model.language import tr
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

ANSWER_SECONDS = 15.0  # a GPU needs about a second, and longer while others are asked

NOT_CONFIDENTIAL = (
    tr("It does not run in confidential mode, or its kind has none."),
    tr("`mulberry check` says whether this GPU has that mode."),
    WhoseTurn.YOU,
)
BUSY = (tr("Another program is asking it."), tr("Check again when that has ended."), WhoseTurn.YOU)

# What some of NVML's errors mean to who asks for a report; all others mean what they always do
WORDS = {pynvml.NVML_ERROR_NOT_SUPPORTED: NOT_CONFIDENTIAL, pynvml.NVML_ERROR_IN_USE: BUSY}


def collect(uuid: str, nonce: bytes, limit: TimeLimit | None = None) -> GpuEvidence:
    """One GPU's report with `nonce` (32 bytes) in it, and its certificates. Blocking, about a second.

    Who asks several GPUs gives them one `limit`, so that a driver that hangs holds one thread. Raises
    `UserFacingError`: there is no report, and why.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce of {len(nonce)} bytes")
    try:
        report, certificates_pem = (limit or TimeLimit(ANSWER_SECONDS)).call(lambda: _ask(uuid, nonce))
        chain = read_pem_chain(certificates_pem, tr("this GPU"))
    except NotAnsweringError as problem:
        why = (tr("The NVIDIA driver does not answer."), tr("Restart the computer if that stays so."), WhoseTurn.YOU)
        raise _no_report(uuid, *why) from problem
    except pynvml.NVMLError as problem:
        code = code_of(problem)
        detail = f"NVML error {code}: {problem}"
        if code in WORDS:
            raise _no_report(uuid, *WORDS[code], detail) from problem
        raise to_error(_no_report_of(uuid), Stack.NVML, code, detail) from problem
    except (NotProven, ValueError) as problem:
        why = (
            tr("What the NVIDIA driver gave is no report."),
            tr("Update the driver, then check again."),
            WhoseTurn.YOU,
        )
        raise _no_report(uuid, *why, str(problem)) from problem
    from cryptography.hazmat.primitives.serialization import Encoding

    return GpuEvidence(uuid, nonce, report, tuple(certificate.public_bytes(Encoding.DER) for certificate in chain))


def _ask(uuid: str, nonce: bytes) -> tuple[bytes, bytes]:
    """The report, and the certificates as PEM. NVML counts how often it was opened, so others are not disturbed."""
    pynvml.nvmlInit()
    try:
        gpu = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        shown = pynvml.nvmlDeviceGetConfComputeGpuCertificate(gpu)
        told = pynvml.nvmlDeviceGetConfComputeGpuAttestationReport(gpu, nonce)
        return (
            _filled(told.attestationReport, told.attestationReportSize),
            _filled(shown.attestationCertChain, shown.attestationCertChainSize),
        )
    finally:
        pynvml.nvmlShutdown()


def _filled(room: "Array[c_uint8]", size: int) -> bytes:
    if not 0 < size <= len(room):
        raise ValueError(f"{size:,} bytes where {len(room):,} have room")
    return bytes(room[:size])


def _no_report(uuid: str, why: str, next_step: str, whose_turn: WhoseTurn, detail: str = "") -> UserFacingError:
    return UserFacingError(_no_report_of(uuid), why, next_step, whose_turn, detail)


def _no_report_of(uuid: str) -> str:
    return tr("The GPU {uuid} gave no report.", uuid=uuid)
