"""From one network to another: the agent of this one ends first, so that one at a time uses the GPU; then the window
begins anew, for its folder, its lock and all that it has shown are this network's.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from mulberry.client.control import ControlClient
from mulberry.client.farewell import AGENT, Farewell
from mulberry.desktop.desktop import Desktop
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.node import StepState
from mulberry.model.places import DataFolder, this_program


def leave_when_asked(desktop: Desktop, client: ControlClient, folder: DataFolder) -> list[asyncio.Task[None]]:
    """Returns a list to which each leaving is added, for whoever waits for them."""
    tasks: list[asyncio.Task[None]] = []

    def begin(network: str) -> None:
        tasks.append(asyncio.create_task(_leave(desktop, Farewell(client, folder.lock, lambda: None), network)))

    desktop.first_run.network_wanted.connect(begin)
    return tasks


async def _leave(desktop: Desktop, farewell: Farewell, network: str) -> None:
    await farewell.run()
    if farewell.steps[AGENT].state is StepState.DONE:
        desktop.first_run.moved(network)
        desktop.end()
        return
    notes = [step.note for step in farewell.steps if step.state is StepState.BLOCKED and step.note]
    desktop.first_run.not_moved(
        UserFacingError(
            what=tr("The agent of this network has not ended."),
            why=" ".join(notes),
            next_step=tr("Press Continue to try again, or stop it with `mulberry quit`."),
        )
    )


def open_anew(root: Path, network: str) -> int:
    """This process becomes the window of `network`; where a system knows no such thing, another one does."""
    words = [*this_program(), "desktop", "--network", network, "--data", str(root)]
    if sys.platform == "win32":
        subprocess.Popen(words)
    else:
        os.execv(words[0], words)  # noqa: S606 - our own program; nothing comes after it
    return 0
