"""One open line to one lite server: the seam behind which the client library sits, and which tests replace."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from mulberry.ton.chain.config import LiteServerAddress


class Connection(Protocol):
    async def ask(self, question: bytes) -> bytes:
        """The server's answer to one question, both boxed TL of lite_api. Raises `ServerFailed` when the line breaks.

        Waits for ever: the caller sets the time limit by cancelling. Any number of questions may be under way.
        """
        ...

    async def close(self) -> None:
        """Cuts the line; what is under way raises `ServerFailed`."""
        ...


Connect = Callable[[LiteServerAddress, float], Awaitable[Connection]]
"""Opens a line within so many seconds. Raises `ServerFailed`."""
