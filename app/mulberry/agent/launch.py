"""The demo network as a process of its own, started when work starts and ended with it.

It is the one program that a profile can ask for, by the word `demo-network`; its command line is ours and not the
profile's. It ends by itself when its standard input closes, so it cannot outlive an agent that was killed.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile, load_profile

log = logging.getLogger(__name__)

SILENCE_LIMIT_SECONDS = 30.0  # while it gets ready; it says something twice a second when that takes long
READY_LINE_LIMIT_BYTES = 64 * 2**10
GRACE_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
LIVED_WELL_SECONDS = 60.0  # after that, a death is not counted with those before


class LaunchedNetwork:
    """`command` starts it in `folder`, where it writes its own profile as `network.json` before it says it is ready."""

    def __init__(self, command: Sequence[str], folder: Path, random: Random, on_change: Callable[[], None]) -> None:
        self._command = command
        self._folder = folder
        self._random = random
        self._on_change = on_change
        self._keeper: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.profile: NetworkProfile | None = None

    async def start(self, progress: Callable[[str], None] = lambda _: None) -> NetworkProfile:
        """Returns its profile once it listens; later it is started again whenever it dies, and `profile` follows.

        `progress` is told what it says meanwhile. Raises `UserFacingError` when it does not come up.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._process, self.profile = await self._launch(progress)
        self._keeper = asyncio.create_task(self._keep(self._process), name="keep the demo network")
        return self.profile

    async def stop(self) -> None:
        """It is gone when this returns."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self._process is not None:
            await _end(self._process)
            self._process = self.profile = None

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = loop.time()
            status = await process.wait()
            self.profile = None
            await _end(process)
            log.warning("the demo network ended with status %s and is started again", status)
            self._on_change()
            if loop.time() - began > LIVED_WELL_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            process, pause = await self._launch_again(pause)
            self._on_change()

    async def _launch_again(self, pause: float) -> tuple[asyncio.subprocess.Process, float]:
        while True:
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            try:
                self._process, self.profile = await self._launch(lambda _: None)
            except UserFacingError as problem:
                log.warning("%s", problem)
            else:
                return self._process, pause

    async def _launch(self, progress: Callable[[str], None]) -> tuple[asyncio.subprocess.Process, NetworkProfile]:
        log_path = self._folder / "demo-network.log"
        with log_path.open("ab") as log_file:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log_file,
                limit=READY_LINE_LIMIT_BYTES,
                start_new_session=True,  # Ctrl-C is for us; we then end it
            )
        try:
            await _ready(process, progress)
            profile = load_profile(str(self._folder / "network.json"))
        except BaseException as problem:
            await _end(process)
            if isinstance(problem, TimeoutError | ValueError):
                raise _did_not_start(str(problem) or tr("it was not ready in time"), log_path) from problem
            raise
        return process, profile


async def _ready(process: asyncio.subprocess.Process, progress: Callable[[str], None]) -> None:
    """Raises `ValueError` when it ends instead or says something else, `TimeoutError` when it falls silent."""
    if process.stdout is None:
        raise RuntimeError("the process has no output to read")
    while True:
        async with asyncio.timeout(SILENCE_LIMIT_SECONDS):
            line = await process.stdout.readline()
            if not line:
                raise ValueError(tr("it ended with status {status}", status=await process.wait()))
        said = json.loads(line)
        if not isinstance(said, dict) or "progress" not in said:
            return
        told = tr("Preparing TON's virtual machine, once on this computer: {seconds} s", seconds=said["progress"])
        progress(told)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes its standard input, which asks it to end, and kills it if it does not."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.communicate()
    except TimeoutError:
        log.warning("the demo network did not end by itself")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def _did_not_start(why: str, log_path: Path) -> UserFacingError:
    return UserFacingError(
        what=tr("The demo network did not start."),
        why=f"{why[:1].upper()}{why[1:]}.",
        next_step=tr("Look into {path}, then press Start again.", path=log_path),
        whose_turn=WhoseTurn.YOU,
    )
