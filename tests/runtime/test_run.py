"""What the job process tells of thoughts, scores and cached tokens becomes money: only what can be true is taken."""

from collections.abc import Callable

import pytest

from mulberry.runtime.engine import Piece, Usage
from mulberry.runtime.frames import WireError
from mulberry.runtime.runs import HELD_BACK, Run
from mulberry.runtime.wire import Finish

CONTEXT = 100


def some_run(answers: int = 1) -> Run:
    run = Run(1, answers, CONTEXT, 0.0)
    run.accepted(50)
    return run


async def all_of(run: Run) -> list[Piece]:
    return [piece async for piece in run.pieces()]


async def test_thoughts_stay_before_the_text_that_follows_them() -> None:
    run = some_run()
    run.cached(32)
    run.text(0, "", "Hm")
    run.text(0, "", ", so")
    run.text(0, "It ")
    run.text(0, "is.")
    run.details(0, 5, -0.5)
    run.end(0, Finish.STOP, 9)
    assert await all_of(run) == [Piece(0, "It is.", Finish.STOP, Usage(50, 9, 32, 5), "Hm, so", -0.5)]


async def test_what_several_answers_thought_is_counted_together() -> None:
    run = some_run(answers=2)
    for choice in range(2):
        run.details(choice, 3 + choice, 0.0)
        run.end(choice, Finish.STOP, 10)
    assert (await all_of(run))[-1].usage == Usage(50, 20, 0, 7)


IMPOSSIBLE: dict[str, Callable[[Run], None]] = {
    "more cached than read": lambda run: run.cached(51),
    "fewer than none cached": lambda run: run.cached(-1),
    "fewer than no thoughts": lambda run: run.details(0, -1, 0.0),
    "a likelihood above one": lambda run: run.details(0, 0, 0.1),
    "details of no answer": lambda run: run.details(1, 0, 0.0),
    "too long thoughts": lambda run: run.text(0, "", "x" * ((CONTEXT + HELD_BACK) * 1024 + 1)),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_the_impossible_is_not_believed(name: str) -> None:
    with pytest.raises(WireError):
        IMPOSSIBLE[name](some_run())


def test_the_impossible_is_not_believed_little_by_little() -> None:
    run = some_run()
    run.cached(26)
    with pytest.raises(WireError):
        run.cached(26)
    run.details(0, 5, 0.0)
    with pytest.raises(WireError):
        run.end(0, Finish.STOP, 4)


def test_nothing_is_cached_of_a_prompt_that_was_not_accepted() -> None:
    with pytest.raises(WireError):
        Run(1, 1, CONTEXT, 0.0).cached(1)
