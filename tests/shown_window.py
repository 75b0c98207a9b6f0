"""A whole window with the agent in memory behind it, every page full, for tests and pictures of all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSettings

from model_samples import MODELS
from mulberry.client.first_run import FirstRunFile
from mulberry.desktop.connection import Connection
from mulberry.desktop.desktop import Desktop
from mulberry.desktop.theme import Theme
from mulberry.desktop.tray import Tray
from mulberry.model.clock import Clock
from mulberry.model.first_run import FirstRun
from mulberry.model.node import NodeState, Status
from mulberry.model.wallet import WalletStatus
from network_samples import ONE_OF_EACH, on_the_network
from pretend_agent import PretendAgent
from samples import NOON, UNREACHABLE, a_job, a_wallet, on_a_gpu

STEPS = 60  # of the loop, until questions are answered and answers laid out


def a_busy_agent() -> PretendAgent:
    """Has something to show on every page."""
    agent = PretendAgent(jobs=40, transactions=12)
    agent.model_status = MODELS
    return agent


def a_busy_status(state: NodeState = NodeState.EARNING) -> Status:
    """On a GPU, with a proxy in each of their states."""
    status = on_a_gpu(on_the_network(*ONE_OF_EACH, state=state))
    earnings = replace(status.earnings, jobs_today=40, jobs_total=40)
    reasons = (UNREACHABLE,) if state is NodeState.NEEDS_YOU else status.reasons
    return replace(status, reasons=reasons, earnings=earnings, sandbox="bubblewrap, seccomp", as_of=NOON)


async def settled(steps: int = STEPS) -> None:
    """What is due has happened: on asyncio's loop and on Qt's, which qasync makes one."""
    for _ in range(steps):
        await asyncio.sleep(0)


@asynccontextmanager
async def shown_window(
    theme: Theme,
    clock: Clock,
    root: Path,
    *,
    agent: PretendAgent | None = None,
    status: Status | None = None,
    wallet: WalletStatus | None = None,
) -> AsyncIterator[Desktop]:
    """On the screen, and told `status`. `root` is its data folder; the first steps are done."""
    agent = agent or a_busy_agent()
    connection = Connection()
    memory = QSettings(str(root / "window.ini"), QSettings.Format.IniFormat)
    first_run = FirstRunFile(root)
    first_run.save(FirstRun(is_done=True, network="demo"))
    desktop = Desktop(theme, clock, connection, Tray(lambda: False), memory, first_run, "demo")
    hearing = asyncio.create_task(connection.run(agent, agent.start))
    try:
        desktop.window.show()
        jobs = tuple(a_job(number) for number in range(1, 41))
        agent.say(status or a_busy_status(), *jobs, wallet=wallet or a_wallet())
        await settled()
        yield desktop
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing
        desktop.end()
        desktop.window.deleteLater()
        desktop.deleteLater()
        await settled(3)
