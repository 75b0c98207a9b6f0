"""Starts the agent so that it outlives whoever started it."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from mulberry.client.control import AgentNotRunning, ControlClient
from mulberry.model.control import Hello
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.places import DataFolder, lasting_program

START_LIMIT_SECONDS = 20.0
ASK_EVERY_SECONDS = 0.05


async def start_agent(
    root: Path, network: str = "demo", *, ton_config: Path | None = None, command: Sequence[str] | None = None
) -> Hello:
    """The agent of `root` and `network` (a bundled profile's name), started unless it runs. Returns once it answers.

    `command` is what to run instead of this Python's `mulberry agent`. Raises `UserFacingError`: it did not start, or
    it runs already and can no longer be told of `ton_config` (an absolute path).
    """
    folder = DataFolder.of_network(root, network)
    client = ControlClient(folder)
    try:
        running = await client.hello()
    except AgentNotRunning:
        folder.create()
    else:
        if ton_config is not None:
            raise UserFacingError(
                what=tr("The agent runs already."),
                why=tr("It reads which TON servers to ask when it begins."),
                next_step=tr("End it with `mulberry quit`, then start it again with the list."),
            )
        return running
    if command is None:
        servers = [] if ton_config is None else ["--ton-config", str(ton_config)]
        command = [*lasting_program(), "agent", "--network", network, "--data", str(root), *servers]
    first_words = folder.path / "agent-start.log"  # what it says before its own log is open
    process = _start_detached(command, first_words)
    try:
        async with asyncio.timeout(START_LIMIT_SECONDS):
            while True:
                await asyncio.sleep(ASK_EVERY_SECONDS)
                try:
                    return await client.hello()
                except AgentNotRunning:
                    if process.poll() is not None:
                        raise _did_not_start(
                            tr("It ended with status {status}.", status=process.returncode), first_words
                        ) from None
    except TimeoutError:
        raise _did_not_start(
            tr("It did not answer within {seconds} seconds.", seconds=f"{START_LIMIT_SECONDS:g}"), first_words
        ) from None


def _start_detached(command: Sequence[str], output: Path) -> "subprocess.Popen[bytes]":
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,  # the terminal's Ctrl-C and hang-up are not meant for it
            creationflags=flags,
        )
    # Somebody must take its exit status should it end before us, or a dead agent stays in the process table.
    threading.Thread(target=process.wait, name="agent-exit", daemon=True).start()
    return process


def _did_not_start(why: str, first_words: Path) -> UserFacingError:
    said = first_words.read_text(errors="replace").strip()[-2000:]
    return UserFacingError(
        what=tr("The agent did not start."),
        why=f"{why} {tr('It said: {words}', words=said)}" if said else why,
        next_step=tr("Look into {file}.", file=first_words.with_name("agent.log")),
        detail=said,
    )
