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
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

ANSWER_SECONDS = 15.0  # a GPU needs about a second, and longer while others are asked

NOT_CONFIDENTIAL = (
    "It does not run in confidential mode, or its kind has none.",
    "`mulberry check` says whether this GPU has that mode.",
    WhoseTurn.YOU,
)
NO_DRIVER = ("The NVIDIA driver is not there or not running.", "Install it, or restart the computer.", WhoseTurn.YOU)
OUT_OF_ORDER = ("The GPU has stopped answering.", "Restart the computer.", WhoseTurn.YOU)

# NVML's errors: why, what next, whose turn
WORDS = {
    pynvml.NVML_ERROR_NOT_SUPPORTED: NOT_CONFIDENTIAL,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: (
        "The NVIDIA driver is too old to give reports.",
        "Install driver 535 or later.",
        WhoseTurn.YOU,
    ),
    pynvml.NVML_ERROR_NO_PERMISSION: (
        "This user may not talk to it.",
        "Let this user read and write /dev/nvidia*, or run Mulberry as one who may.",
        WhoseTurn.YOU,
    ),
    pynvml.NVML_ERROR_NOT_FOUND: ("There is no such GPU here any more.", "See whether it is connected.", WhoseTurn.YOU),
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: NO_DRIVER,
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: NO_DRIVER,
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: (
        "The NVIDIA driver was updated while it ran.",
        "Restart the computer.",
        WhoseTurn.YOU,
    ),
    pynvml.NVML_ERROR_GPU_IS_LOST: OUT_OF_ORDER,
    pynvml.NVML_ERROR_RESET_REQUIRED: OUT_OF_ORDER,
    pynvml.NVML_ERROR_NOT_READY: ("The GPU is still starting.", "It is asked again by itself.", WhoseTurn.NOBODY),
    pynvml.NVML_ERROR_IN_USE: ("Another program is asking it.", "It is asked again by itself.", WhoseTurn.NOBODY),
    pynvml.NVML_ERROR_TIMEOUT: ("The GPU did not answer its driver.", "Press Check again.", WhoseTurn.YOU),
}


def collect(uuid: str, nonce: bytes, limit: TimeLimit | None = None) -> GpuEvidence:
    """One GPU's report with `nonce` (32 bytes) in it, and its certificates. Blocking, about a second.

    Who asks several GPUs gives them one `limit`, so that a driver that hangs holds one thread. Raises
    `UserFacingError`: there is no report, and why.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce of {len(nonce)} bytes")
    try:
        report, certificates_pem = (limit or TimeLimit(ANSWER_SECONDS)).call(lambda: _ask(uuid, nonce))
        chain = read_pem_chain(certificates_pem, "this GPU")
    except NotAnsweringError as problem:
        why = ("The NVIDIA driver does not answer.", "Restart the computer if that stays so.", WhoseTurn.YOU)
        raise _no_report(uuid, *why) from problem
    except pynvml.NVMLError as problem:
        code = code_of(problem)
        why = WORDS.get(code, ("The NVIDIA driver gave an error.", "Press Check again.", WhoseTurn.YOU))
        raise _no_report(uuid, *why, f"NVML error {code}: {problem}") from problem
    except (NotProven, ValueError) as problem:
        why = (
            "What the NVIDIA driver gave is no report.",
            "Update the driver, then press Check again.",
            WhoseTurn.NVIDIA,
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
    return UserFacingError(
        what=f"The GPU {uuid} gave no report.", why=why, next_step=next_step, whose_turn=whose_turn, detail=detail
    )
