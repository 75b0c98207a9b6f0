"""A wrong word about the GPU costs trust: what the driver says is shown, what it does not say is not invented.

The real `pynvml` talks to a library of this test's own, through the seam where it would have loaded the driver's.
"""

import ctypes
from typing import Any

import pynvml
import pytest

from conftest import SettableClock
from mulberry.hardware.gpu import Gpus

UUID = b"GPU-6c1f8d0e-9f53-4f1b-8a43-0d8f4f6a2b11"
UNSUPPORTED: int = pynvml.NVML_ERROR_NOT_SUPPORTED


def put(pointer: Any, value: Any) -> None:
    """Writes what `byref` or a buffer points to."""
    target = getattr(pointer, "_obj", pointer)
    target.value = value


class Driver:
    """`libnvidia-ml` with one card. `errors` are by the function's name in the library."""

    def __init__(self, **errors: int) -> None:
        self.errors = errors
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvml"):
            raise AttributeError(name)

        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if name in self.errors:
                return self.errors[name]
            getattr(self, f"do_{name.removesuffix('_v2').removesuffix('_v3')}")(*arguments)
            return 0

        return call

    def do_nvmlInitWithFlags(self, flags: Any) -> None: ...

    def do_nvmlShutdown(self) -> None: ...

    def do_nvmlSystemGetDriverVersion(self, buffer: Any, length: Any) -> None:
        put(buffer, b"580.95.05")

    def do_nvmlDeviceGetCount(self, count: Any) -> None:
        put(count, 1)

    def do_nvmlDeviceGetHandleByIndex(self, index: Any, handle: Any) -> None: ...

    def do_nvmlDeviceGetName(self, handle: Any, buffer: Any, length: Any) -> None:
        put(buffer, b"NVIDIA GeForce RTX 4090")

    def do_nvmlDeviceGetUUID(self, handle: Any, buffer: Any, length: Any) -> None:
        put(buffer, UUID)

    def do_nvmlDeviceGetPciInfo(self, handle: Any, info: Any) -> None:
        info._obj.busId = b"00000000:01:00.0"

    def do_nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> None:
        memory._obj.total, memory._obj.used = 24 * 2**30, 10 * 2**30

    def do_nvmlDeviceGetUtilizationRates(self, handle: Any, rates: Any) -> None:
        rates._obj.gpu = 71

    def do_nvmlDeviceGetPowerUsage(self, handle: Any, milliwatt: Any) -> None:
        put(milliwatt, 212_000)

    def do_nvmlDeviceGetEnforcedPowerLimit(self, handle: Any, milliwatt: Any) -> None:
        put(milliwatt, 450_000)

    def do_nvmlDeviceGetTemperature(self, handle: Any, sensor: Any, celsius: Any) -> None:
        put(celsius, 63)


def install(monkeypatch: pytest.MonkeyPatch, driver: object | None) -> None:
    monkeypatch.setattr(pynvml, "nvmlLib", driver)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})


def test_a_card_is_told_in_its_own_numbers(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> None:
    driver = Driver()
    install(monkeypatch, driver)
    gpus = Gpus(clock)
    report = gpus.read()
    assert report.absent_because is None
    (gpu,) = report.gpus
    assert (gpu.uuid, gpu.pci_address, gpu.name) == (UUID.decode(), "00000000:01:00.0", "NVIDIA GeForce RTX 4090")
    assert (gpu.memory_total_bytes, gpu.memory_used_bytes) == (24 * 2**30, 10 * 2**30)
    assert (gpu.load_percent, gpu.temperature_celsius) == (71, 63)
    assert (gpu.power_milliwatt, gpu.power_limit_milliwatt) == (212_000, 450_000)
    assert (gpu.driver_version, report.as_of) == ("580.95.05", clock.now())
    gpus.read()
    assert driver.calls.count("nvmlInitWithFlags") + driver.calls.count("nvmlInit_v2") == 1
    gpus.close()
    gpus.close()
    assert driver.calls.count("nvmlShutdown") == 1


def test_what_a_card_does_not_say_is_none_and_not_zero(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> None:
    silent = {
        "nvmlDeviceGetUtilizationRates": UNSUPPORTED,
        "nvmlDeviceGetPowerUsage": UNSUPPORTED,
        "nvmlDeviceGetEnforcedPowerLimit": UNSUPPORTED,
        "nvmlDeviceGetTemperature": UNSUPPORTED,
    }
    install(monkeypatch, Driver(**silent))
    gpus = Gpus(clock)
    (gpu,) = gpus.read().gpus
    assert (gpu.load_percent, gpu.power_milliwatt, gpu.power_limit_milliwatt, gpu.temperature_celsius) == (None,) * 4
    gpus.close()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "installed but not running"),
        (pynvml.NVML_ERROR_NO_PERMISSION, "may not talk"),
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "was updated"),
        (pynvml.NVML_ERROR_GPU_IS_LOST, "stopped answering"),
        (pynvml.NVML_ERROR_UNKNOWN, "gave an error"),
    ],
)
def test_a_driver_that_fails_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, clock: SettableClock, code: int, said: str
) -> None:
    for function in ("nvmlDeviceGetMemoryInfo", "nvmlSystemGetDriverVersion"):
        install(monkeypatch, Driver(**{function: code}))
        report = Gpus(clock).read()
        assert report.gpus == ()
        assert report.absent_because is not None and said in report.absent_because
        assert report.absent_because.endswith(".")


def test_a_driver_that_was_mended_is_found_again(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> None:
    driver = Driver(nvmlDeviceGetCount_v2=pynvml.NVML_ERROR_GPU_IS_LOST)
    install(monkeypatch, driver)
    gpus = Gpus(clock)
    assert gpus.read().gpus == ()
    driver.errors.clear()
    assert len(gpus.read().gpus) == 1
    gpus.close()


def test_no_driver_at_all_is_said_plainly(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> None:
    install(monkeypatch, None)

    def missing(*names: object, **options: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    monkeypatch.setattr(pynvml, "CDLL", missing, raising=False)
    assert Gpus(clock).read().absent_because == "No NVIDIA driver is installed."
