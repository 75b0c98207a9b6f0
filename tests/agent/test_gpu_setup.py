"""Gigabytes come at their owner's word only, while windows open and close; what runs is never changed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio

from agent_workshop import a_workshop
from conftest import SettableClock
from mulberry.agent.api import make_application
from mulberry.agent.cards import choose_cards
from mulberry.agent.eligibility import Preflight
from mulberry.agent.gpu_setup import GpuSetup
from mulberry.agent.listening import listening
from mulberry.agent.node import Node
from mulberry.client.control import ControlClient
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuInfo, GpuReport
from mulberry.model.gpu_runtime import GpuRuntime, GpuSetupStatus, SetupOrder, SetupVerb, SetupWork
from mulberry.model.host import Finding
from mulberry.model.models import WorkState
from mulberry.model.places import DataFolder, gpu_runtimes
from mulberry.runtime.gpu_runtimes.bringing import Bringer, FromFolder
from mulberry.runtime.gpu_runtimes.folder import LIBRARIES, GpuRuntimes
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.choose import Choice
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from samples import NOON, RTX_4090
from tiny_model import tiny_model
from wheel_samples import OLDER_NEEDS, SmallRuntime

INSTALL = SetupOrder(SetupVerb.INSTALL)
CARD = replace(RTX_4090, driver_version="580.95.05", compute_capability=(8, 9))
OLD_CARD = replace(CARD, name="GTX 1080", uuid="GPU-old", compute_capability=(6, 1), architecture="Pascal")
NOT_METERED: Finding[bool] = Finding(False, "a test")


class TheseGpus(Gpus):
    def __init__(self, clock: SettableClock, *gpus: GpuInfo) -> None:
        super().__init__(clock)
        self.report = GpuReport(gpus, None if gpus else "This computer has no NVIDIA GPU.", NOON)

    def read(self) -> GpuReport:
        return self.report


class Desk:
    """A setup on a computer with an RTX 4090, and what was tried out on which GPU."""

    def __init__(self, folder: Path, clock: SettableClock) -> None:
        self.runtimes = GpuRuntimes(gpu_runtimes(folder))
        self.small = SmallRuntime()
        self.wheels = self.small.write(folder / "wheels")
        self.gpus = TheseGpus(clock, CARD)
        self.metered = NOT_METERED
        self.asked_metered = 0
        self.tried: list[str] = []
        self.opened = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.refusal: Exception | None = None
        self.setup = GpuSetup(
            self.runtimes,
            self.gpus,
            clock,
            table=lambda: (self.small.runtime,),
            open_index=self.index,
            metered=self.look_at_connection,
            try_out=self.try_out,
        )

    def look_at_connection(self) -> Finding[bool]:
        self.asked_metered += 1
        return self.metered

    @asynccontextmanager
    async def _index(self) -> AsyncIterator[Bringer]:
        self.opened += 1
        yield FromFolder(self.wheels, self.runtimes.disk)

    def index(self) -> AbstractAsyncContextManager[Bringer]:
        return self._index()

    async def try_out(self, runtime: GpuRuntime, libraries: Path, gpu: str) -> None:
        await self.gate.wait()
        self.tried.append(gpu)
        if self.refusal is not None:
            raise self.refusal

    async def work(self) -> SetupWork:
        """What is under way, when it has ended."""
        while True:
            found = (await self.setup.status()).work
            assert found is not None
            if found.state is not WorkState.RUNNING:
                return found
            await asyncio.sleep(0)


@pytest_asyncio.fixture
async def desk(tmp_path: Path, clock: SettableClock) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, clock)
    yield made
    made.gate.set()
    await made.setup.end()


async def test_what_it_takes_is_known_before_anything_is_touched(desk: Desk) -> None:
    status = await desk.setup.status()
    assert status.offer is not None and status.offer.runtime == desk.small.runtime
    assert status.offer.left_bytes == desk.small.runtime.download_bytes
    assert "NVIDIA GeForce RTX 4090 (compute capability 8.9) with driver 580.95.05" in status.offer.because
    assert desk.opened == 0 and not desk.runtimes.root.exists()


async def test_it_is_installed_and_tried_out_on_the_gpu_that_it_is_for(desk: Desk) -> None:
    await desk.setup.obey(INSTALL)
    assert (await desk.work()).state is WorkState.DONE
    assert desk.tried == [CARD.uuid]
    status = await desk.setup.status()
    assert status.current == desk.small.version and status.offer is not None and status.offer.is_here


async def test_it_is_tried_out_where_that_disturbs_nobody(tmp_path: Path, clock: SettableClock) -> None:
    full = replace(CARD, uuid="GPU-full", memory_used_bytes=CARD.memory_total_bytes - (1 << 29))
    for number, (gpus, tried) in enumerate((((full, CARD), CARD.uuid), ((full,), ""))):
        desk = Desk(tmp_path / str(number), clock)
        desk.gpus.report = TheseGpus(clock, *gpus).report
        await desk.setup.run(INSTALL)
        assert desk.tried == [tried]


async def test_of_two_that_are_ordered_at_once_one_begins(desk: Desk) -> None:
    """Two windows, or a double click. A second one would leave the first where no Cancel reaches it."""
    desk.gate.clear()
    ends = await asyncio.gather(desk.setup.obey(INSTALL), desk.setup.obey(INSTALL), return_exceptions=True)
    assert sorted(isinstance(end, UserFacingError) for end in ends) == [False, True]
    await desk.setup.obey(SetupOrder(SetupVerb.CANCEL))
    assert (await desk.work()).state is WorkState.CANCELLED
    desk.gate.set()
    await desk.setup.run(INSTALL)
    assert len(desk.tried) == 1, "none of them goes on"


async def test_while_it_comes_there_is_no_second_one_and_it_can_be_cancelled(desk: Desk) -> None:
    desk.gate.clear()
    await desk.setup.obey(INSTALL)
    with pytest.raises(UserFacingError, match="installed already"):
        await desk.setup.obey(INSTALL)
    await desk.setup.obey(SetupOrder(SetupVerb.CANCEL))
    assert (await desk.work()).state is WorkState.CANCELLED
    assert (await desk.setup.status()).current == ""
    desk.gate.set()
    await desk.setup.obey(INSTALL)
    assert (await desk.work()).state is WorkState.DONE


async def test_over_a_metered_connection_it_is_asked_for_twice(desk: Desk) -> None:
    desk.metered = Finding(True, "NetworkManager")
    with pytest.raises(UserFacingError, match="metered"):
        await desk.setup.obey(INSTALL)
    assert desk.opened == 0
    await desk.setup.obey(replace(INSTALL, even_if_metered=True))
    assert (await desk.work()).state is WorkState.DONE


async def test_a_folder_costs_nothing_over_a_metered_connection(desk: Desk) -> None:
    desk.metered = Finding(True, "NetworkManager")
    await desk.setup.obey(replace(INSTALL, folder=str(desk.wheels)))
    assert (await desk.work()).state is WorkState.DONE
    assert desk.opened == 0


@pytest.mark.parametrize("folder", ["wheels", "../wheels", "/a\0b", "/" + "x" * 3000])
async def test_a_folder_is_named_whole(desk: Desk, folder: str) -> None:
    with pytest.raises(UserFacingError, match="whole path"):
        await desk.setup.obey(replace(INSTALL, folder=folder))


async def test_while_it_comes_nobody_asks_for_the_connection(desk: Desk) -> None:
    desk.gate.clear()
    await desk.setup.obey(INSTALL)
    asked = desk.asked_metered
    assert not (await desk.setup.status()).metered.is_known
    assert desk.asked_metered == asked


async def test_without_a_gpu_nothing_is_installed(tmp_path: Path, clock: SettableClock) -> None:
    desk = Desk(tmp_path, clock)
    desk.gpus.report = TheseGpus(clock).report
    status = await desk.setup.status()
    assert status.offer is None and status.no_offer == "This computer has no NVIDIA GPU."
    with pytest.raises(UserFacingError, match="no NVIDIA GPU"):
        await desk.setup.obey(INSTALL)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (UserFacingError("It does not compute.", "No driver is there.", "Install one."), "No driver is there."),
        (OSError(5, "Input/output error"), "could not be written to your disk"),
        (RuntimeError("a bug"), "made a mistake of its own"),
    ],
)
async def test_how_it_failed_is_told_to_whoever_looks_later(desk: Desk, refusal: Exception, words: str) -> None:
    desk.refusal = refusal
    await desk.setup.obey(INSTALL)
    work = await desk.work()
    assert work.state is WorkState.REFUSED and work.problem is not None
    assert words in " ".join(work.problem)


async def test_the_command_line_does_the_same_from_begin_to_end(desk: Desk) -> None:
    await desk.setup.run(INSTALL)
    assert desk.runtimes.chosen.current == desk.small.version
    desk.metered = Finding(True, "NetworkManager")
    with pytest.raises(UserFacingError, match="metered"):
        await desk.setup.run(INSTALL)


async def test_one_that_was_asked_for_by_name_needs_no_gpu(tmp_path: Path, clock: SettableClock) -> None:
    desk = Desk(tmp_path, clock)
    desk.gpus.report = TheseGpus(clock).report
    for name, found in (("cuda13", True), ("cuda99", False)):
        setup = GpuSetup(desk.runtimes, desk.gpus, clock, wanted=name, table=lambda: (desk.small.runtime,))
        assert ((await setup.status()).offer is not None) is found


async def test_the_api_tells_and_obeys(tmp_path: Path, clock: SettableClock) -> None:
    with a_workshop(tmp_path, clock) as workshop:
        node = Node(workshop)
        async with listening(make_application(node), workshop.folder.control_address):
            client = ControlClient(DataFolder.of_network(tmp_path, "demo"), timeout_seconds=5)
            status = await client.gpu_setup()
            assert isinstance(status, GpuSetupStatus) and status.place == gpu_runtimes(tmp_path)
            with pytest.raises(UserFacingError, match="nothing to go back to"):
                await client.order_gpu_setup(SetupOrder(SetupVerb.ROLL_BACK))
            await node.gpu_setup.end()


# What work does with it


def made_for_cuda() -> ModelFolder:
    model = tiny_model()
    (variant,) = model.manifest.variants
    variants = (variant, variant.model_copy(update={"provider": "cuda", "minimum_vram_bytes": 0}))
    return ModelFolder(model.path, model.manifest.model_copy(update={"variants": variants}))


async def test_the_next_engine_computes_with_it(desk: Desk) -> None:
    manifest = made_for_cuda().manifest
    with desk.runtimes.held() as before:
        (card,), _ = choose_cards(manifest, desk.gpus.report, desk.gpus, before)
    await desk.setup.run(INSTALL)
    with desk.runtimes.held() as held:
        (later,), _ = choose_cards(manifest, desk.gpus.report, desk.gpus, held)
    assert (card.libraries, later.libraries) == (None, desk.runtimes.root / desk.small.version / LIBRARIES)


async def test_an_older_card_works_with_the_runtime_that_knows_it(desk: Desk, clock: SettableClock) -> None:
    manifest = made_for_cuda().manifest
    report = TheseGpus(clock, OLD_CARD).report
    assert choose_cards(manifest, report, desk.gpus)[0] == ()
    desk.small.needs = OLDER_NEEDS
    desk.gpus.report = report
    await desk.setup.run(INSTALL)
    with desk.runtimes.held() as held:
        assert len(choose_cards(manifest, report, desk.gpus, held)[0]) == 1


async def test_a_broken_one_is_named_and_no_card_is_used(desk: Desk) -> None:
    await desk.setup.run(INSTALL)
    (desk.runtimes.root / desk.small.version / LIBRARIES / "onnxruntime" / "__init__.py").unlink()
    with desk.runtimes.held() as held:
        cards, told = choose_cards(made_for_cuda().manifest, desk.gpus.report, desk.gpus, held)
    assert cards == ()
    assert "lacks onnxruntime/__init__.py" in told and "`mulberry gpu-setup`" in told
    status = await desk.setup.status()
    assert "lacks" in status.trouble and status.offer is not None and not status.offer.is_here


# What the check says of it


@pytest.mark.parametrize(
    ("gpu", "is_here", "standing"),
    [(CARD, True, "met"), (CARD, False, "not met"), (OLD_CARD, False, "not met")],
)
async def test_the_check_says_what_to_install(
    tmp_path: Path, clock: SettableClock, gpu: GpuInfo, is_here: bool, standing: str
) -> None:
    gpus = TheseGpus(clock, gpu)
    preflight = Preflight(
        tmp_path, gpus, clock, Random(1), files=SystemFiles(tmp_path / "root"), cuda_is_here=lambda: is_here
    )
    test = next(network for network in (await preflight.report()).networks if network.name == "test")
    (card,) = test.gpus
    (need,) = (need for need in card.requirements if need.name == "What computes on GPUs")
    assert need.standing == standing
    assert need.command == ("" if is_here else "mulberry gpu-setup")


async def test_the_check_knows_what_is_installed(desk: Desk, tmp_path: Path, clock: SettableClock) -> None:
    await desk.setup.run(INSTALL)
    preflight = Preflight(
        tmp_path, desk.gpus, clock, Random(1), files=SystemFiles(tmp_path / "root"), cuda_is_here=lambda: False
    )
    computing = (await preflight.computer()).computing
    assert computing.is_here.value and desk.small.version in computing.is_here.evidence


async def test_a_beginner_is_told_what_keeps_the_gpu_from_work(tmp_path: Path, clock: SettableClock) -> None:
    async def one_that_holds() -> Choice:
        return Choice(LandlockOnly(), ())

    preflight = Preflight(
        tmp_path,
        TheseGpus(clock, CARD),
        clock,
        Random(1),
        files=SystemFiles(tmp_path / "root"),
        find_sandbox=one_that_holds,
        cuda_is_here=lambda: False,
    )
    (line,) = (await preflight.report()).summary
    assert line.endswith("on the processor until a model made for GPUs is imported and you run `mulberry gpu-setup`.")
