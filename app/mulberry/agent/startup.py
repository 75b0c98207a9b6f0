"""What happens between Start and the first request: named tasks, in this order. Window and command line draw them.

A task is done, skipped, or blocked with a reason that says what is the matter and whose turn it is. Whatever a task
starts, it leaves with the shift's exit stack, which undoes it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mulberry.agent import reasons
from mulberry.agent.backend import EngineBackend
from mulberry.agent.bench import Bench
from mulberry.agent.book import ProxyBook
from mulberry.agent.cards import choose_cards, end_and_compare
from mulberry.agent.launch import LaunchedNetwork
from mulberry.agent.ledger import LARGEST_INTEGER
from mulberry.agent.owner import read_owner
from mulberry.agent.proxies import Proxies
from mulberry.agent.proxy_link import ProxyLink
from mulberry.agent.sandbox_words import no_sandbox, why_none
from mulberry.agent.sleep_watch import watch_for_sleep
from mulberry.agent.startup_money import ConnectToTon, DeployWorkerContract, FundWallet, ReadRoot, UnlockKey
from mulberry.agent.task import Blocked, Done, Outcome, Progress, Skipped, Task
from mulberry.agent.workshop import servers_engine
from mulberry.cocoon.frames import MOST_BODY_BYTES
from mulberry.cocoon.seams import Identity, largest_request_bytes
from mulberry.cocoon.transports import Transport
from mulberry.cocoon.usage import Prices
from mulberry.cocoon.worker import WorkerSession
from mulberry.model.attestation import Policy
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.places import gpu_runtimes, model_store, resource, this_program
from mulberry.model.root_contract import ProxyAddress, RootParameters
from mulberry.model.sentence import names, where_prompts_go
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineFailed, EngineState, EngineStatus, RunningEngine
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.several import SeveralCards
from mulberry.runtime.store.store import ModelStore
from mulberry.runtime.wire import Provider
from mulberry.ton.address import AddressError, parse_address


class ReadProfile:
    name = tr("Read the network profile")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        profile, settings = bench.workshop.profile, bench.workshop.settings
        try:
            bench.owner = read_owner(settings.owner_address or profile.owner_address, profile)
        except UserFacingError as problem:
            return Blocked(reasons.network_unusable(problem))
        if settings.engine_urls and profile.worker_policy is Policy.TDX:
            return Blocked(reasons.network_unusable(_not_proven_elsewhere(profile.title)))
        if profile.chain is not None and profile.chain.worker_fee_per_token > LARGEST_INTEGER:
            return Blocked(reasons.network_unusable(_wrong_profile(tr("It pays more for a token than there is."))))
        try:
            parse_address(profile.root_contract_address)
        except AddressError as problem:
            return Blocked(
                reasons.network_unusable(_wrong_profile(tr("An address in it is none: {problem}.", problem=problem)))
            )
        return Done(profile.title)


class LookForGpus:
    name = tr("Look for GPUs")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        report = await asyncio.to_thread(bench.workshop.gpus.read)
        if report.absent_because is not None:
            return Skipped(
                tr(
                    "{why} The model runs on {place}.",
                    why=report.absent_because,
                    place=bench.workshop.would_run_on,
                )
            )
        return Done(", ".join(gpu.name for gpu in report.gpus))


class CheckModel:
    name = tr("Check the model's files")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        profile, own_folder = bench.workshop.profile, bench.workshop.settings.model_folder
        if bench.workshop.own_servers:
            return Skipped(tr("Your own servers must have {model}.", model=profile.model_base_name))
        try:
            model = ModelFolder.read(Path(own_folder)) if own_folder else _bundled_or_imported(bench)
            await asyncio.to_thread(model.verify)
        except UserFacingError as problem:
            return Blocked(reasons.model_unusable(problem))
        if model.manifest.encoder is not None:
            return Blocked(reasons.model_unusable(_writes_nothing(model.manifest.title)))
        if profile.kind == "test":
            bench.model = model
            return Done(
                tr(
                    "{title}, served under the name {name}",
                    title=model.manifest.title,
                    name=profile.model_base_name,
                )
            )
        if model.manifest.name != profile.model_base_name:
            why = tr("Its folder holds {name}.", name=model.manifest.name)
            return Blocked(reasons.model_unusable(_no_model(profile.model, why)))
        bench.model = model
        return Done(model.manifest.title)


class CheckSandbox:
    name = tr("Check the sandbox")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        profile = bench.workshop.profile
        if servers := bench.workshop.own_servers:
            return Skipped(where_prompts_go(servers))
        choice = await bench.workshop.find_sandbox()
        if not choice.is_for_strangers and not profile.is_on_this_computer:
            return Blocked(reasons.network_unusable(no_sandbox(profile.title, choice)))
        bench.sandbox = choice.sandbox
        if not choice.is_for_strangers:
            return Skipped(tr("{why} This network's jobs come from this computer.", why=why_none(choice)))
        return Done(str(choice.trials[-1].confinement))


class StartDemoNetwork:
    name = tr("Start the demo network")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        workshop = bench.workshop
        if workshop.profile.launch is None:
            return Skipped(tr("This network runs elsewhere."))
        folder = workshop.folder.demo_network
        command = [*this_program(), "demo-network", "--folder", str(folder), "--network", workshop.profile.name]
        command += ["--transport", workshop.profile.transport, "--until-stdin-closes"]
        network = LaunchedNetwork(command, folder, workshop.random, bench.on_network_change)
        bench.keep_until_the_end(network.stop)
        try:
            profile = await network.start(progress)
        except UserFacingError as problem:
            return Blocked(reasons.network_unusable(problem))
        bench.network = network
        return Done(tr("Customers' door: {address}", address=profile.front_url) if profile.front_url else "")


class LoadModel:
    name = tr("Load the model")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        workshop = bench.workshop
        if workshop.own_servers:
            return await _ask_servers(bench, progress)
        if bench.model is None or bench.sandbox is None:
            raise RuntimeError("the model or the sandbox has not been checked")
        manifest = bench.model.manifest
        report = await asyncio.to_thread(workshop.gpus.read)  # anew: hours may have passed, and memory been taken
        allowed = replace(report, gpus=tuple(gpu for gpu in report.gpus if workshop.may_use_gpu(gpu.uuid)))
        computing = bench.keep_open(GpuRuntimes(gpu_runtimes(workshop.folder.path.parent)).held())
        cards, note = choose_cards(manifest, allowed, workshop.gpus, computing)
        if cards:
            try:
                engine = await _run_engine(bench, progress, cards)
            except EngineFailed as failure:
                note = str(failure)
            else:
                return Done(
                    " ".join(
                        filter(None, (tr("Runs on {place}.", place=engine.status.runs_on), engine.status.note, note))
                    )
                )
        if manifest.variant_for(Provider.CPU) is None:
            return Blocked(reasons.engine_gave_up(note or tr("The model needs a GPU, and there is none.")))
        try:
            await _run_engine(bench, progress, ())
        except EngineFailed as failure:
            return Blocked(reasons.engine_gave_up(str(failure)))
        return Done(tr("{why} The model runs on the CPU.", why=note) if note else "")


async def _ask_servers(bench: Bench, progress: Progress) -> Outcome:
    """Until one of them serves the model; meanwhile the engine's status says what is the matter with each."""

    def on_status(status: EngineStatus) -> None:
        if status.state in (EngineState.LOADING, EngineState.RESTARTING):
            progress(status.note)
        bench.on_change()

    workshop = bench.workshop
    try:
        engine = servers_engine(workshop.profile.model_base_name, workshop.settings, on_status)
        bench.keep_until_the_end(engine.stop)
        bench.engine = engine
        await engine.start()
    except UserFacingError as problem:
        return Blocked(reasons.servers_unusable(problem))
    return Done(tr("Served by {servers}", servers=names(workshop.own_servers)))


async def _run_engine(bench: Bench, progress: Progress, cards: Sequence[Card]) -> RunningEngine:
    """On each of `cards`, on the CPU without any. Raises `EngineFailed`."""
    workshop, model, sandbox = bench.workshop, bench.model, bench.sandbox
    if model is None or sandbox is None:
        raise RuntimeError("the model or the sandbox has not been checked")

    def on_status(status: EngineStatus) -> None:
        if status.state is EngineState.LOADING:
            progress(status.note)
        bench.on_change()

    def make(card: Card | None, on_change: Callable[[EngineStatus], None]) -> RunningEngine:
        return workshop.make_engine(model, workshop.settings, workshop.random, on_change, sandbox, card)

    bench.cards = SeveralCards(make, end_and_compare, cards, on_change=on_status) if cards else None
    engine = bench.cards or make(None, on_status)
    bench.keep_until_the_end(engine.stop)
    bench.engine = engine
    await engine.start()
    return engine


class ConnectToProxy:
    name = tr("Connect to a proxy")

    async def run(self, bench: Bench, progress: Progress) -> Outcome:
        if not bench.parameters.proxies:
            return Blocked(reasons.network_unusable(_wrong_profile(tr("It names no proxy."))))
        bench.proxies = Proxies(
            bench.profile.connections,
            partial(_link, bench, _transports(bench)),
            random=bench.workshop.random,
            on_change=bench.on_change,
        )
        follow_root(bench)
        bench.keep_running(bench.proxies.run(), "proxies")
        bench.keep_running(watch_for_sleep(bench.workshop.clock, bench.proxies.dial_again), "watch for sleep")
        while not bench.connected_proxies:
            bench.changed.clear()
            for broken in bench.broken_runs():
                broken.result()
            follow_root(bench)
            progress(bench.proxies.note)
            await bench.changed.wait()
        return Done()


def follow_root(bench: Bench) -> None:
    """Tells the connections which proxies the network names now, and by which terms."""
    if bench.proxies is not None:
        bench.proxies.follow(list(_doors(bench)), bench.parameters)


def _doors(bench: Bench) -> dict[str, ProxyAddress]:
    """Where the network's proxies listen, by name. One that was launched here has another port after each start, so its
    place in the list is its name."""
    found, profile = bench.parameters.proxies, bench.workshop.profile
    if profile.launch:
        return {f"{profile.name} proxy {number}": door for number, door in enumerate(found, 1)}
    return {str(door): door for door in found}


START_UP: tuple[type[Task], ...] = (
    ReadProfile,
    LookForGpus,
    CheckModel,
    CheckSandbox,
    StartDemoNetwork,
    UnlockKey,
    ConnectToTon,
    ReadRoot,
    FundWallet,
    LoadModel,
    ConnectToProxy,
    DeployWorkerContract,
)


def _transports(bench: Bench) -> Callable[[], Transport | None]:
    """How the network's proxies are reached, asked anew for each connection. None stands for plain TCP."""
    if bench.profile.transport == "plain":
        return lambda: None
    from mulberry.agent.reach import Proofs, transport_for  # what it needs takes 0.1 s to import

    workshop = bench.workshop
    proofs = Proofs.of_network(bench.profile, workshop.collateral, workshop.clock)
    if proofs.fetches:
        bench.keep_running(workshop.collateral.run(), "collateral")
    return lambda: transport_for(bench.profile, bench.parameters, proofs)


def _link(
    bench: Bench,
    transport: Callable[[], Transport | None],
    name: str,
    parameters: RootParameters,
    on_ended: Callable[[], None],
) -> ProxyLink:
    """To the proxy called `name`. Where it listens is asked anew each time."""
    workshop, profile, model, engine, owner = bench.workshop, bench.profile, bench.model, bench.engine, bench.owner
    if engine is None or owner is None:
        raise RuntimeError("the model has not been loaded")
    book = ProxyBook(
        workshop.till,
        name=name,
        model=profile.model,
        owner=owner,
        parameters=parameters,
        clock=workshop.clock,
        on_served=workshop.traffic.count,
    )

    def session(on_change: Callable[[], None]) -> WorkerSession:
        return WorkerSession(
            Identity(
                owner_address=owner.friendly(),
                model=profile.model,
                coefficient=workshop.settings.coefficient,
                is_test=parameters.is_test,
                proxy_count=min(profile.connections, len(parameters.proxies)),
                max_active_requests=max(1, engine.places),
                has_chain=profile.lite_servers is not None,
            ),
            Prices.of(parameters),
            EngineBackend(engine, workshop.clock, workshop.random),
            book,
            clock=workshop.clock,
            random=workshop.random,
            on_change=on_change,
            largest_request_bytes=largest_request_bytes(model.manifest.context_tokens) if model else MOST_BODY_BYTES,
        )

    def endpoint() -> ProxyAddress | None:
        if bench.network and not bench.network.profile:
            return None
        return _doors(bench).get(name)

    return ProxyLink(
        name,
        session,
        book,
        endpoint,
        transport,
        clock=workshop.clock,
        random=workshop.random,
        on_change=bench.on_change,
        on_ended=on_ended,
    )


def _bundled_or_imported(bench: Bench) -> ModelFolder:
    """An imported model is neither removed nor moved until the end of the shift."""
    workshop = bench.workshop
    try:
        return ModelFolder.read(resource(f"models/{workshop.profile.model_folder}"))
    except FileNotFoundError:
        store = ModelStore(model_store(workshop.folder.path.parent))
        return bench.keep_open(store.held(workshop.profile.model_base_name))


def _wrong_profile(why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The network profile is not usable."),
        why=why,
        next_step=tr("Correct the file, or use a bundled network."),
    )


def _not_proven_elsewhere(network: str) -> UserFacingError:
    return UserFacingError(
        what=tr("Your own servers cannot work for {network}.", network=network),
        why=tr("A worker there proves what runs its jobs; what this computer can prove says nothing of other servers."),
        next_step=tr("Run it with `--engine-url none`, or join a network that asks for no proof."),
    )


def _writes_nothing(model: str) -> UserFacingError:
    return UserFacingError(
        what=tr("{model} cannot work for this network.", model=model),
        why=tr("It is an encoder: it writes no text, and nothing else is sold on Cocoon today."),
        next_step=tr("Name another model. `mulberry benchmark --model …` measures this one."),
    )


def _no_model(name: str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The model {name} is not there.", name=name),
        why=why,
        next_step=tr("Install Mulberry again, or correct the profile."),
    )
