"""Checks of large answers run on a thread, so that the loop goes on with its work meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

LARGE_BYTES = 50_000  # some tens of milliseconds to check

Checked = TypeVar("Checked")


async def checked(check: Callable[[], Checked], size: int) -> Checked:
    """What `check` returns or raises. `size`: the bytes that it has to read."""
    return await asyncio.to_thread(check) if size > LARGE_BYTES else check()
