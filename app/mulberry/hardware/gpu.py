"""All NVIDIA GPUs of this computer. A GPU is known by its UUID, never by an index that a reboot moves.

NVML is loaded when first asked and let go by `close`: the library alone costs memory that an idle agent has no use for.
It counts the cards when it is opened, so a card that comes or goes later is seen on the PCI bus, and NVML opened anew.
"""

import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from mulberry.hardware.confidential import read_confidential
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.nvml import DriverError, Faulty, NvmlSession, Reading
from mulberry.hardware.pci import pci_names, read_pci_gpus
from mulberry.hardware.sensors import StuckSensors
from mulberry.hardware.system import is_wsl
from mulberry.model.clock import Clock
from mulberry.model.gpu import (
    AMD_VENDOR,
    DriverState,
    GpuCondition,
    GpuInfo,
    GpuReport,
    PciGpu,
    UnreadGpu,
    same_address,
)
from mulberry.model.host import ConfidentialReport
from mulberry.model.known_errors import Stack, explain, of_driver
from mulberry.model.language import tr
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

ANSWER_SECONDS = 3.0
LOOK_AT_PCI = timedelta(seconds=10)
WAIT_FOR_GPU = timedelta(minutes=5)  # a driver may load late at boot, or be exchanged under way

_MAY_COME = (DriverState.NOT_RUNNING, DriverState.UPDATED, DriverState.NOT_ANSWERING, DriverState.NO_GPU)


class Gpus:
    """Blocking: the first question may take a second while the driver wakes up, and none takes longer than
    `answer_seconds`. May be used from several threads.
    """

    def __init__(self, clock: Clock, files: SystemFiles | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._clock = clock
        self._files = files or SystemFiles()
        self._limit = TimeLimit(answer_seconds)
        self._session = NvmlSession()
        self._sensors = StuckSensors()
        self._lock = threading.Lock()
        self._pci_names: tuple[str, ...] | None = None
        self._pci: tuple[PciGpu, ...] | None = None
        self._pci_at: datetime | None = None
        self._known: dict[str, GpuInfo] = {}  # by UUID, as last read
        self._missing_since: dict[str, datetime] = {}  # by UUID; "" is the driver

    def read(self) -> GpuReport:
        """The GPUs now. Never raises for what a driver may do: then there are none, and the report says why."""
        with self._lock:
            now = self._clock.now()
            self._look_at_pci(now)
            try:
                reading = self._limit.call(lambda: self._session.read(now))
            except DriverError as problem:
                return self._without(problem.state, _words(problem), now)
            except NotAnsweringError:
                return self._without(DriverState.NOT_ANSWERING, tr("The NVIDIA driver does not answer."), now)
            return self._with(reading, now)

    def asleep(self) -> bool:
        """All NVIDIA cards have powered down, as laptops' do, and `read` would wake them. Asks only the PCI bus."""
        nvidia = [gpu for gpu in read_pci_gpus(self._files) or () if gpu.is_nvidia and not gpu.is_passed_through]
        return bool(nvidia) and all(gpu.asleep for gpu in nvidia)

    def energy(self, uuid: str) -> int | None:
        """What that GPU has drawn since its driver was loaded, in millijoules. None: nothing tells."""
        with self._lock:
            try:
                return self._limit.call(lambda: self._session.energy(uuid))
            except NotAnsweringError:
                return None

    def confidential(self) -> ConfidentialReport:
        """How the GPUs compute confidentially, by the driver and by tables. Never raises for what a driver may do."""
        report = self.read()
        with self._lock:
            return read_confidential(report, lambda question: self._limit.call(lambda: self._session.ask(question)))

    def close(self) -> None:
        """Lets the driver go until the next `read`."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        with suppress(NotAnsweringError):  # it hangs: its thread dies with the process
            self._limit.call(self._session.close)

    def _look_at_pci(self, now: datetime) -> None:
        names = pci_names(self._files) or None  # a system without any device hides them
        if self._pci_at and names == self._pci_names and timedelta() <= now - self._pci_at < LOOK_AT_PCI:
            return
        found = read_pci_gpus(self._files) if names else None
        if self._pci_at and _held_by_nvidia(found) != _held_by_nvidia(self._pci):
            self._close()
        self._pci_names, self._pci, self._pci_at = names, found, now

    def _with(self, reading: Reading, now: datetime) -> GpuReport:
        if not reading.gpus:
            self._close()  # only when it is opened anew does it find the GPU that comes back
        fresh = {gpu.uuid: self._sensors.judge(gpu) for gpu in reading.gpus}
        self._sensors.keep_only(fresh)
        self._known.update(fresh)
        found = fresh.keys() | {""} if fresh else fresh.keys()
        for uuid in self._missing_since.keys() & found:
            del self._missing_since[uuid]
        missing, unread = self._explain_missing(fresh.keys(), reading.faulty, now)
        gpus = tuple(sorted([*fresh.values(), *missing], key=lambda gpu: gpu.pci_address))
        if gpus:
            absent = [self._missing_since[gpu.uuid] for gpu in gpus if gpu.condition is GpuCondition.UNPLUGGED]
            waiting = min(absent) + WAIT_FOR_GPU if absent else None
            return GpuReport(gpus, None, now, DriverState.WORKS, self._pci, waiting, unread)
        if unread:
            condition = unread[0].condition
            state = DriverState.NOT_PERMITTED if condition is GpuCondition.NOT_PERMITTED else DriverState.FAILING
            return replace(self._without(state, condition.problem or "", now), unread=unread)
        return self._without(DriverState.NO_GPU, tr("The NVIDIA driver sees no GPU."), now)

    def _explain_missing(
        self, fresh: Collection[str], faulty: tuple[Faulty, ...], now: datetime
    ) -> tuple[list[GpuInfo], tuple[UnreadGpu, ...]]:
        """The known GPUs that were not read, without numbers, and the faulty ones that were never known."""
        unread = list(faulty)
        missing = []
        for gpu in [gpu for uuid, gpu in self._known.items() if uuid not in fresh]:
            since = self._since(gpu.uuid, now)
            at_its_place = next((one for one in unread if _is_at(one.pci_address, gpu.pci_address)), None)
            if at_its_place:
                unread.remove(at_its_place)
            condition = at_its_place.condition if at_its_place else self._where_it_went(gpu)
            if condition is None or (condition is GpuCondition.UNPLUGGED and now - since > WAIT_FOR_GPU):
                del self._known[gpu.uuid], self._missing_since[gpu.uuid]
            else:
                missing.append(_without_numbers(gpu, condition))
        return missing, tuple(UnreadGpu(one.pci_address, one.condition) for one in unread)

    def _where_it_went(self, gpu: GpuInfo) -> GpuCondition | None:
        """Of a GPU that the driver no longer lists. None: its owner has given it to something else."""
        if self._pci is None:
            return GpuCondition.UNPLUGGED
        place = next((one for one in self._pci if same_address(one.address, gpu.pci_address)), None)
        if place is None:
            return GpuCondition.UNPLUGGED
        return GpuCondition.LOST if place.kernel_driver == "nvidia" else None

    def _without(self, state: DriverState, because: str, now: datetime) -> GpuReport:
        nvidia = None if self._pci is None else [gpu for gpu in self._pci if gpu.is_nvidia]
        usable = [gpu for gpu in nvidia or () if not gpu.is_passed_through]
        told = state in (DriverState.NOT_INSTALLED, DriverState.NOT_RUNNING, DriverState.NO_GPU)
        if told and is_wsl(self._files):
            because = tr("Windows gives this WSL no NVIDIA driver; install NVIDIA's driver in Windows.")
        elif told and nvidia is not None and not usable and not self._known:
            state, because = DriverState.NO_GPU, _no_card(nvidia, self._pci or ())
        elif told and usable and all(gpu.kernel_driver == "nouveau" for gpu in usable):
            because = tr(
                "The NVIDIA GPU is run by nouveau, which cannot compute; NVIDIA's own driver must be installed."
            )
        expected = bool(usable or self._known)
        waiting = None
        if expected and (state in _MAY_COME or (state is DriverState.NOT_INSTALLED and self._known)):
            until = self._since("", now) + WAIT_FOR_GPU
            waiting = until if now < until else None
        return GpuReport((), because, now, state, self._pci, waiting)

    def _since(self, missing: str, now: datetime) -> datetime:
        """When it was first missed; a clock set back begins anew."""
        since = min(self._missing_since.get(missing, now), now)
        self._missing_since[missing] = since
        return since


def _held_by_nvidia(gpus: tuple[PciGpu, ...] | None) -> set[str]:
    return {gpu.address for gpu in gpus or () if gpu.kernel_driver == "nvidia"}


def _is_at(one: str | None, other: str) -> bool:
    return one is not None and same_address(one, other)


def _without_numbers(gpu: GpuInfo, condition: GpuCondition) -> GpuInfo:
    return replace(
        gpu,
        condition=condition,
        memory_used_bytes=None,
        load_percent=None,
        power_milliwatt=None,
        temperature_celsius=None,
        graphics_mhz=None,
        memory_mhz=None,
        throttles=None,
        processes=None,
        stuck=(),
    )


def _no_card(nvidia: list[PciGpu], all_cards: tuple[PciGpu, ...]) -> str:
    if nvidia:
        return tr("The NVIDIA GPU is kept for a virtual machine (vfio-pci): this system cannot use it.")
    if any(gpu.vendor_id == AMD_VENDOR for gpu in all_cards):
        return tr("This computer has a GPU of AMD and none of NVIDIA.")
    return tr("This computer has no NVIDIA GPU.")


def _words(problem: DriverError) -> str:
    known = explain(Stack.NVML, problem.code) if problem.state is DriverState.FAILING else of_driver(problem.state)
    return known.cause
