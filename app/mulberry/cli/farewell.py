"""`mulberry quit --stop`: the same steps as the window's "Stop earning and quit", a line for each that is over."""

import asyncio
from collections.abc import Callable

from mulberry.client.control import ControlClient
from mulberry.client.farewell import Farewell
from mulberry.model.node import Step, StepState
from mulberry.model.places import DataFolder

OVER = (StepState.DONE, StepState.SKIPPED, StepState.BLOCKED)


def stop_and_quit(folder: DataFolder, say: Callable[[str], None]) -> bool:
    """Whether everything has ended."""
    said: set[str] = set()

    def tell() -> None:
        for step in farewell.steps:
            if step.state in OVER and step.name not in said:
                said.add(step.name)
                say(_in_a_line(step))

    farewell = Farewell(ControlClient(folder), folder.lock, tell)
    asyncio.run(farewell.run())
    say("Everything has ended." if farewell.all_ended else "Not everything has ended.")
    return farewell.all_ended


def _in_a_line(step: Step) -> str:
    return f"{step.name}: {step.state}. {step.note}".rstrip()
