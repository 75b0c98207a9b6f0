"""Ends the reading of a long prompt as soon as its request is cancelled, or the agent is gone.

While the model computes nobody reads the socket, and a large model takes seconds for a part of a prompt. So then, and
only then, a second thread looks at what has come. What it read waits for the job process's next turn.
"""

import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from mulberry.runtime.child.connection import AgentGone, Connection
from mulberry.runtime.frames import WireError
from mulberry.runtime.wire import Cancel

LOOK_SECONDS = 0.01

Watch = Callable[[int, Callable[[], None]], AbstractContextManager[None]]


def unwatched(number: int, stop: Callable[[], None]) -> AbstractContextManager[None]:
    """Nobody can cancel meanwhile."""
    return nullcontext()


def watching(connection: Connection) -> Watch:
    """While its context lasts, `stop` is called from another thread when the request `number` is cancelled.

    At its end it raises what went wrong with the connection: `AgentGone`, `WireError`.
    """

    @contextmanager
    def watch(number: int, stop: Callable[[], None]) -> Generator[None]:
        over = threading.Event()
        problems: list[AgentGone | WireError] = []

        def look() -> None:
            try:
                while not over.wait(LOOK_SECONDS):
                    if any(isinstance(message, Cancel) and message.number == number for message in connection.peek()):
                        stop()
                        return
            except (AgentGone, WireError) as problem:
                problems.append(problem)
                stop()

        thread = threading.Thread(target=look, name="watch")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            if problems:
                raise problems[0] from None

    return watch
