"""The worker that `bench_worker` measures, in a process of its own: what the agent has of it, without the faces.

    worker_under_test.py session PORT FOLDER    # the worker's session; ends when its standard input does
    worker_under_test.py engine DESCRIPTOR      # its engine, which answers at once

The session, its books, the ledger on the disk and the way to the engine are the real ones. The engine speaks the job
process's format over a real socket pair and knows two answers: one text at once, or a stream of stamped pieces.
"""

import asyncio
import gc
import logging
import select
import socket
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from random import SystemRandom

from mulberry.runtime.frames import FrameReader
from mulberry.runtime.wire import (
    TO_CHILD_LIMIT_BYTES,
    TO_PARENT_LIMIT_BYTES,
    Finish,
    Provider,
    Ready,
    Step,
    Submit,
    message_to_child,
    pack,
)

PROMPT_TOKENS, ANSWER_TOKENS = 34, 100
TEXT = "7 + 5 = 12. " * 5  # makes the answer's body 468 bytes
CHUNKS = 1000
CHUNK_SECONDS = 0.002
CONTEXT_TOKENS = 2048


def engine(descriptor: int) -> None:
    """Until the other end is gone."""
    with socket.socket(fileno=descriptor) as session:
        session.sendall(pack(Ready(0.0, Provider.CPU), TO_PARENT_LIMIT_BYTES))
        reader = FrameReader(TO_CHILD_LIMIT_BYTES)
        streams: dict[int, int] = {}  # request → pieces still to come
        tick = time.monotonic()
        while True:
            wait = max(tick - time.monotonic(), 0) if streams else None
            new: list[Submit] = []
            if select.select([session], [], [], wait)[0]:
                data = session.recv(2**16)
                if not data:
                    return
                new = [message for message in map(message_to_child, reader.feed(data)) if isinstance(message, Submit)]
            plain = [submit.number for submit in new if not submit.request.stream]
            if new:
                step = Step(
                    tuple((submit.number, PROMPT_TOKENS) for submit in new),
                    tuple((number, 0, TEXT) for number in plain),
                    tuple((number, 0, Finish.STOP, ANSWER_TOKENS) for number in plain),
                )
                session.sendall(pack(step, TO_PARENT_LIMIT_BYTES))
            if not streams:
                tick = time.monotonic()
            streams |= {submit.number: CHUNKS for submit in new if submit.request.stream}
            if streams and time.monotonic() >= tick:
                tick += CHUNK_SECONDS
                stamp = f"@{time.monotonic_ns()};"
                pieces = tuple((number, 0, stamp) for number in streams)
                streams = {number: left - 1 for number, left in streams.items()}
                ended = [number for number, left in streams.items() if not left]
                ends = tuple((number, 0, Finish.STOP, ANSWER_TOKENS) for number in ended)
                streams = {number: left for number, left in streams.items() if left}
                session.sendall(pack(Step((), pieces, ends), TO_PARENT_LIMIT_BYTES))


async def session(port: int, folder: Path) -> None:
    """Serves the proxy at `port` until standard input ends."""
    from mulberry.agent.backend import EngineBackend
    from mulberry.agent.book import ProxyBook
    from mulberry.agent.ledger import open_ledger
    from mulberry.agent.till import Till
    from mulberry.cocoon.seams import Identity
    from mulberry.cocoon.usage import Prices
    from mulberry.cocoon.worker import WorkerSession
    from mulberry.model.clock import SystemClock
    from mulberry.model.network import load_profile
    from mulberry.model.root_contract import ProxyAddress
    from mulberry.runtime.engine import Piece
    from mulberry.runtime.job_link import JobLink
    from mulberry.runtime.wire import GenerationRequest
    from mulberry.ton.address import parse_address

    class LinkedEngine:
        """What `runtime.supervisor.Supervisor` does while its process lives."""

        default_temperature = 0.0

        def __init__(self, link: JobLink) -> None:
            self._link = link

        async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
            run = self._link.submit(request)
            try:
                async for piece in run.pieces():
                    yield piece
            finally:
                self._link.forget(run)

    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, "engine", str(theirs.fileno())]
    with theirs:
        child = subprocess.Popen(command, pass_fds=(theirs.fileno(),))  # noqa: ASYNC220 - returns at once
    _, link = await loop.create_connection(lambda: JobLink(CONTEXT_TOKENS, 30.0, 600.0, print), sock=ours)
    profile, clock, random = load_profile("demo"), SystemClock(), SystemRandom()
    owner, parameters = parse_address(profile.owner_address), profile.root_parameters()
    ledger = open_ledger(folder / "ledger.sqlite3", clock)
    book = ProxyBook(
        Till(ledger, clock), name="proxy", model=profile.model, owner=owner, parameters=parameters, clock=clock
    )
    identity = Identity(owner.friendly(), profile.model, 1000, parameters.is_test, 1, max_active_requests=16)
    await link.ready
    backend = EngineBackend(LinkedEngine(link), clock, random)
    worker = WorkerSession(identity, Prices.of(parameters), backend, book, clock=clock, random=random)
    gc.collect()
    gc.freeze()  # as the agent does when it is ready
    told = loop.run_in_executor(None, sys.stdin.read)
    told.add_done_callback(lambda _: worker.close("the end"))
    await worker.run(ProxyAddress("127.0.0.1", port))
    link.end("the end")
    ledger.close()
    await loop.run_in_executor(None, child.wait)


def main() -> None:
    if sys.argv[1] == "engine":
        engine(int(sys.argv[2]))
        return
    import uvloop

    port, folder = int(sys.argv[2]), Path(sys.argv[3])
    logging.basicConfig(level=logging.INFO, filename=folder / "worker.log")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(session(port, folder))


if __name__ == "__main__":
    main()
