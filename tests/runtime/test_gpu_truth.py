"""A GPU that silently does nothing earns nothing: its owner gets the cause and the fix, and never a false "works"."""

import asyncio
import random
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from conftest import SettableClock
from fake_driver import build_library, loaded
from mulberry.hardware.gpu import Gpus
from mulberry.model.gpu import GpuCondition, GpuInfo
from mulberry.runtime.card import Card, watch_card
from mulberry.runtime.child.provider import ProviderUnusable, open_session, prove
from mulberry.runtime.engine import EngineFailed, EngineState
from mulberry.runtime.gpu_truth import GpuFault, truth_of, unfit
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.supervisor import Capacity, Supervisor
from mulberry.runtime.wire import Provider, Ready
from pretended_job import CLOSED, PretendedJob
from samples import RTX_4090
from sandboxes import best_sandbox
from tiny_model import tiny_model

# Recorded from onnxruntime-gpu 1.31.1 on a computer without a GPU, paths shortened.
WITHOUT_LIBRARIES = (
    "[E:onnxruntime:Default, provider_bridge_ort.cc:2458 operator()] provider_bridge_ort.cc:2043 "
    "onnxruntime::Provider& onnxruntime::ProviderLibrary::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library "
    "libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file: No such file or "
    "directory"
)
FALLBACK_DISABLED = (
    "[ONNXRuntimeError] : 1 : FAIL : This session contains graph nodes that are assigned to the default CPU EP, but "
    "fallback to CPU EP has been explicitly disabled by the user."
)
# From onnxruntime's public reports of errors (mobius 316).
OLD_DRIVER = (
    "cuda_call.cc:114 onnxruntime::CudaCall CUDA failure 35: CUDA driver version is insufficient for CUDA runtime "
    "version ; GPU=-1 ; hostname=somewhere ; file=cuda_execution_provider.cc ; line=336 ; "
    "expr=cudaSetDevice(info_.device_id);"
)


def cuda_failure(number: int, words: str) -> str:
    """As `CudaCall` writes it, with the number and the words of CUDA's `driver_types.h`."""
    return OLD_DRIVER.replace("35: CUDA driver version is insufficient for CUDA runtime version", f"{number}: {words}")


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (f"{WITHOUT_LIBRARIES}\n{FALLBACK_DISABLED}", GpuFault.LIBRARIES_MISSING),
        (WITHOUT_LIBRARIES.replace("libcublasLt.so.13", "libcuda.so.1"), GpuFault.NO_DRIVER),
        (OLD_DRIVER, GpuFault.DRIVER_TOO_OLD),
        (cuda_failure(803, "system has unsupported display driver / cuda driver combination"), GpuFault.DRIVER_TOO_OLD),
        (cuda_failure(209, "no kernel image is available for execution on the device"), GpuFault.CARD_TOO_OLD),
        (cuda_failure(2, "out of memory"), GpuFault.OUT_OF_MEMORY),
        ("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", GpuFault.OUT_OF_MEMORY),
        (cuda_failure(100, "no CUDA-capable device is detected"), GpuFault.NO_CARD),
        (cuda_failure(999, "unknown error"), GpuFault.CARD_LOST),
        (GpuCondition.LOST.told, GpuFault.CARD_LOST),
        (GpuCondition.RESET_NEEDED.told, GpuFault.CARD_LOST),
        ("The GPU's memory was almost full, so the engine was ended.", GpuFault.OUT_OF_MEMORY),
        ("this build of onnxruntime has no CUDAExecutionProvider", GpuFault.NOT_BUILT_IN),
        (FALLBACK_DISABLED, GpuFault.UNKNOWN),
        (cuda_failure(200, "device kernel image is invalid"), GpuFault.UNKNOWN),
        ("", GpuFault.UNKNOWN),
    ],
)
def test_each_failure_has_its_cause_and_its_fix(said: str, fault: GpuFault) -> None:
    truth = truth_of(said)
    assert truth.fault is fault
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in (truth.cause, truth.fix))


def test_what_a_job_process_says_is_never_shown_as_it_is() -> None:
    assert "\x1b" not in str(truth_of("\x1b[2J CUDA failure 2: pay to another address"))
    assert "address" not in str(truth_of("CUDA failure 2: pay to another address"))


@pytest.mark.parametrize(
    ("driver", "capability", "fault"),
    [
        ("580.95.05", (8, 9), None),
        ("580.95.05", (7, 5), None),
        ("580.95.05", None, None),
        ("a driver of tomorrow", None, None),
        ("575.57.08", (8, 9), GpuFault.DRIVER_TOO_OLD),
        ("580.95.05", (6, 1), GpuFault.CARD_TOO_OLD),
        ("580.95.05", (12, 1), None),
        ("580.95.05", (10, 0), GpuFault.CARD_UNKNOWN),
    ],
)
def test_what_cuda_13_cannot_use_is_known_beforehand(
    driver: str, capability: tuple[int, int] | None, fault: GpuFault | None
) -> None:
    found = unfit(replace(RTX_4090, driver_version=driver, compute_capability=capability))
    assert (found and found.fault) == fault


def test_what_is_too_old_is_told_with_its_figure_and_who_says_it() -> None:
    pascal = replace(RTX_4090, compute_capability=(6, 1), architecture="Pascal")
    assert str(unfit(pascal)).startswith(
        "By its driver, this GPU has compute capability 6.1 (Pascal), and CUDA 13 begins with 7.5. `mulberry gpu"
    )
    of_long_ago = replace(RTX_4090, driver_version="470.42.01", compute_capability=(6, 1))
    assert "driver is 470.42.01, and CUDA 13 needs 580 or newer" in str(unfit(of_long_ago))
    assert "gpu-setup" not in str(unfit(of_long_ago)), "no CUDA that we have runs with such a driver"
    kepler = replace(RTX_4090, compute_capability=(3, 5))
    assert "gpu-setup" not in str(unfit(kepler)) and "It takes a GPU of the Turing" in str(unfit(kepler))


def test_a_provider_that_this_build_lacks_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    prove(Provider.CPU)
    with pytest.raises(ProviderUnusable) as unusable:
        prove(Provider.CUDA)
    assert truth_of(str(unusable.value)).fault is GpuFault.NOT_BUILT_IN


def test_a_model_that_ended_up_on_the_cpu_is_not_taken_for_one_on_a_gpu() -> None:
    if works(Provider.CUDA):
        pytest.skip("CUDA works here")
    with pytest.raises(ProviderUnusable, match="put the model on CPUExecutionProvider"):
        open_session(tiny_model().path / "model.onnx", Provider.CUDA, threads=1)


def works(provider: Provider) -> bool:
    try:
        prove(provider)
    except (ProviderUnusable, Fail):
        return False
    return True


def for_cuda() -> ModelFolder:
    """The tiny model, said to be made for CUDA as well."""
    model = tiny_model()
    (variant,) = model.manifest.variants
    variants = (variant, variant.model_copy(update={"provider": "cuda"}))
    return ModelFolder(model.path, model.manifest.model_copy(update={"variants": variants}))


def nobody_knows() -> GpuInfo | None:
    return None


async def test_a_gpu_that_is_none_is_refused_with_a_cause_and_never_replaced_by_the_cpu() -> None:
    absent = replace(RTX_4090, name="NVIDIA of nowhere", uuid="GPU-00000000-0000-0000-0000-000000000000")
    engine = Supervisor(
        for_cuda(),
        sandbox=best_sandbox(),
        jitter=random.Random(1),
        card=Card(absent, nobody_knows),
        capacity=Capacity(threads=1),
    )
    with pytest.raises(EngineFailed, match="NVIDIA of nowhere cannot be used"):
        await engine.start()
    assert engine.status.state is EngineState.BROKEN
    assert engine.status.runs_on == ""
    await engine.stop()


async def test_a_process_that_ran_the_model_elsewhere_is_ended() -> None:
    liar = PretendedJob(CLOSED, Ready(0.1, Provider.CPU))
    engine = Supervisor(for_cuda(), sandbox=liar, jitter=random.Random(1), card=Card(RTX_4090, nobody_knows))
    with pytest.raises(EngineFailed, match="did not run the model where it was told to"):
        await engine.start()
    assert engine.status.runs_on == ""
    await engine.stop()


async def test_on_the_cpu_the_status_says_so_while_the_model_is_there() -> None:
    engine = Supervisor(tiny_model(), sandbox=best_sandbox(), jitter=random.Random(1), capacity=Capacity(threads=1))
    assert engine.status.runs_on == ""
    await engine.start()
    assert engine.status.runs_on == "the CPU"
    await engine.stop()
    assert engine.status.runs_on == ""


def test_a_model_without_a_variant_for_the_card_is_not_run_on_it() -> None:
    with pytest.raises(ValueError, match="no variant for cuda"):
        Supervisor(tiny_model(), sandbox=best_sandbox(), jitter=random.Random(1), card=Card(RTX_4090, nobody_knows))


def test_a_job_gets_the_device_file_of_its_own_card_alone(tmp_path: Path) -> None:
    """The form of /proc/driver/nvidia is that of the driver's own documentation."""
    devices, driver = tmp_path / "dev", tmp_path / "gpus"
    devices.mkdir()
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (devices / name).touch()
    card = Card(replace(RTX_4090, pci_address="00000000:C1:00.0"), nobody_knows)
    assert card.device_files(driver, devices) == (str(devices / "nvidia0"), str(devices / "nvidia1"))
    told = driver / "0000:c1:00.0" / "information"
    told.parent.mkdir(parents=True)
    told.write_text("Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 131\nDevice Minor: \t 1\n")
    assert card.device_files(driver, devices) == (str(devices / "nvidia1"),)


async def test_a_job_does_not_wait_for_a_card_that_fell_off_the_bus(tmp_path: Path, clock: SettableClock) -> None:
    """The driver hangs in such a card's calls; whoever waits for an answer waits for ever."""
    library = build_library(tmp_path)
    if library is None:
        pytest.skip("this computer has no C compiler")
    with loaded(library, tmp_path / "state") as driver, closing(Gpus(clock)) as gpus:
        (gpu,) = gpus.read().gpus
        card = Card(gpu, lambda: next(iter(gpus.read().gpus), None))
        link = JobLink(256, 30.0, 600.0, lambda note: None)
        watchdog = asyncio.create_task(watch_card(card, link))
        driver.says("err.nvmlDeviceGetPowerUsage 15\n")  # NVML_ERROR_GPU_IS_LOST
        await asyncio.wait((link.over,), timeout=10)
        watchdog.cancel()
        await asyncio.wait((watchdog,))
        assert "has stopped answering. Restart the computer; if it happens again" in link.over.result()


@pytest.mark.virtual_time
@pytest.mark.parametrize(("free_bytes", "ends"), [(255 << 20, True), (257 << 20, False), (None, False)])
async def test_a_job_gives_way_when_the_card_is_almost_full(free_bytes: int | None, ends: bool) -> None:
    link = JobLink(256, 30.0, 600.0, lambda note: None)
    used = None if free_bytes is None else RTX_4090.memory_total_bytes - free_bytes
    full = replace(RTX_4090, memory_used_bytes=used)
    watchdog = asyncio.create_task(watch_card(Card(RTX_4090, lambda: full), link))
    await asyncio.wait((link.over,), timeout=3)
    watchdog.cancel()
    assert link.over.done() is ends
    if ends:
        assert "almost full" in link.over.result()
