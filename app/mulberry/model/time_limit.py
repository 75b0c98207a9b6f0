"""Calls that may never return, made so that nobody waits for them: a hanging driver holds a thread, not the agent."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Value = TypeVar("Value")


class NotAnsweringError(Exception):
    """The call did not return in time, or an earlier one still has not returned."""


class TimeLimit:
    """Makes one call at a time, each on a thread that dies with the process. At most one thread hangs.

    May be used from several threads.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._hanging: threading.Thread | None = None

    @property
    def hangs(self) -> bool:
        """An earlier call has not returned yet."""
        return self._hanging is not None and self._hanging.is_alive()

    def call(self, question: Callable[[], Value]) -> Value:
        """What `question` returns or raises. Raises `NotAnsweringError`, at once while an earlier call still hangs."""
        with self._lock:
            if self.hangs:
                raise NotAnsweringError
            answer: Future[Value] = Future()
            self._hanging = threading.Thread(target=_give, args=(question, answer), name="time-limited", daemon=True)
            self._hanging.start()
            self._hanging.join(self._seconds)
            if self._hanging.is_alive():
                raise NotAnsweringError
            self._hanging = None
        return answer.result()


def _give(question: Callable[[], Value], answer: "Future[Value]") -> None:
    try:
        answer.set_result(question())
    except BaseException as problem:  # noqa: BLE001 - it is raised where the caller waits
        answer.set_exception(problem)
