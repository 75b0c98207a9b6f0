"""An event loop that never waits: when nothing is ready, its clock jumps to the next timer.

For code that talks to itself through memory or loopback sockets of the same process. A test that waits for another
process must use the real loop.
"""

import asyncio
import selectors


class _JumpingSelector(selectors.DefaultSelector):
    """Answers at once and lets the loop's clock skip what `select` would have waited."""

    skipped_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:  # no timer at all: only a socket or another thread can go on
            return super().select(None)
        ready = super().select(0.001)  # loopback data may still be on its way through the kernel
        if not ready:
            self.skipped_seconds += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return super().time() + self._jumping.skipped_seconds
