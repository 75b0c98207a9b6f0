"""The sandboxes of this computer, for tests: each that is there, and the best that holds."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from mulberry.runtime.sandbox.choose import choose
from mulberry.runtime.sandbox.provider import Sandbox


@cache
def best_sandbox() -> Sandbox:
    """Tried out once, in a loop of its own."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, choose()).result().sandbox
