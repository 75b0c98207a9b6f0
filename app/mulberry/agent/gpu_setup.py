"""The GPU runtime through the agent: what it would take, and the installation, whoever looks or not.

Nothing changes for an engine that runs: the next one that is started on a GPU computes with what is chosen then.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from mulberry.agent.reasons import OWN_MISTAKE
from mulberry.agent.workshop import Workshop
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.presence import bus
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuRuntime, GpuSetupStatus, SetupOrder, SetupVerb, SetupWork
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.models import CopyProgress, WorkState
from mulberry.model.places import gpu_runtimes
from mulberry.runtime.gpu_runtimes.addresses import ask_pip
from mulberry.runtime.gpu_runtimes.bringing import Bringer, FromFolder, from_index
from mulberry.runtime.gpu_runtimes.choosing import Choice, choose_runtime
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.gpu_runtimes.here import cuda_is_here
from mulberry.runtime.gpu_runtimes.installing import TryOut, install, offer_of
from mulberry.runtime.gpu_runtimes.table import runtimes_here
from mulberry.runtime.gpu_runtimes.trying import try_out

log = logging.getLogger(__name__)

NOT_ASKED: Finding[bool] = Finding(None, tr("nobody asks while it is downloaded"))
TRIAL_BYTES = 1 << 30  # of a GPU's memory; CUDA alone takes some hundred megabytes
LONGEST_FOLDER = 2_000  # characters

OpenIndex = Callable[[], AbstractAsyncContextManager[Bringer]]


class GpuSetup:
    """`wanted` is the name of a runtime that is taken whatever GPUs are here; "": the one that fits."""

    def __init__(
        self,
        runtimes: GpuRuntimes,
        gpus: Gpus,
        clock: Clock,
        *,
        wanted: str = "",
        table: Callable[[], Sequence[GpuRuntime]] = runtimes_here,
        open_index: OpenIndex | None = None,
        metered: Callable[[], Finding[bool]] = bus.metered,
        try_out: TryOut = try_out,
        tell: Callable[[CopyProgress], None] = lambda progress: None,
    ) -> None:
        self._runtimes = runtimes
        self._gpus = gpus
        self._clock = clock
        self._wanted = wanted
        self._table = table
        self._open_index = open_index or (lambda: from_index(ask_pip, runtimes.disk))
        self._metered = metered
        self._try_out = try_out
        self._listener = tell
        self._work: SetupWork | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def _is_at_work(self) -> bool:
        return self._work is not None and self._work.state is WorkState.RUNNING

    async def status(self) -> GpuSetupStatus:
        """What is installed, and what an installation would take now."""
        return await asyncio.to_thread(self._status)

    async def obey(self, order: SetupOrder) -> None:
        """Does it, or begins it. Raises `UserFacingError`; what fails later is told by `status`."""
        match order.verb:
            case SetupVerb.INSTALL:
                await self._begin(order)
            case SetupVerb.ROLL_BACK:
                await asyncio.to_thread(self._runtimes.roll_back)
            case SetupVerb.CANCEL:
                await self.end()

    async def run(self, order: SetupOrder) -> None:
        """An installation from its begin to its end. Raises `UserFacingError`."""
        runtime, gpus = await self._agreed(order)
        await self._install(order, runtime, gpus)

    async def end(self) -> None:
        """What is under way ends now. What has come is kept for the next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._change(state=WorkState.CANCELLED)

    async def _begin(self, order: SetupOrder) -> None:
        self._refuse_a_second_one()
        runtime, gpus = await self._agreed(order)
        self._refuse_a_second_one()  # that was ordered meanwhile
        self._work = SetupWork(runtime.version, WorkState.RUNNING)
        self._task = asyncio.create_task(self._at_work(order, runtime, gpus), name="GPU setup")

    def _refuse_a_second_one(self) -> None:
        """Raises `UserFacingError`."""
        if self._is_at_work:
            raise UserFacingError(
                what=tr("The GPU runtime is being installed already."),
                why=tr("The agent is at it."),
                next_step=tr("Wait until it is done, or cancel it."),
            )

    async def _at_work(self, order: SetupOrder, runtime: GpuRuntime, gpus: Sequence[str]) -> None:
        try:
            await self._install(order, runtime, gpus)
        except UserFacingError as problem:
            log.warning("GPU setup: %s %s", problem, problem.detail)
            self._change(state=WorkState.REFUSED, problem=(problem.what, problem.why, problem.next_step))
        except Exception:
            log.exception("a bug ended the installation of the GPU runtime")
            self._change(state=WorkState.REFUSED, problem=OWN_MISTAKE)
        else:
            self._change(state=WorkState.DONE)

    async def _install(self, order: SetupOrder, runtime: GpuRuntime, gpus: Sequence[str]) -> None:
        log.info("GPU setup: %s", runtime.version)
        gpu = await asyncio.to_thread(self._roomiest, gpus)
        async with self._bringer(order.folder) as bringer:
            await install(self._runtimes, runtime, bringer, self._try_out, self._clock, gpu=gpu, tell=self._tell)

    def _bringer(self, untrusted_folder: str) -> AbstractAsyncContextManager[Bringer]:
        if untrusted_folder:
            return nullcontext(FromFolder(_whole(untrusted_folder), self._runtimes.disk))
        return self._open_index()

    async def _agreed(self, order: SetupOrder) -> tuple[GpuRuntime, Sequence[str]]:
        """What is installed, and the UUIDs of the GPUs that it fits. Raises `UserFacingError`: there is nothing to
        install, or not over this connection."""
        choice = await asyncio.to_thread(self._choice)
        if choice.runtime is None:
            raise UserFacingError(
                what=tr("There is no GPU runtime to install."),
                why=choice.because,
                next_step=tr("Models run on the processor meanwhile."),
            )
        if order.folder:
            _whole(order.folder)
        elif not order.even_if_metered and (await asyncio.to_thread(self._metered)).value:
            raise UserFacingError(
                what=tr("The GPU runtime is not downloaded over this connection."),
                why=tr("NetworkManager says that it is metered: it may cost by the byte."),
                next_step=tr(
                    "Wait for another one, or download it all the same: `mulberry gpu-setup --even-if-metered`."
                ),
            )
        return choice.runtime, choice.gpus

    def _choice(self) -> Choice:
        table = self._table()
        report = self._gpus.read()
        if not self._wanted:
            return choose_runtime(table, report.gpus, report.absent_because or "")
        named = next((runtime for runtime in table if runtime.name == self._wanted), None)
        if named is None:
            names = ", ".join(runtime.name for runtime in table) or tr("none")
            return Choice(
                None, tr("There is no GPU runtime of that name for this computer. There are: {names}.", names=names)
            )
        return Choice(named, tr("It was asked for by name."), choose_runtime((named,), report.gpus).gpus)

    def _roomiest(self, uuids: Sequence[str]) -> str:
        """Where a trial is in nobody's way; "": all of them are busy, and the next Start shows whether it computes."""
        free = {
            gpu.uuid: gpu.memory_total_bytes - (gpu.memory_used_bytes or 0)
            for gpu in self._gpus.read().gpus
            if gpu.uuid in uuids
        }
        best = max(free, key=lambda uuid: free[uuid], default="")
        return best if best and free[best] >= TRIAL_BYTES else ""

    def _status(self) -> GpuSetupStatus:
        runtimes, choice, chosen = self._runtimes, self._choice(), self._runtimes.chosen
        nearest = next(folder for folder in (runtimes.root, *runtimes.root.parents) if folder.exists())
        return GpuSetupStatus(
            place=runtimes.root,
            current=chosen.current,
            previous=chosen.previous,
            installed=runtimes.installed(),
            offer=offer_of(runtimes, choice.runtime, choice.because) if choice.runtime else None,
            no_offer="" if choice.runtime else choice.because,
            trouble=runtimes.trouble_of(chosen.current) if chosen.current else "",
            free_bytes=runtimes.disk.free_bytes(nearest),
            metered=NOT_ASKED if self._is_at_work else self._metered(),
            work=self._work,
            cuda_is_here=cuda_is_here(),
        )

    def _tell(self, progress: CopyProgress) -> None:
        self._change(progress=progress)
        self._listener(progress)

    def _change(self, **changes: Any) -> None:
        if self._work is not None and self._work.state is WorkState.RUNNING:
            self._work = replace(self._work, **changes)


def setup_of(workshop: Workshop) -> GpuSetup:
    """The agent's own, of the runtimes that serve all networks."""
    return GpuSetup(GpuRuntimes(gpu_runtimes(workshop.folder.path.parent)), workshop.gpus, workshop.clock)


def _whole(untrusted_folder: str) -> Path:
    folder = untrusted_folder.strip()
    if len(folder) <= LONGEST_FOLDER and "\0" not in folder and Path(folder).is_absolute():
        return Path(folder)
    raise UserFacingError(
        what=tr("The files of the GPU runtime cannot be taken from there."),
        why=tr("{folder} is not a folder's whole path.", folder=f"{folder[:80]!r}"),
        next_step=tr("Name a folder's whole path."),
    )
