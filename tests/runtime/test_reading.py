"""Long prompts come a chunk at a time: nobody else waits for them, and nobody's answer changes by who came or left."""

from dataclasses import replace
from functools import cache
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from mulberry.runtime.child.batcher import CHUNK_TOKENS
from mulberry.runtime.wire import Cancel, GenerationRequest, Sampling, Submit
from tiny_model import LocalEngine, ask

LONG = "one two three " * 15  # about 150 of the tiny model's 256 tokens


def hurried(slots: int = 16) -> LocalEngine:
    """On its clock everything takes a second: each step has time for one chunk only."""
    seconds = count()
    return LocalEngine(slots=slots, clock=lambda: float(next(seconds)))


def some_request(kind: int) -> GenerationRequest:
    """One of a few that end after some 20 tokens: short and long, cold and warm, with several answers, with a form."""
    warm = Sampling(seed=kind, temperature=1.2, top_p=0.9, presence_penalty=0.3)
    return [
        ask("Count from 3 to 9"),
        replace(ask("Hello!"), sampling=warm, max_tokens=20),
        GenerationRequest((LONG,), Sampling(seed=0), max_tokens=8),
        GenerationRequest((LONG + "four",), warm, max_tokens=12, choices=2),
        GenerationRequest((LONG[:140], LONG[:160]), warm, max_tokens=10),
        replace(ask("Sentiment: awful"), schema='{"type": "integer"}', sampling=warm, max_tokens=10),
    ][kind]


@cache
def alone(kind: int) -> tuple[str, ...]:
    engine = LocalEngine()
    request = some_request(kind)
    engine.take(Submit(1, request))
    engine.run()
    return tuple(engine.texts.get((1, choice), "") for choice in range(len(request.prompts) * request.choices))


events = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.booleans()), min_size=1, max_size=10)


@settings(max_examples=25)
@given(events, st.sampled_from([2, 16]))
def test_whoever_joins_and_leaves_the_answers_are_those_of_one_alone(
    joins: list[tuple[int, int, bool]], slots: int
) -> None:
    """Each joins, some steps pass, and some leave again."""
    engine = hurried(slots)
    left = set()
    for number, (kind, steps, leaves) in enumerate(joins, 1):
        engine.take(Submit(number, some_request(kind)))
        for _ in range(steps):
            engine.step()
        if leaves:
            left.add(number)
            engine.take(Cancel(number))
    engine.run()
    for number, (kind, _, _) in enumerate(joins, 1):
        if number not in left:
            expected = alone(kind)
            assert tuple(engine.texts.get((number, choice), "") for choice in range(len(expected))) == expected


def test_a_long_prompt_does_not_stall_those_who_stream() -> None:
    engine = hurried()
    engine.take(Submit(1, ask("Count from 3 to 9")))
    engine.step()
    before = len(engine.pieces[1, 0])
    engine.take(Submit(2, some_request(2)))
    steps = 0
    while (2, 0) not in engine.pieces:
        engine.step()
        steps += 1
    assert steps == 3, "a chunk a step"
    assert len(engine.pieces[1, 0]) == before + 3, "and a token of the other's in each"


def test_a_prompt_that_is_being_read_can_be_cancelled_between_two_chunks() -> None:
    engine = hurried(slots=1)
    engine.take(Submit(1, some_request(2)), Submit(2, ask("What is 7 + 5?")))
    engine.step()
    engine.step()
    engine.take(Cancel(1))
    engine.step()
    assert (2, 0) in engine.pieces, "its place is free at the next step"
    engine.run()
    assert engine.texts[2, 0] == "7 + 5 = 12."
    assert (1, 0) not in engine.texts


def test_prompts_of_one_request_are_not_read_twice() -> None:
    engine = hurried()
    engine.take(Submit(1, GenerationRequest((LONG, LONG + "x"), Sampling(seed=0), max_tokens=20, choices=2)))
    engine.run()
    assert engine.cached[1] == 2 * CHUNK_TOKENS, "what the second prompt shares with the first, in whole chunks"
    assert engine.accepted[1] > 2 * CHUNK_TOKENS * 2
    apart = [
        LocalEngine().answer(1, GenerationRequest((text,), Sampling(seed=0), max_tokens=20))
        for text in (LONG, LONG + "x")
    ]
    assert [engine.texts[1, choice] for choice in range(4)] == [apart[0], apart[0], apart[1], apart[1]]


def test_nothing_is_shared_between_customers() -> None:
    engine = hurried()
    engine.take(*(Submit(number, GenerationRequest((LONG,), Sampling(seed=0), max_tokens=20)) for number in (1, 2)))
    engine.run()
    assert not engine.cached
