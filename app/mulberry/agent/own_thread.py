"""Work that may never return, on a thread of its own that ends with the process: nobody's exit waits for it."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


async def on_own_thread(work: Callable[[], Result], name: str) -> Result:
    """What `work` returns or raises. Cancelled, it is no longer waited for and goes on."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def tell(result: Result | None, problem: BaseException | None) -> None:
        if answer.done():
            return
        if problem is not None:
            answer.set_exception(problem)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as raised:  # noqa: BLE001 - handed to who waits
            problem = raised
        with suppress(RuntimeError):  # the loop has ended without waiting for us
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await answer
