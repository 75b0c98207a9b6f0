"""NVIDIA's errors: the driver's numbers and states, and what its attestation services answer.

Sources: NVML API reference, nvmlReturn_t; NVIDIA/nvtrust, guest_tools (RIM, OCSP and NRAS) and its issue threads.
"""

from collections.abc import Mapping

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import OLDEST_DRIVER, DriverState
from mulberry.model.known_errors.nouns import Code, KnownError

YOU, NVIDIA, NOBODY = WhoseTurn.YOU, WhoseTurn.NVIDIA, WhoseTurn.NOBODY

_RESTART = "Restart the computer."
_INSTALL = f"Install NVIDIA's driver, {OLDEST_DRIVER} or newer, and restart the computer."
_LOG = 'sudo dmesg | grep -iE "nvrm|xid"'
_SEES = "nvidia-smi"
_OLD = f"Update the driver to {OLDEST_DRIVER} or newer."

_LIBRARY_NOT_FOUND = KnownError("NVML_ERROR_LIBRARY_NOT_FOUND", "No NVIDIA driver is installed.", _INSTALL, YOU)
_NOT_LOADED = KnownError(
    "NVML_ERROR_DRIVER_NOT_LOADED",
    "The NVIDIA driver is installed but not running.",
    "Load it; if that fails, Secure Boot may refuse a module that is not signed, or a kernel update needs a restart.",
    YOU,
    "sudo modprobe nvidia",
)
_NO_PERMISSION = KnownError(
    "NVML_ERROR_NO_PERMISSION",
    "This user may not talk to the NVIDIA driver.",
    "See who may open its devices, and put yourself in that group.",
    YOU,
    "ls -l /dev/nvidia*",
)
_MISMATCH = KnownError(
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    "The NVIDIA driver was updated; the computer must be restarted.",
    _RESTART,
    YOU,
    "sudo reboot",
)
_LOST = KnownError(
    "NVML_ERROR_GPU_IS_LOST",
    "The GPU has fallen off the bus: no power, heat, or a fault.",
    "Restart the computer; if it happens again, look at power cables and heat.",
    YOU,
    _LOG,
)
_UNKNOWN = KnownError(
    "NVML_ERROR_UNKNOWN", "The NVIDIA driver gave an error that it does not know itself.", _RESTART, YOU, _LOG
)
_TIMEOUT = KnownError("NVML_ERROR_TIMEOUT", "The NVIDIA driver did not answer in time.", _RESTART, YOU, _SEES)

NVML: Mapping[Code, KnownError] = {
    1: KnownError("NVML_ERROR_UNINITIALIZED", "NVML was not opened.", "Try again.", NOBODY),
    2: KnownError("NVML_ERROR_INVALID_ARGUMENT", "The NVIDIA driver did not understand the question.", _OLD, YOU),
    3: KnownError("NVML_ERROR_NOT_SUPPORTED", "This GPU or driver cannot do it.", _OLD, YOU),
    4: _NO_PERMISSION,
    5: KnownError("NVML_ERROR_ALREADY_INITIALIZED", "NVML was open already.", "Try again.", NOBODY),
    6: KnownError("NVML_ERROR_NOT_FOUND", "The NVIDIA driver does not find this GPU.", _RESTART, YOU, _SEES),
    7: KnownError("NVML_ERROR_INSUFFICIENT_SIZE", "The NVIDIA driver's answer was larger than expected.", _OLD, YOU),
    8: KnownError(
        "NVML_ERROR_INSUFFICIENT_POWER",
        "A power cable of the GPU is missing or loose.",
        "Shut the computer down and look at the GPU's power cables.",
        YOU,
    ),
    9: _NOT_LOADED,
    10: _TIMEOUT,
    11: KnownError("NVML_ERROR_IRQ_ISSUE", "The kernel and the GPU disagree about interrupts.", _RESTART, YOU, _LOG),
    12: _LIBRARY_NOT_FOUND,
    13: KnownError("NVML_ERROR_FUNCTION_NOT_FOUND", "The NVIDIA driver is too old for this question.", _OLD, YOU),
    14: KnownError(
        "NVML_ERROR_CORRUPTED_INFOROM",
        "A small memory on the GPU with its own data is damaged.",
        "Ask the GPU's seller or NVIDIA; it may still compute.",
        NVIDIA,
        "nvidia-smi -q",
    ),
    15: _LOST,
    16: KnownError("NVML_ERROR_RESET_REQUIRED", "The GPU must be reset.", _RESTART, YOU, "sudo reboot"),
    17: KnownError("NVML_ERROR_OPERATING_SYSTEM", "The system keeps the GPU from the driver.", _RESTART, YOU, _LOG),
    18: _MISMATCH,
    19: KnownError("NVML_ERROR_IN_USE", "Another program uses the GPU.", "End that program.", YOU, _SEES),
    20: KnownError("NVML_ERROR_MEMORY", "The NVIDIA driver has no memory left.", "End other programs.", YOU, "free -h"),
    21: KnownError("NVML_ERROR_NO_DATA", "The NVIDIA driver has no such data yet.", "Try again.", NOBODY),
    22: KnownError(
        "NVML_ERROR_VGPU_ECC_NOT_SUPPORTED", "A virtual GPU does not go with ECC.", "Switch ECC off.", YOU, _SEES
    ),
    23: KnownError(
        "NVML_ERROR_INSUFFICIENT_RESOURCES", "The GPU has no room left for this.", "End others.", YOU, _SEES
    ),
    24: KnownError("NVML_ERROR_FREQ_NOT_SUPPORTED", "The GPU does not run at this clock.", "Take another.", YOU),
    25: KnownError("NVML_ERROR_ARGUMENT_VERSION_MISMATCH", "The driver is of another generation.", _OLD, YOU),
    26: KnownError("NVML_ERROR_DEPRECATED", "The driver no longer answers this.", "Update Mulberry.", YOU),
    27: KnownError("NVML_ERROR_NOT_READY", "The GPU is not ready yet.", "It is tried again by itself.", NOBODY),
    28: KnownError("NVML_ERROR_GPU_NOT_FOUND", "The NVIDIA driver sees no GPU.", _RESTART, YOU, "lspci -d 10de:"),
    29: KnownError(
        "NVML_ERROR_INVALID_STATE",
        "The GPU is in a state in which it does not answer this.",
        "Look at its confidential-computing state.",
        YOU,
        "nvidia-smi conf-compute -f",
    ),
    999: _UNKNOWN,
}

DRIVER_STATES: Mapping[DriverState, KnownError] = {
    DriverState.WORKS: KnownError("", "The NVIDIA driver works.", "", NOBODY),
    DriverState.NOT_INSTALLED: _LIBRARY_NOT_FOUND,
    DriverState.NOT_RUNNING: _NOT_LOADED,
    DriverState.UPDATED: _MISMATCH,
    DriverState.NOT_PERMITTED: _NO_PERMISSION,
    DriverState.NOT_ANSWERING: _TIMEOUT,
    DriverState.NO_GPU: KnownError("", "There is no NVIDIA GPU.", "Put one in, or use the processor.", YOU),
    DriverState.FAILING: _UNKNOWN,
}

_LATER = "It is asked again by itself; nothing is wrong here."
_LINE = "Look whether this computer reaches the internet, then try again."

REFERENCES: Mapping[Code, KnownError] = {
    404: KnownError(
        "404 Not Found",
        "NVIDIA has not published reference measurements for this driver or VBIOS.",
        "Take a driver or VBIOS that NVIDIA has published them for, or wait until it does.",
        NVIDIA,
        "nvidia-smi --query-gpu=driver_version,vbios_version --format=csv",
    ),
    403: KnownError("403 Forbidden", "NVIDIA's service takes no requests from here.", "Ask NVIDIA.", NVIDIA),
    429: KnownError("429 Too Many Requests", "NVIDIA's service was asked too often.", _LATER, NOBODY),
    500: KnownError("500", "NVIDIA's service has a fault.", _LATER, NVIDIA),
    502: KnownError("502", "NVIDIA's service does not answer.", _LATER, NVIDIA),
    503: KnownError("503", "NVIDIA's service is down for now.", _LATER, NVIDIA),
}

REVOCATION: Mapping[Code, KnownError] = {
    "revoked": KnownError(
        "revoked", "NVIDIA has revoked a certificate of this GPU or driver.", "Update driver and VBIOS.", YOU, _SEES
    ),
    "certificateHold": KnownError(
        "certificateHold",
        "NVIDIA holds a certificate back for now, as it does with firmware that it wants replaced.",
        "Update driver and VBIOS, or wait until NVIDIA releases it.",
        NVIDIA,
    ),
    "unknown": KnownError("unknown", "NVIDIA does not know a certificate of this GPU.", "Ask NVIDIA.", NVIDIA),
    "tryLater": KnownError("tryLater", "NVIDIA's revocation service is busy.", _LATER, NOBODY),
    "internalError": KnownError("internalError", "NVIDIA's revocation service has a fault.", _LATER, NVIDIA),
    "unauthorized": KnownError("unauthorized", "NVIDIA's revocation service takes no question.", "Ask NVIDIA.", NVIDIA),
    "malformedRequest": KnownError(
        "malformedRequest", "NVIDIA's revocation service did not understand the question.", "Update Mulberry.", YOU
    ),
}

VERIFIER: Mapping[Code, KnownError] = {
    400: KnownError(
        "400 Bad Request",
        "NVIDIA's attestation service does not take this evidence: a wrong nonce, or a GPU it does not know.",
        "Make new evidence; see that driver and VBIOS are of NVIDIA's list.",
        YOU,
        "nvidia-smi conf-compute -q",
    ),
    401: KnownError("401 Unauthorized", "NVIDIA's attestation service asks for a key.", "Give it a key.", YOU),
    403: KnownError(
        "403 Forbidden", "NVIDIA's attestation service takes no requests from here.", "Ask NVIDIA.", NVIDIA
    ),
    404: REFERENCES[404],
    408: KnownError("408 Timeout", "NVIDIA's attestation service was not reached in time.", _LINE, YOU),
    429: KnownError("429 Too Many Requests", "NVIDIA's attestation service was asked too often.", _LATER, NOBODY),
    500: KnownError("500", "NVIDIA's attestation service has a fault.", _LATER, NVIDIA),
    503: KnownError("503", "NVIDIA's attestation service is down for now.", _LATER, NVIDIA),
}
