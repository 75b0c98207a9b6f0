"""What work is done with: made once when the agent starts, used by every shift."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.key_keeper import KeyKeeper
from mulberry.agent.rehearsal_process import Ask, ask_a_process
from mulberry.agent.settings import Settings
from mulberry.agent.till import Till
from mulberry.agent.traffic import Traffic
from mulberry.agent.witnesses import Witnesses
from mulberry.hardware.gpu import Gpus
from mulberry.model.clock import Clock
from mulberry.model.network import NetworkProfile
from mulberry.model.places import DataFolder
from mulberry.runtime.card import Card
from mulberry.runtime.engine import Engine, EngineStatus
from mulberry.runtime.engines.openai_server import OpenAiServers
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.choose import Choice, choose
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.supervisor import Capacity, Supervisor


class RunningEngine(Engine, Protocol):
    """An engine that can be started and stopped: `runtime.supervisor.Supervisor`, or a test's own."""

    @property
    def status(self) -> EngineStatus: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


MakeEngine = Callable[
    [ModelFolder, Settings, Random, Callable[[EngineStatus], None], Sandbox, Card | None], RunningEngine
]


def engine_of_choice(
    model: ModelFolder,
    settings: Settings,
    random: Random,
    on_change: Callable[[EngineStatus], None],
    sandbox: Sandbox,
    card: Card | None,
) -> RunningEngine:
    """The owner's own servers where they named some, else one job process, in the sandbox, on `card` or the CPU.
    There is a place for each request that the network may send at once.
    """
    if settings.engine_urls:
        return OpenAiServers(
            settings.engine_urls,
            model.manifest.name,
            key_file=Path(settings.engine_key_file) if settings.engine_key_file else None,
            requests_limit=settings.max_active_requests,
            on_change=on_change,
        )
    capacity = Capacity(slots=settings.max_active_requests)
    return Supervisor(model, sandbox=sandbox, jitter=random, card=card, on_change=on_change, capacity=capacity)


@dataclass(frozen=True, slots=True)
class Workshop:
    """`profile` is the one that the agent was started with; a launched network writes a fuller one of its own."""

    folder: DataFolder
    profile: NetworkProfile
    settings: Settings
    till: Till
    gpus: Gpus
    clock: Clock
    random: Random
    keys: KeyKeeper
    collateral: CollateralKeeper
    make_engine: MakeEngine = engine_of_choice
    find_sandbox: Callable[[], Awaitable[Choice]] = choose
    witnesses: Witnesses = field(default_factory=Witnesses)
    traffic: Traffic = field(default_factory=Traffic)
    rehearse: Ask = ask_a_process
    when_ready: Callable[[], None] = lambda: None  # called at the end of each start-up that went well
