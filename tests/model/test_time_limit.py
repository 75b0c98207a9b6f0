"""A driver that hangs must hold neither the agent's start nor its end."""

import threading
from collections.abc import Iterator

import pytest

from mulberry.model.time_limit import NotAnsweringError, TimeLimit


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging call waits for; opened at the end."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_an_answer_and_an_error_come_through() -> None:
    limit = TimeLimit(10)
    assert limit.call(lambda: 42) == 42
    for problem in (ValueError, TimeoutError):

        def fail(problem: type[Exception] = problem) -> None:
            raise problem("of the question")

        with pytest.raises(problem, match="of the question"):
            limit.call(fail)
    assert not limit.hangs


def test_a_call_that_hangs_is_given_up_and_no_other_begins_before_it_ends(gate: threading.Event) -> None:
    limit = TimeLimit(0.05)
    with pytest.raises(NotAnsweringError):
        limit.call(gate.wait)
    begun: list[int] = []
    with pytest.raises(NotAnsweringError):
        limit.call(lambda: begun.append(1))
    assert limit.hangs and not begun
    (hanging,) = (thread for thread in threading.enumerate() if thread.name == "time-limited")
    assert hanging.daemon, "it would hold the end of the process"
    gate.set()
    hanging.join(10)
    limit.call(lambda: begun.append(2))
    assert begun == [2] and not limit.hangs
