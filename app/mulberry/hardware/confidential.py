"""Whether the GPUs can compute confidentially, and whether they do now.

The driver's word comes first. Where no driver speaks, tables do: NVIDIA's list of GPUs with confidential computing
(trusted computing documentation for drivers R580 and R590: H100, H200, B200, HGX B300, RTX PRO 6000 Blackwell Server
Edition) and the PCI ids of NVIDIA's gpu-admin-tools v2025.10.20. That a GPU answers a question about the mode does not
make it capable: GeForce cards of Blackwell do too.
"""

from collections.abc import Callable
from ctypes import byref
from typing import Any, Protocol, TypeVar

import pynvml

from mulberry.hardware.nvml import NOT_GIVEN, code_of
from mulberry.model.gpu import ConfidentialMode, DriverState, GpuInfo, GpuReport, NotGiven, same_address
from mulberry.model.host import ConfidentialReport, Finding, GpuConfidentiality
from mulberry.model.known_errors import Stack, explain
from mulberry.model.language import tr
from mulberry.model.text import as_a_part
from mulberry.model.time_limit import NotAnsweringError

Value = TypeVar("Value")
Answer = TypeVar("Answer")

CAPABLE_IDS = {
    **dict.fromkeys((0x2313, 0x2321, 0x2330, 0x2331, 0x2336, 0x2337, 0x2338, 0x2339, 0x233D), "H100"),
    **dict.fromkeys((0x2335, 0x233B), "H200"),
    0x2901: "B200",
    0x2BB5: "RTX PRO 6000 Blackwell Server Edition",
}
CAPABLE_NAMES = ("H100", "H200", "B200", "B300", "RTX PRO 6000 Blackwell Server Edition")
INCAPABLE_NAMES = ("GeForce", "TITAN", "Quadro")
INCAPABLE_ARCHITECTURES = ("Kepler", "Maxwell", "Pascal", "Volta", "Turing", "Ampere", "Ada")
HOPPER_IDS = range(0x2300, 0x2380)
FIRST_BLACKWELL_ID = 0x2900
GRAPHICS_BLACKWELL_IDS = (  # GB202, GB203, GB206, GB207, GB205: of these, only the Server Edition is on the list
    range(0x2B80, 0x2C80),
    range(0x2D00, 0x2E00),
    range(0x2F00, 0x2F80),
)

CPU_PROTECTION = {
    pynvml.NVML_CC_SYSTEM_CPU_CAPS_NONE: "none",
    pynvml.NVML_CC_SYSTEM_CPU_CAPS_AMD_SEV: "AMD SEV",
    pynvml.NVML_CC_SYSTEM_CPU_CAPS_INTEL_TDX: "Intel TDX",
    pynvml.NVML_CC_SYSTEM_CPU_CAPS_AMD_SEV_SNP: "AMD SEV-SNP",
    pynvml.NVML_CC_SYSTEM_CPU_CAPS_AMD_SNP_VTOM: "AMD SEV-SNP with vTOM",
}


WHY_NOT = {
    NotGiven.NOT_SUPPORTED: tr("the question is not supported by this card or driver"),
    NotGiven.NOT_PERMITTED: tr("the question is not permitted to this user"),
    NotGiven.FAILED: tr("the driver gave an error"),
}


class Ask(Protocol):
    """Puts a question to the open driver. Raises `pynvml.NVMLError` or `NotAnsweringError`."""

    def __call__(self, question: Callable[[], Value]) -> Value: ...


def read_confidential(report: GpuReport, ask: Ask) -> ConfidentialReport:
    """`report` is what was read just before."""
    silent = None if report.gpus else _why_silent(report.driver)

    def finding(question: Callable[[], Answer], told: Callable[[Answer], Finding[Value]]) -> Finding[Value]:
        if silent is not None:
            return Finding(None, silent)
        try:
            return told(ask(question))
        except NotAnsweringError:
            return Finding(None, tr("the driver does not answer"))
        except pynvml.NVMLError as problem:
            why = NOT_GIVEN.get(code_of(problem))
            cause = explain(Stack.NVML, code_of(problem)).cause
            return Finding(None, WHY_NOT[why] if why else as_a_part(cause))

    says_capable: Finding[bool] = finding(
        pynvml.nvmlSystemGetConfComputeCapabilities,
        lambda caps: Finding(caps.gpusCaps == pynvml.NVML_CC_SYSTEM_GPUS_CC_CAPABLE, tr("the NVIDIA driver")),
    )
    seen = [gpu for gpu in report.on_pci or () if gpu.is_nvidia]
    hidden = [one for one in seen if not any(same_address(one.address, gpu.pci_address) for gpu in report.gpus)]
    gpus = (
        *(GpuConfidentiality(gpu.pci_address, _capable(gpu, says_capable)) for gpu in report.gpus),
        *(GpuConfidentiality(gpu.address, _capable_by_id(gpu.device_id)) for gpu in hidden),
    )
    mode = finding(_settings, lambda settings: Finding(_mode(settings), tr("the NVIDIA driver")))
    if not mode.is_known and gpus and all(gpu.capable.value is False for gpu in gpus):
        mode = Finding(ConfidentialMode.OFF, tr("no GPU here is capable of it"))
    return ConfidentialReport(
        gpus=gpus,
        mode=mode,
        simulated=finding(_settings, _simulated),
        protected_pcie=finding(_settings, _protected_pcie),
        ready=finding(
            pynvml.nvmlSystemGetConfComputeGpusReadyState,
            lambda state: Finding(state == pynvml.NVML_CC_ACCEPTING_CLIENT_REQUESTS_TRUE, tr("the NVIDIA driver")),
        ),
        cpu=finding(
            pynvml.nvmlSystemGetConfComputeCapabilities,
            lambda caps: Finding(CPU_PROTECTION.get(caps.cpuCaps), _of_cpu(caps.cpuCaps)),
        ),
    )


def _why_silent(driver: DriverState) -> str:
    match driver:
        case DriverState.NO_GPU:
            return tr("there is no GPU to ask")
        case DriverState.NOT_INSTALLED:
            return tr("the NVIDIA driver is not installed")
        case DriverState.NOT_RUNNING:
            return tr("the NVIDIA driver is not running")
        case DriverState.UPDATED:
            return tr("the NVIDIA driver is updated")
        case DriverState.NOT_PERMITTED:
            return tr("the NVIDIA driver is not permitted")
        case DriverState.NOT_ANSWERING:
            return tr("the NVIDIA driver is not answering")
        case DriverState.FAILING | DriverState.WORKS:
            return tr("the NVIDIA driver is failing")


def _capable(gpu: GpuInfo, says_capable: Finding[bool]) -> Finding[bool]:
    if gpu.architecture in INCAPABLE_ARCHITECTURES:
        return Finding(
            False, tr("the architecture {architecture} has none; Hopper was the first", architecture=gpu.architecture)
        )
    if any(name in gpu.name for name in INCAPABLE_NAMES):
        return Finding(False, tr("NVIDIA offers it for no card of this kind ({name})", name=gpu.name))
    if says_capable.is_known:
        return says_capable
    if any(name in gpu.name.replace("GH200", "").replace("GB200", "") for name in CAPABLE_NAMES):
        return Finding(True, tr("NVIDIA lists {name}; the driver did not say", name=gpu.name))
    return _capable_by_id(gpu.pci_device_id)


def _capable_by_id(device_id: int | None) -> Finding[bool]:
    if device_id is None:
        return Finding(None, tr("neither the driver nor the PCI bus tells which card it is"))
    told = f"PCI id 10de:{device_id:04x}"
    if device_id in CAPABLE_IDS:
        return Finding(
            True,
            tr("{told} is NVIDIA {card}, which NVIDIA lists", told=told, card=CAPABLE_IDS[device_id]),
        )
    if device_id < FIRST_BLACKWELL_ID and device_id not in HOPPER_IDS:
        return Finding(False, tr("{told} is older than Hopper or of Ada, which have none", told=told))
    if any(device_id in ids for ids in GRAPHICS_BLACKWELL_IDS):
        return Finding(False, tr("{told} is a graphics card of Blackwell that NVIDIA does not list", told=told))
    return Finding(None, tr("{told} is in no table of this version", told=told))


def _settings() -> Any:
    """With `multiGpuMode`, where the driver is new enough (R550) to know it."""
    settings = pynvml.c_nvmlSystemConfComputeSettings_v1_t()
    try:
        code = pynvml.nvmlSystemGetConfComputeSettings(byref(settings))  # returns errors, but for a missing function
    except pynvml.NVMLError as problem:
        code = code_of(problem)
    if code == pynvml.NVML_SUCCESS:
        return settings
    if code in (pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND):
        return pynvml.nvmlSystemGetConfComputeState()
    raise pynvml.NVMLError(code)


def _mode(settings: Any) -> ConfidentialMode:
    if settings.devToolsMode == pynvml.NVML_CC_SYSTEM_DEVTOOLS_MODE_ON:
        return ConfidentialMode.DEV_TOOLS
    on = settings.ccFeature == pynvml.NVML_CC_SYSTEM_FEATURE_ENABLED
    return ConfidentialMode.ON if on else ConfidentialMode.OFF


def _simulated(settings: Any) -> Finding[bool]:
    if settings.environment == pynvml.NVML_CC_SYSTEM_ENVIRONMENT_UNAVAILABLE:
        return Finding(None, tr("the driver has no confidential environment"))
    return Finding(settings.environment == pynvml.NVML_CC_SYSTEM_ENVIRONMENT_SIM, tr("the NVIDIA driver"))


def _protected_pcie(settings: Any) -> Finding[bool]:
    several = getattr(settings, "multiGpuMode", None)
    if several is None:
        return Finding(None, tr("the driver is too old to say"))
    return Finding(several == pynvml.NVML_CC_SYSTEM_MULTIGPU_PROTECTED_PCIE, tr("the NVIDIA driver"))


def _of_cpu(number: int) -> str:
    return (
        tr("the NVIDIA driver")
        if number in CPU_PROTECTION
        else tr("the driver names a protection unknown here ({number})", number=number)
    )
