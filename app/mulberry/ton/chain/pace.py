"""Not more questions than a server tolerates."""

import asyncio


class Pace:
    """So many a second in the long run, `burst` at once. Waiting keeps the order of arrival."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._lead = (burst - 1) * self._interval
        self._next = 0.0  # when the next one would be due if all went evenly; loop time

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        due = max(self._next, now - self._lead)
        self._next = due + self._interval
        if due > now:
            await asyncio.sleep(due - now)
