"""The agent's process: opens what it needs, listens, works, and on the way out gives everything back."""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from random import SystemRandom

from mulberry import __version__
from mulberry.agent.api import make_application
from mulberry.agent.collateral_keeper import CollateralKeeper
from mulberry.agent.key_keeper import KeyKeeper
from mulberry.agent.keys import system_keyring
from mulberry.agent.ledger import ledger_in_use
from mulberry.agent.listening import listening
from mulberry.agent.lock import only_agent
from mulberry.agent.making_way import make_way_on_signal
from mulberry.agent.node import Node
from mulberry.agent.settings import Settings, load_settings
from mulberry.agent.stats_page import stats_page
from mulberry.agent.till import Till
from mulberry.agent.updates.ways import for_a_successor
from mulberry.agent.workshop import Workshop
from mulberry.attestation.collateral_fetch import INTEL
from mulberry.hardware.gpu import Gpus
from mulberry.model.attestation import TransportName
from mulberry.model.clock import SystemClock
from mulberry.model.errors import UserFacingError
from mulberry.model.log_file import log_to
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.places import DataFolder, this_program
from mulberry.ton.chain.config import with_servers_of

LOG_BYTES = 2 * 2**20
OLD_LOGS = 3

log = logging.getLogger(__name__)


def run_agent(
    root: Path,
    network: str,
    *,
    transport: TransportName | None = None,
    ton_config: Path | None = None,
    until_stdin_closes: bool = False,
) -> None:
    """Runs the agent of one network until a signal, `quit` or (if asked for) the end of its standard input ends it.

    `root` is the data folder of all networks, `network` a joined or bundled one's name or a profile's path. `transport`
    goes before what that says, `ton_config` before the settings' one. Raises `UserFacingError`: the profile, the list
    of TON servers or the ledger is not usable, or another agent has the folder.
    """
    own = DataFolder.of_network(root, network).profile  # of a network that was joined by a file
    profile = load_profile(str(own) if own.is_file() else network).over(transport)
    folder = DataFolder.of_network(root, profile.name)
    folder.create()
    with only_agent(folder.lock):
        log_to(folder.agent_log, logging.INFO, LOG_BYTES, OLD_LOGS)
        log.info("agent %s for %s begins", __version__, profile.name)
        successor: tuple[str, ...] = ()
        try:
            with asyncio.Runner(loop_factory=_fast_loop()) as runner:
                successor = runner.run(_run(folder, profile, ton_config, until_stdin_closes=until_stdin_closes))
        except UserFacingError as problem:
            log.error("%s", problem)
            raise
        except Exception:
            log.exception("a bug ended the agent")
            raise
        log.info("agent ends")
    if successor:
        _make_way_for(successor)


async def _run(
    folder: DataFolder, profile: NetworkProfile, ton_config: Path | None, *, until_stdin_closes: bool
) -> tuple[str, ...]:
    """Returns the words of the program that is to take its place."""
    clock = SystemClock()
    gpus = Gpus(clock)
    with ledger_in_use(folder.ledger, clock) as ledger, closing(gpus):
        settings = load_settings(folder.settings, clock)
        profile = _with_own_servers(profile, ton_config, settings)
        workshop = Workshop(
            folder=folder,
            profile=profile,
            settings=settings,
            till=Till(ledger, clock),
            gpus=gpus,
            clock=clock,
            random=SystemRandom(),
            keys=KeyKeeper(folder, profile, settings, clock, system_keyring),
            collateral=CollateralKeeper(
                folder.collateral, clock, SystemRandom(), service=settings.collateral_service or INTEL
            ),
            when_ready=_set_aside_what_stays,
        )
        node = Node(workshop)
        _quit_on_signals(node)
        make_way_on_signal(node.make_way)
        if until_stdin_closes:
            _quit_at_end_of_input(node)
        stats = stats_page(node, workshop.settings.stats_port, folder.stats_token, node.stats_page_failed)
        async with listening(make_application(node), folder.control_address), stats:
            await _until_quit(node)
        return node.successor


def _make_way_for(successor: tuple[str, ...]) -> None:
    """A newer version, or what installs it: nothing of this one runs any more, and no file of it is in use."""
    log.info("%s takes over", successor[0])
    try:
        _become(successor)
    except OSError as problem:  # then this version goes on
        log.error("%s cannot be started: %s", successor[0], problem)
        _become((*this_program(), *sys.argv[1:]))


def _become(words: tuple[str, ...]) -> None:
    if sys.platform == "win32":
        subprocess.Popen(words, creationflags=subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP)
    else:
        os.execve(words[0], words, for_a_successor(os.environ))  # noqa: S606 - a checked file, no shell


def _with_own_servers(profile: NetworkProfile, ton_config: Path | None, settings: Settings) -> NetworkProfile:
    path = ton_config or (Path(settings.ton_config) if settings.ton_config else None)
    return with_servers_of(path, profile, SystemRandom()) if path is not None else profile


async def _until_quit(node: Node) -> None:
    work = asyncio.create_task(node.run(), name="node")
    quitting = asyncio.create_task(node.quitting.wait(), name="quitting")
    try:
        await asyncio.wait((work, quitting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        quitting.cancel()
        work.cancel()
        await asyncio.wait((work,))
    if not work.cancelled():
        work.result()  # the node never ends by itself: this raises the bug that ended it


def _set_aside_what_stays() -> None:
    """From the garbage collector: looking through all that a start-up made took it 60 ms, and nothing else ran."""
    gc.unfreeze()  # what the shift before has left
    gc.collect()
    gc.freeze()


def _quit_on_signals(node: Node) -> None:
    if sys.platform == "win32":  # there, Ctrl-C raises KeyboardInterrupt, which ends asyncio.run in good order
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, node.quit)


def _quit_at_end_of_input(node: Node) -> None:
    loop = asyncio.get_running_loop()

    def read_to_the_end() -> None:
        with suppress(OSError):
            while os.read(0, 4096):  # not sys.stdin: its lock would outlive the interpreter in this thread
                pass
        with suppress(RuntimeError):  # the loop has ended by itself
            loop.call_soon_threadsafe(node.quit)

    threading.Thread(target=read_to_the_end, name="end of input", daemon=True).start()


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists: measured, it costs an idle agent no memory and no wake-up, and serves faster."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
