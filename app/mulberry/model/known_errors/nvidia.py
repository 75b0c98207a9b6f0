"""NVIDIA's errors: the driver's numbers and states, and what its attestation services answer.

Sources: NVML API reference, nvmlReturn_t; NVIDIA/nvtrust, guest_tools (RIM, OCSP and NRAS) and its issue threads.
"""

from collections.abc import Mapping

from mulberry.model.errors import WhoseTurn
from mulberry.model.gpu import OLDEST_DRIVER, DriverState, GpuCondition
from mulberry.model.known_errors.nouns import Code, KnownError
from mulberry.model.language import tr

YOU, NVIDIA, NOBODY = WhoseTurn.YOU, WhoseTurn.NVIDIA, WhoseTurn.NOBODY

_RESTART = tr("Restart the computer.")
_INSTALL = tr(
    "Install NVIDIA's driver, {oldest_driver} or newer, and restart the computer.", oldest_driver=OLDEST_DRIVER
)
_LOG = 'sudo dmesg | grep -iE "nvrm|xid"'
_SEES = "nvidia-smi"
_OLD = tr("Update the driver to {oldest_driver} or newer.", oldest_driver=OLDEST_DRIVER)

_LIBRARY_NOT_FOUND = KnownError("NVML_ERROR_LIBRARY_NOT_FOUND", tr("No NVIDIA driver is installed."), _INSTALL, YOU)
_NOT_LOADED = KnownError(
    "NVML_ERROR_DRIVER_NOT_LOADED",
    tr("The NVIDIA driver is installed but not running."),
    tr(
        "Load it; if that fails, Secure Boot may refuse a module that is not signed, or a kernel update needs a "
        "restart."
    ),
    YOU,
    "sudo modprobe nvidia",
)
_NO_PERMISSION = KnownError(
    "NVML_ERROR_NO_PERMISSION",
    tr("This user may not talk to the NVIDIA driver."),
    GpuCondition.NOT_PERMITTED.next_step,
    YOU,
    "ls -l /dev/nvidia*",
)
_MISMATCH = KnownError(
    "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
    tr("The NVIDIA driver was updated; the computer must be restarted."),
    _RESTART,
    YOU,
    "sudo reboot",
)
_LOST = KnownError(
    "NVML_ERROR_GPU_IS_LOST",
    tr("The GPU has fallen off the bus: no power, heat, or a fault."),
    GpuCondition.LOST.next_step,
    YOU,
    _LOG,
)
_UNKNOWN = KnownError(
    "NVML_ERROR_UNKNOWN", tr("The NVIDIA driver gave an error that it does not know itself."), _RESTART, YOU, _LOG
)
_RESET = KnownError("NVML_ERROR_RESET_REQUIRED", tr("The GPU must be reset."), _RESTART, YOU, "sudo reboot")
_TIMEOUT = KnownError("NVML_ERROR_TIMEOUT", tr("The NVIDIA driver did not answer in time."), _RESTART, YOU, _SEES)

NVML: Mapping[Code, KnownError] = {
    1: KnownError("NVML_ERROR_UNINITIALIZED", tr("NVML was not opened."), tr("Try again."), NOBODY),
    2: KnownError("NVML_ERROR_INVALID_ARGUMENT", tr("The NVIDIA driver did not understand the question."), _OLD, YOU),
    3: KnownError("NVML_ERROR_NOT_SUPPORTED", tr("This GPU or driver cannot do it."), _OLD, YOU),
    4: _NO_PERMISSION,
    5: KnownError("NVML_ERROR_ALREADY_INITIALIZED", tr("NVML was open already."), tr("Try again."), NOBODY),
    6: KnownError("NVML_ERROR_NOT_FOUND", tr("The NVIDIA driver does not find this GPU."), _RESTART, YOU, _SEES),
    7: KnownError(
        "NVML_ERROR_INSUFFICIENT_SIZE", tr("The NVIDIA driver's answer was larger than expected."), _OLD, YOU
    ),
    8: KnownError(
        "NVML_ERROR_INSUFFICIENT_POWER",
        tr("A power cable of the GPU is missing or loose."),
        tr("Shut the computer down and look at the GPU's power cables."),
        YOU,
    ),
    9: _NOT_LOADED,
    10: _TIMEOUT,
    11: KnownError(
        "NVML_ERROR_IRQ_ISSUE", tr("The kernel and the GPU disagree about interrupts."), _RESTART, YOU, _LOG
    ),
    12: _LIBRARY_NOT_FOUND,
    13: KnownError("NVML_ERROR_FUNCTION_NOT_FOUND", tr("The NVIDIA driver is too old for this question."), _OLD, YOU),
    14: KnownError(
        "NVML_ERROR_CORRUPTED_INFOROM",
        tr("A small memory on the GPU with its own data is damaged."),
        tr("Ask the GPU's seller or NVIDIA; it may still compute."),
        NVIDIA,
        "nvidia-smi -q",
    ),
    15: _LOST,
    16: _RESET,
    17: KnownError("NVML_ERROR_OPERATING_SYSTEM", tr("The system keeps the GPU from the driver."), _RESTART, YOU, _LOG),
    18: _MISMATCH,
    19: KnownError("NVML_ERROR_IN_USE", tr("Another program uses the GPU."), tr("End that program."), YOU, _SEES),
    20: KnownError(
        "NVML_ERROR_MEMORY", tr("The NVIDIA driver has no memory left."), tr("End other programs."), YOU, "free -h"
    ),
    21: KnownError("NVML_ERROR_NO_DATA", tr("The NVIDIA driver has no such data yet."), tr("Try again."), NOBODY),
    22: KnownError(
        "NVML_ERROR_VGPU_ECC_NOT_SUPPORTED",
        tr("A virtual GPU does not go with ECC."),
        tr("Switch ECC off."),
        YOU,
        _SEES,
    ),
    23: KnownError(
        "NVML_ERROR_INSUFFICIENT_RESOURCES", tr("The GPU has no room left for this."), tr("End others."), YOU, _SEES
    ),
    24: KnownError(
        "NVML_ERROR_FREQ_NOT_SUPPORTED", tr("The GPU does not run at this clock."), tr("Take another."), YOU
    ),
    25: KnownError("NVML_ERROR_ARGUMENT_VERSION_MISMATCH", tr("The driver is of another generation."), _OLD, YOU),
    26: KnownError("NVML_ERROR_DEPRECATED", tr("The driver no longer answers this."), tr("Update Mulberry."), YOU),
    27: KnownError("NVML_ERROR_NOT_READY", tr("The GPU is not ready yet."), tr("It is tried again by itself."), NOBODY),
    28: KnownError("NVML_ERROR_GPU_NOT_FOUND", tr("The NVIDIA driver sees no GPU."), _RESTART, YOU, "lspci -d 10de:"),
    29: KnownError(
        "NVML_ERROR_INVALID_STATE",
        tr("The GPU is in a state in which it does not answer this."),
        tr("Look at its confidential-computing state."),
        YOU,
        "nvidia-smi conf-compute -f",
    ),
    999: _UNKNOWN,
}

DRIVER_STATES: Mapping[DriverState, KnownError] = {
    DriverState.WORKS: KnownError("", tr("The NVIDIA driver works."), "", NOBODY),
    DriverState.NOT_INSTALLED: _LIBRARY_NOT_FOUND,
    DriverState.NOT_RUNNING: _NOT_LOADED,
    DriverState.UPDATED: _MISMATCH,
    DriverState.NOT_PERMITTED: _NO_PERMISSION,
    DriverState.NOT_ANSWERING: _TIMEOUT,
    DriverState.NO_GPU: KnownError("", tr("There is no NVIDIA GPU."), tr("Put one in, or use the processor."), YOU),
    DriverState.FAILING: _UNKNOWN,
}

COMMANDS: Mapping[GpuCondition, str] = {  # that show more of it, or help
    GpuCondition.LOST: _LOST.command,
    GpuCondition.RESET_NEEDED: _RESET.command,
    GpuCondition.NOT_PERMITTED: _NO_PERMISSION.command,
    GpuCondition.FAILING: _UNKNOWN.command,
    GpuCondition.UNPLUGGED: "lspci -d 10de:",
    GpuCondition.SENSOR_STUCK: _SEES,
}

_LATER = tr("It is asked again by itself; nothing is wrong here.")
_LINE = tr("Look whether this computer reaches the internet, then try again.")

REFERENCES: Mapping[Code, KnownError] = {
    404: KnownError(
        "404 Not Found",
        tr("NVIDIA has not published reference measurements for this driver or VBIOS."),
        tr("Take a driver or VBIOS that NVIDIA has published them for, or wait until it does."),
        NVIDIA,
        "nvidia-smi --query-gpu=driver_version,vbios_version --format=csv",
    ),
    403: KnownError("403 Forbidden", tr("NVIDIA's service takes no requests from here."), tr("Ask NVIDIA."), NVIDIA),
    429: KnownError("429 Too Many Requests", tr("NVIDIA's service was asked too often."), _LATER, NOBODY),
    500: KnownError("500", tr("NVIDIA's service has a fault."), _LATER, NVIDIA),
    502: KnownError("502", tr("NVIDIA's service does not answer."), _LATER, NVIDIA),
    503: KnownError("503", tr("NVIDIA's service is down for now."), _LATER, NVIDIA),
}

REVOCATION: Mapping[Code, KnownError] = {
    "revoked": KnownError(
        "revoked",
        tr("NVIDIA has revoked a certificate of this GPU or driver."),
        tr("Update driver and VBIOS."),
        YOU,
        _SEES,
    ),
    "certificateHold": KnownError(
        "certificateHold",
        tr("NVIDIA holds a certificate back for now, as it does with firmware that it wants replaced."),
        tr("Update driver and VBIOS, or wait until NVIDIA releases it."),
        NVIDIA,
    ),
    "unknown": KnownError("unknown", tr("NVIDIA does not know a certificate of this GPU."), tr("Ask NVIDIA."), NVIDIA),
    "tryLater": KnownError("tryLater", tr("NVIDIA's revocation service is busy."), _LATER, NOBODY),
    "internalError": KnownError("internalError", tr("NVIDIA's revocation service has a fault."), _LATER, NVIDIA),
    "unauthorized": KnownError(
        "unauthorized", tr("NVIDIA's revocation service takes no question."), tr("Ask NVIDIA."), NVIDIA
    ),
    "malformedRequest": KnownError(
        "malformedRequest",
        tr("NVIDIA's revocation service did not understand the question."),
        tr("Update Mulberry."),
        YOU,
    ),
}

VERIFIER: Mapping[Code, KnownError] = {
    400: KnownError(
        "400 Bad Request",
        tr("NVIDIA's attestation service does not take this evidence: a wrong nonce, or a GPU it does not know."),
        tr("Make new evidence; see that driver and VBIOS are of NVIDIA's list."),
        YOU,
        "nvidia-smi conf-compute -q",
    ),
    401: KnownError("401 Unauthorized", tr("NVIDIA's attestation service asks for a key."), tr("Give it a key."), YOU),
    403: KnownError(
        "403 Forbidden", tr("NVIDIA's attestation service takes no requests from here."), tr("Ask NVIDIA."), NVIDIA
    ),
    404: REFERENCES[404],
    408: KnownError("408 Timeout", tr("NVIDIA's attestation service was not reached in time."), _LINE, YOU),
    429: KnownError("429 Too Many Requests", tr("NVIDIA's attestation service was asked too often."), _LATER, NOBODY),
    500: KnownError("500", tr("NVIDIA's attestation service has a fault."), _LATER, NVIDIA),
    503: KnownError("503", tr("NVIDIA's attestation service is down for now."), _LATER, NVIDIA),
}
