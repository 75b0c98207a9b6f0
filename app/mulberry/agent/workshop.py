"""What work is done with: made once when the agent starts, used by every shift."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.guards import LooksForOwner, OwnersComputer
from mulberry.agent.key_keeper import KeyKeeper
from mulberry.agent.rehearsal_process import Ask, ask_a_process
from mulberry.agent.settings import Settings
from mulberry.agent.till import Till
from mulberry.agent.traffic import Traffic
from mulberry.agent.updates.build import Build, this_build
from mulberry.agent.witnesses import Witnesses
from mulberry.hardware.gpu import Gpus
from mulberry.model.clock import Clock
from mulberry.model.network import NetworkProfile
from mulberry.model.node import OwnServer
from mulberry.model.places import DataFolder
from mulberry.runtime.card import Card
from mulberry.runtime.engine import OWN_SERVERS, THE_CPU, EngineStatus, RunningEngine
from mulberry.runtime.engines.openai_places import check_ways, own_server, server_url
from mulberry.runtime.engines.openai_server import OpenAiServers
from mulberry.runtime.fresh import FreshProcesses
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.sandbox.choose import Choice, choose
from mulberry.runtime.sandbox.provider import Sandbox
from mulberry.runtime.supervisor import Capacity, Supervisor

MakeEngine = Callable[
    [ModelFolder, Settings, Random, Callable[[EngineStatus], None], Sandbox, Card | None], RunningEngine
]


def job_engine(
    model: ModelFolder,
    settings: Settings,
    random: Random,
    on_change: Callable[[EngineStatus], None],
    sandbox: Sandbox,
    card: Card | None,
) -> RunningEngine:
    """One job process, in the sandbox, on `card` or the CPU. It has as many places as the owner wants for each; or each
    request has a process of its own, one after the other, where the owner wants that.
    """
    capacity = Capacity(slots=settings.max_active_requests)

    def make(on_change: Callable[[EngineStatus], None]) -> Supervisor:
        return Supervisor(model, sandbox=sandbox, jitter=random, card=card, on_change=on_change, capacity=capacity)

    return FreshProcesses(make, on_change=on_change) if settings.restart_between_jobs else make(on_change)


def servers_engine(model: str, settings: Settings, on_change: Callable[[EngineStatus], None]) -> RunningEngine:
    """The owner's own servers, all of them, for the model of this name. Raises `UserFacingError`: see `check_ways`."""
    check_ways(settings.engine_urls, settings.engine_key_file, in_the_clear=settings.engine_in_the_clear)
    return OpenAiServers(
        settings.engine_urls,
        model,
        key_file=Path(settings.engine_key_file) if settings.engine_key_file else None,
        requests_limit=settings.max_active_requests,
        on_change=on_change,
    )


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
    make_engine: MakeEngine = job_engine
    may_use_gpu: Callable[[str], bool] = lambda uuid: True  # by its UUID: whether the owner's rules let it work now
    presence: LooksForOwner = field(default_factory=OwnersComputer)
    find_sandbox: Callable[[], Awaitable[Choice]] = choose
    witnesses: Witnesses = field(default_factory=Witnesses)
    traffic: Traffic = field(default_factory=Traffic)
    rehearse: Ask = ask_a_process
    build: Build = field(default_factory=this_build)
    when_ready: Callable[[], None] = lambda: None  # called at the end of each start-up that went well

    @property
    def own_servers(self) -> tuple[OwnServer, ...]:
        """Where the owner lets the jobs run instead of here."""
        return tuple(own_server(server_url(url)) for url in self.settings.engine_urls)

    @property
    def would_run_on(self) -> str:
        """What the model runs on while no engine has told."""
        return OWN_SERVERS if self.settings.engine_urls else THE_CPU
