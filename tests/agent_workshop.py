"""What a node works with, for tests: a real ledger in a folder of the test's, and an engine that lives in memory."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from random import Random

from keyring_in_memory import CHEAP, KeyringInMemory
from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.key_keeper import KeyKeeper
from mulberry.agent.keys import Keyring
from mulberry.agent.ledger import open_ledger
from mulberry.agent.rehearsal_process import Ask, ask_a_process
from mulberry.agent.settings import Settings, load_settings
from mulberry.agent.till import Till
from mulberry.agent.witnesses import Witnesses
from mulberry.agent.workshop import MakeEngine, Workshop, job_engine
from mulberry.attestation.collateral_fetch import Answer
from mulberry.attestation.tpm import LinuxTpm
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.model.clock import Clock
from mulberry.model.engine import EngineStats
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.places import DataFolder
from mulberry.model.rules import Rules, Signals
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineState, EngineStatus, Piece, Usage
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.choose import Choice, choose
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.wire import Finish, GenerationRequest

DEMO = load_profile("demo")
NO_WITNESSES = Witnesses(tpm=LinuxTpm(Path("/nonexistent/tpmrm0")), files=SystemFiles(Path("/nonexistent")))


@contextmanager
def a_workshop(
    root: Path,
    clock: Clock,
    *,
    profile: NetworkProfile = DEMO,
    make_engine: MakeEngine = job_engine,
    open_keyring: Callable[[], Keyring] | None = None,
    rehearse: Ask = ask_a_process,
) -> Iterator[Workshop]:
    """A workshop whose ledger is closed at the end, with a keyring of its own where the test brings none."""
    keyring = KeyringInMemory()
    folder = DataFolder.of_network(root, profile.name)
    folder.create()
    settings = load_settings(folder.settings, clock).model_copy(update={"max_active_requests": 4})
    gpus = Gpus(clock)
    with closing(open_ledger(folder.ledger, clock)) as ledger, closing(gpus):
        yield Workshop(
            folder=folder,
            profile=profile,
            settings=settings,
            till=Till(ledger, clock),
            gpus=gpus,
            clock=clock,
            random=Random(7),
            keys=KeyKeeper(folder, profile, settings, clock, open_keyring or (lambda: keyring), cost=CHEAP),
            collateral=CollateralKeeper(folder.collateral, clock, Random(8), fetch=nobody_answers),
            make_engine=make_engine,
            rehearse=rehearse,
            find_sandbox=choose if make_engine is job_engine else need_none,
            witnesses=NO_WITNESSES,
            presence=NobodyThere(),
        )


class NobodyThere:
    """A computer whose owner is away, on mains, with nothing else to do."""

    async def look(self, rules: Rules, now: datetime) -> Signals:
        return Signals(at=now)

    def close(self) -> None:
        pass


async def nobody_answers(url: str) -> Answer:
    """No test asks Intel."""
    raise AssertionError(f"a test asked {url}")


async def need_none() -> Choice:
    """For an engine that is in no process."""
    return Choice(NoSandbox(), ())


class EchoEngine:
    """Says what it was asked, once `gate` is open. It is in no process, so that a test can look into it."""

    default_temperature = 0.0

    def __init__(self) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = 0
        self.fail_with: Exception | None = None
        self.card: Card | None = None
        self.places = 1
        self._on_change: Callable[[EngineStatus], None] = lambda status: None

    def make(
        self,
        model: ModelFolder,
        settings: Settings,
        random: Random,
        on_change: Callable[[EngineStatus], None],
        sandbox: Sandbox,
        card: Card | None,
    ) -> "EchoEngine":
        """A `workshop.MakeEngine` that always gives this one."""
        self._on_change = on_change
        self.card = card
        self.places = settings.max_active_requests
        return self

    def become(self, state: EngineState, note: str = "") -> None:
        card = self.card if state is EngineState.READY else None
        self.status = EngineStatus(state, note, runs_on=card.gpu.name if card else "")
        self._on_change(self.status)

    def stats(self) -> tuple[EngineStats, ...]:
        name = self.card.gpu.name if self.card else "memory"
        return (EngineStats(name, self.places, running=self.running),)

    async def start(self) -> None:
        self.become(EngineState.READY)

    async def stop(self) -> None:
        self.become(EngineState.STOPPED)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        self.running += 1
        try:
            await self.gate.wait()
            if self.fail_with is not None:
                raise self.fail_with
            prompt = request.prompts[0]
            text = prompt if isinstance(prompt, str) else prompt[-1].content
            yield Piece(0, text, Finish.STOP, Usage(prompt_tokens=3, completion_tokens=4))
        finally:
            self.running -= 1
