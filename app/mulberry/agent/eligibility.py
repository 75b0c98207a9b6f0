"""Gathers what is known of this computer and of the networks, and has it judged. Nothing of it needs a running shift.

Everything that may hang has its own time limit, so that the whole answers within five seconds, and in one or two where
the NVIDIA driver is well. The chain is asked only when its owner wants it; else the root contract is as seen last.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from mulberry.agent.sandbox_words import why_none
from mulberry.agent.seen_root import seen, seen_root_of
from mulberry.attestation.errors import NotProven
from mulberry.attestation.quote import parse_quote
from mulberry.attestation.tsm import REPORT_DATA_BYTES, make_quote
from mulberry.hardware.eligibility import judge
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.attestation import Policy
from mulberry.model.clock import Clock
from mulberry.model.eligibility import Computer, EligibilityReport, NetworkRules, SeenRoot
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuReport
from mulberry.model.gpu_runtime import GpuComputing
from mulberry.model.host import ConfidentialReport, Finding, HostReport
from mulberry.model.language import tr
from mulberry.model.models import StoredModel
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.places import DataFolder, gpu_runtimes, model_store
from mulberry.model.text import as_a_part
from mulberry.model.time_limit import NotAnsweringError, TimeLimit
from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes
from mulberry.runtime.gpu_runtimes.here import computing_here, cuda_is_here
from mulberry.runtime.sandbox.choose import Choice, choose
from mulberry.runtime.store.store import ModelStore, bundled_models

if TYPE_CHECKING:
    from mulberry.agent.workshop import Workshop

log = logging.getLogger(__name__)

BUNDLED = ("mainnet", "demo")
MOST_NETWORKS = 32
SANDBOX_SECONDS = 3.0
QUOTE_SECONDS = 2.0
FRESH_SECONDS = 25.0
RETRY_SECONDS = 1.0

TEST_NETWORKS = NetworkRules(
    name="test",
    title=tr("Test networks"),
    kind="test",
    worker_policy=Policy.ANY,
    check_hashes=False,
    model="any",
    jobs_from_here=False,
    why_no_root=tr("none was joined yet"),
    any_model=True,
)


class Preflight:
    """For one data folder. May be asked again and again; each time everything is looked at anew."""

    def __init__(
        self,
        root: Path,
        gpus: Gpus,
        clock: Clock,
        random: Random,
        *,
        files: SystemFiles | None = None,
        find_sandbox: Callable[[], Awaitable[Choice]] = choose,
        quote: Callable[[bytes], bytes] = make_quote,
        own: Iterable[NetworkProfile] = (),
        cuda_is_here: Callable[[], bool] = cuda_is_here,
    ) -> None:
        """`quote` as in `agent.witnesses`; `own`: profiles that go before those of the same name below `root`."""
        self._cuda_is_here = cuda_is_here
        self._root = root
        self._gpus = gpus
        self._clock = clock
        self._random = random
        self._files = files or SystemFiles()
        self._find_sandbox = find_sandbox
        self._quote = quote
        self._quote_limit = TimeLimit(QUOTE_SECONDS)
        self._own = tuple(own)

    async def report(self, *, fresh: bool = False, only: NetworkProfile | None = None) -> EligibilityReport:
        """For `only` one network, or for all that are known here. `fresh`: the chain is asked now."""
        return (await self.look(fresh=fresh, only=only))[1]

    async def look(
        self, *, fresh: bool = False, only: NetworkProfile | None = None
    ) -> tuple[Computer, EligibilityReport]:
        """The report as above, and what it was judged from."""
        profiles = [only] if only is not None else _profiles(self._root, self._own)
        computer, rules = await asyncio.gather(self.computer(), self._rules(profiles, fresh=fresh))
        if only is None and not any(network.kind == "test" for network in rules):
            rules = [*rules, TEST_NETWORKS]
        return computer, judge(computer, rules, self._clock.now())

    async def computer(self) -> Computer:
        """All that is known of this computer, looked at now."""
        (gpus, confidential), host, sandbox, (models, free_bytes) = await asyncio.gather(
            asyncio.to_thread(self._ask_driver),
            asyncio.to_thread(read_host, self._files),
            self._try_sandbox(),
            asyncio.to_thread(self._read_store),
        )
        image = await asyncio.to_thread(self._image, host)
        computing = await asyncio.to_thread(self._computing, gpus)
        return Computer(gpus, host, confidential, sandbox, image, models, free_bytes, computing)

    def _computing(self, report: GpuReport) -> GpuComputing:
        return computing_here(GpuRuntimes(gpu_runtimes(self._root)), report, self._cuda_is_here)

    def _ask_driver(self) -> tuple[GpuReport, ConfidentialReport]:
        return self._gpus.read(), self._gpus.confidential()

    async def _try_sandbox(self) -> Finding[bool]:
        try:
            async with asyncio.timeout(SANDBOX_SECONDS):
                choice = await self._find_sandbox()
        except TimeoutError:
            return Finding(
                None,
                tr("its self-test took longer than {seconds} seconds", seconds=f"{SANDBOX_SECONDS:g}"),
            )
        if not choice.is_for_strangers:
            return Finding(False, why_none(choice))
        return Finding(True, tr("{tier} held in its self-test", tier=choice.sandbox.tier.in_words))

    def _read_store(self) -> tuple[tuple[StoredModel, ...], int | None]:
        store = ModelStore(model_store(self._root))
        try:
            status = store.status()
        except (OSError, UserFacingError) as problem:
            log.warning("the models could not be read: %s", problem)
            return bundled_models(), None
        return (*bundled_models(), *status.models), status.free_bytes

    def _image(self, host: HostReport) -> Finding[str]:
        """Of the TDX guest that this is, by a quote that nobody has verified: it is asked for its registers only."""
        if not host.tdx_guest.value:
            return Finding(None, tr("this is no TDX guest"))
        try:
            quote = self._quote_limit.call(lambda: self._quote(bytes(REPORT_DATA_BYTES)))
            return Finding(parse_quote(quote).measurements.image_hash.hex(), tr("a TDX quote of this guest"))
        except NotAnsweringError:
            return Finding(None, tr("no quote came within {seconds} seconds", seconds=f"{QUOTE_SECONDS:g}"))
        except UserFacingError as problem:
            return Finding(None, tr("no quote was made: {why}", why=problem.why.rstrip(".")))
        except NotProven as problem:
            return Finding(None, tr("the quote cannot be read: {problem}", problem=problem))

    async def _rules(self, profiles: Sequence[NetworkProfile], *, fresh: bool) -> list[NetworkRules]:
        return list(await asyncio.gather(*(self._rules_of(profile, fresh=fresh) for profile in profiles)))

    async def _rules_of(self, profile: NetworkProfile, *, fresh: bool) -> NetworkRules:
        rules = NetworkRules(
            name=profile.name,
            title=profile.title,
            kind=profile.kind,
            worker_policy=profile.worker_policy,
            check_hashes=profile.check_hashes,
            model=profile.model,
            jobs_from_here=profile.is_on_this_computer,
            any_model=profile.kind == "test",
        )
        if profile.launch is not None:  # its root contract is made here, for whatever this computer is
            return replace(rules, why_no_root=tr("it is made anew at each start"))
        if profile.chain is not None:
            return replace(rules, root=seen(profile.root_parameters(), None))
        folder = DataFolder.of_network(self._root, profile.name)
        why = tr("its root contract was never read on this computer")
        root = None
        if fresh:
            root, why = await self._ask_chain(profile, folder)
        root = root or seen_root_of(profile, folder.seen_root)
        return replace(rules, root=root, why_no_root="" if root else why)

    async def _ask_chain(self, profile: NetworkProfile, folder: DataFolder) -> tuple[SeenRoot | None, str]:
        """What the root contract says now, or why that is not known."""
        from mulberry.agent.chain import Chain  # here: only who asks the chain waits for its libraries
        from mulberry.agent.treasury import MISFITS

        folder.create()
        chain = Chain(lambda: profile, folder, clock=self._clock, random=self._random)
        told = tr("no server answered")
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                await chain.open()
                while True:
                    try:
                        return seen(await chain.root_parameters(), chain.root_as_of), ""
                    except MISFITS as problem:
                        told = as_a_part(str(problem).partition(". ")[0])  # without each server's own trouble
                    await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            return None, tr(
                "TON was not reached within {seconds} seconds: {told}",
                seconds=f"{FRESH_SECONDS:g}",
                told=told,
            )
        except UserFacingError as problem:
            return None, f"{problem.what.rstrip('.')}: {problem.why.rstrip('.')}"
        finally:
            await chain.close()


def _profiles(root: Path, own: Iterable[NetworkProfile]) -> list[NetworkProfile]:
    """The bundled ones, those that were joined here, and `own`; each name once."""
    found = {name: load_profile(name) for name in BUNDLED}
    for place in _joined(root):
        try:
            profile = load_profile(str(place))
        except UserFacingError as problem:
            log.warning("a network is left out: %s", problem)
            continue
        found.setdefault(profile.name, profile)
    for profile in own:
        found[profile.name] = profile
    return list(found.values())


def _joined(root: Path) -> list[Path]:
    try:
        return sorted(root.glob("*/profile.json"))[:MOST_NETWORKS]
    except OSError as problem:  # a folder that this user may not enter is no folder without networks
        log.warning("the networks that were joined could not be read: %s", problem)
        return []


def preflight_of(workshop: "Workshop") -> Preflight:
    """An agent's, with its own way to the driver."""
    return Preflight(
        workshop.folder.path.parent,
        workshop.gpus,
        workshop.clock,
        workshop.random,
        files=workshop.witnesses.files,
        find_sandbox=workshop.find_sandbox,
        quote=workshop.witnesses.quote,
        own=(workshop.profile,),
    )


async def check_here(
    root: Path, clock: Clock, random: Random, *, fresh: bool, only: NetworkProfile | None
) -> EligibilityReport:
    """Without an agent: drivers are opened for this one answer."""
    with closing(Gpus(clock)) as gpus:
        return await Preflight(root, gpus, clock, random).report(fresh=fresh, only=only)
