"""Prints the start-up's steps while they happen."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from mulberry.cli.words import of_reason, of_step
from mulberry.client.control import AgentLost, ControlClient
from mulberry.client.spawn import start_agent
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.node import NodeState, Status, Step, StepState, Want
from mulberry.model.places import DataFolder
from mulberry.model.sentence import sentence

PATIENCE_SECONDS = 180.0


class StepPrinter:
    """Says each step once when it begins to take, and once when it has ended."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._said: dict[str, Step] = {}

    def see(self, status: Status) -> None:
        for step in status.steps:
            noteworthy = step.state is not StepState.WAITING and (step.note or step.state is not StepState.RUNNING)
            if noteworthy and self._said.get(step.name) != step:
                self._say(of_step(step))
                self._said[step.name] = step


async def start_and_follow(
    root: Path, network: str, say: Callable[[str], None], *, ton_config: Path | None = None
) -> bool:
    """Starts earning and says how it goes. True when the node is ready; False when it waits for its owner.

    Raises `UserFacingError`: the agent could not be started, or does not get ready within `PATIENCE_SECONDS`.
    """
    await start_agent(root, network, ton_config=ton_config)
    client = ControlClient(DataFolder.of_network(root, network))
    await client.command(Command(Want.START))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await until_ready(client, say)
    except TimeoutError:
        raise UserFacingError(
            what="It is not ready yet.",
            why=sentence(await client.status()),
            next_step="It goes on trying by itself; see `mulberry status`.",
        ) from None


async def until_ready(client: ControlClient, say: Callable[[str], None]) -> bool:
    """Says the steps until the node is ready (True), or waits for its owner or was told something else (False)."""
    printer = StepPrinter(say)
    async with aclosing(client.events()) as events:
        async for event in events:
            if isinstance(event, AgentLost):
                raise UserFacingError("The agent ended.", event.why, "Look into agent.log, then start again.")
            printer.see(event.status)
            if event.status.state is not NodeState.GETTING_READY:
                say(sentence(event.status))
                if event.status.state is NodeState.NEEDS_YOU:
                    for reason in event.status.reasons[1:]:  # the sentence is the first
                        say(of_reason(reason))
                return event.status.state in (NodeState.READY, NodeState.EARNING)
    return False
