"""A rehearsal in a process of its own, which ends with it: TON's machine is large, and executes what strangers wrote.

The same program with the word `rehearse`: the question on its standard input, the answer on its output. It gets no key
and no ledger; at worst it is late and is killed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from mulberry.model.encoding import from_json, to_json
from mulberry.model.language import tr
from mulberry.model.places import this_program
from mulberry.model.rehearsal import Rehearsal, RehearsalAnswer, RehearsalImpossible, RehearsalQuestion

TIME_LIMIT_SECONDS = 60.0  # half a second; up to half a minute the first time, when the machine is compiled
MAX_ANSWER_BYTES = 1 << 20

Ask = Callable[[RehearsalQuestion], Awaitable[Rehearsal]]  # raises `RehearsalImpossible`


async def ask_a_process(question: RehearsalQuestion, command: Sequence[str] = ()) -> Rehearsal:
    """What the child found. Raises `RehearsalImpossible`, whatever goes wrong with it."""
    try:
        process = await asyncio.create_subprocess_exec(
            *(command or (*this_program(), "rehearse")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us
        )
    except OSError as problem:
        raise RehearsalImpossible(tr("its process did not start: {problem}", problem=problem)) from problem
    try:
        async with asyncio.timeout(TIME_LIMIT_SECONDS):
            untrusted = await _exchange(process, to_json(RehearsalQuestion, question))
    except TimeoutError:
        raise RehearsalImpossible(tr("it took longer than {seconds} s", seconds=f"{TIME_LIMIT_SECONDS:.0f}")) from None
    finally:
        await _end(process)
    try:
        answer = from_json(RehearsalAnswer, untrusted)
    except ValueError as problem:
        raise RehearsalImpossible(tr("its process ended with status {status}", status=process.returncode)) from problem
    if answer.rehearsal is None:
        raise RehearsalImpossible(answer.impossible)
    return answer.rehearsal


async def _exchange(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    """Raises `RehearsalImpossible` if more comes back than can be an answer."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no input or output")
    with suppress(ConnectionError):  # it ended early: its output tells
        process.stdin.write(question)
        await process.stdin.drain()
        process.stdin.close()
    try:
        await process.stdout.readexactly(MAX_ANSWER_BYTES + 1)
    except asyncio.IncompleteReadError as end:
        await process.wait()
        return end.partial
    raise RehearsalImpossible(tr("its process answers without end"))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()
