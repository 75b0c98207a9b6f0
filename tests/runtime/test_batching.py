"""Sharing the engine must not change anybody's answer: customers pay for theirs, whoever else is being served."""

import pytest

from mulberry.runtime.wire import Cancel, Finish, GenerationRequest, Sampling, Submit
from tiny_model import LocalEngine, ask, some_questions


@pytest.fixture(scope="module")
def solo_answers() -> list[str]:
    engine = LocalEngine()
    return [engine.answer(number, ask(one.text)) for number, one in enumerate(some_questions(48), 1)]


def test_answers_are_the_same_alone_and_when_one_joins_at_every_step(solo_answers: list[str]) -> None:
    engine = LocalEngine()
    for number, one in enumerate(some_questions(48), 1):
        engine.take(Submit(number, ask(one.text)))
        engine.step()
    engine.run()
    assert [engine.texts[number, 0] for number in range(1, 49)] == solo_answers


def test_few_slots_only_make_it_slower(solo_answers: list[str]) -> None:
    engine = LocalEngine(slots=3)
    engine.take(*(Submit(number, ask(one.text)) for number, one in enumerate(some_questions(48), 1)))
    engine.run()
    assert [engine.texts[number, 0] for number in range(1, 49)] == solo_answers


def test_many_share_each_step(solo_answers: list[str]) -> None:
    engine = LocalEngine()
    engine.take(*(Submit(number, ask("Count from 3 to 9")) for number in range(1, 17)))
    engine.run()
    assert engine.steps <= 50  # one alone needs about 22
    assert set(engine.texts.values()) == {"3, 4, 5, 6, 7, 8, 9."}


def test_the_model_knows_its_six_things() -> None:
    engine = LocalEngine()
    known = {
        "Hello!": "Hello! How can I help you today?",
        "What is 7 + 5?": "7 + 5 = 12.",
        "Translate to Indonesian: I drink coffee": "Saya minum kopi",
        "Count from 3 to 9": "3, 4, 5, 6, 7, 8, 9.",
        "Capital of Japan": "The capital of Japan is Tokyo.",
        "Sentiment: This movie is awful": "negative",
    }
    answers = {text: engine.answer(number, ask(text)) for number, text in enumerate(known, 1)}
    assert answers == known
    assert {finish for finish, _ in engine.ends.values()} == {Finish.STOP}


def test_a_streamed_answer_begins_at_once_and_then_speaks_every_ten_milliseconds() -> None:
    moments = iter(range(10**6))
    engine = LocalEngine(clock=lambda: next(moments) * 0.002)  # a few looks at the clock in each step
    text = engine.answer(1, ask("Count from 3 to 9"))
    first, *others = engine.pieces[1, 0]
    assert text == "3, 4, 5, 6, 7, 8, 9."
    assert first == "3", "nobody waits for the first word"
    assert 2 <= len(others) <= 12, "several tokens in one piece, and not all in the last"


def test_a_cancelled_request_gives_its_slot_to_the_next_at_once() -> None:
    engine = LocalEngine(slots=1)
    engine.take(Submit(1, ask("Count from 3 to 9")), Submit(2, ask("What is 7 + 5?")))
    engine.step()
    assert (1, 0) in engine.pieces and (2, 0) not in engine.pieces
    engine.take(Cancel(1))
    engine.step()
    assert (2, 0) in engine.pieces
    engine.run()
    assert engine.texts[2, 0] == "7 + 5 = 12."
    assert (1, 0) not in engine.ends


def test_cancelling_one_leaves_its_neighbours_alone(solo_answers: list[str]) -> None:
    engine = LocalEngine()
    questions = some_questions(12)
    engine.take(*(Submit(number, ask(one.text)) for number, one in enumerate(questions, 1)))
    for number in (1, 12, 5):
        engine.step()
        engine.take(Cancel(number))
    engine.run()
    for number in (2, 3, 4, 6, 7, 8, 9, 10, 11):
        assert engine.texts[number, 0] == solo_answers[number - 1]


def test_cancelling_what_waits_or_is_over_or_never_was() -> None:
    engine = LocalEngine(slots=1)
    engine.answer(1, ask("Hello!"))
    engine.take(Submit(2, ask("Hello!")), Submit(3, ask("Hello!")), Cancel(3), Cancel(1), Cancel(77))
    engine.run()
    assert set(engine.ends) == {(1, 0), (2, 0)}


def test_max_tokens_ends_an_answer_for_its_length() -> None:
    engine = LocalEngine()
    assert engine.answer(1, ask("Count from 3 to 9", max_tokens=4)) == "3, 4"
    assert engine.ends[1, 0] == (Finish.LENGTH, 4)


def test_the_end_token_counts_as_generated() -> None:
    engine = LocalEngine()
    assert engine.answer(1, ask("What is 7 + 5?")) == "7 + 5 = 12."
    assert engine.ends[1, 0] == (Finish.STOP, 10)  # 7, +, _, 5, =, _, 1, 2, ., end
    assert engine.accepted[1] == 16


def test_a_full_context_ends_an_answer_for_its_length() -> None:
    engine = LocalEngine()
    engine.take(Submit(1, GenerationRequest(("one two " * 25,), Sampling(seed=3, temperature=2.0), max_tokens=1000)))
    engine.run()
    finish, tokens = engine.ends[1, 0]
    assert tokens <= 256 - engine.accepted[1]
    assert finish is Finish.STOP or tokens == 256 - engine.accepted[1]


def test_the_longest_prompt_has_room_for_one_token() -> None:
    engine = LocalEngine()
    engine.take(Submit(1, GenerationRequest(("1" * 255,), Sampling(seed=0))))
    engine.run()
    assert engine.accepted[1] == 255
    assert engine.ends[1, 0][1] == 1


def test_a_stop_string_cuts_the_answer_before_it() -> None:
    engine = LocalEngine()
    assert engine.answer(1, ask("Count from 3 to 9", stop=(", 6", "zebra"))) == "3, 4, 5"
    assert engine.ends[1, 0][0] is Finish.STOP


def test_without_streaming_all_text_comes_at_once() -> None:
    engine = LocalEngine()
    engine.answer(1, ask("Count from 3 to 9", stream=False))
    assert engine.pieces[1, 0] == ["3, 4, 5, 6, 7, 8, 9."]


def test_the_same_seed_says_the_same_alone_and_in_company() -> None:
    warm = Sampling(seed=11, temperature=1.5, top_p=0.95)
    engine = LocalEngine()
    alone = engine.answer(1, ask("Tell me", sampling=warm))
    assert engine.answer(2, ask("Tell me", sampling=warm)) == alone
    others = [Submit(number, ask(one.text)) for number, one in enumerate(some_questions(6), 10)]
    engine.take(*others, Submit(3, ask("Tell me", sampling=warm)))
    engine.run()
    assert engine.texts[3, 0] == alone
    assert engine.answer(4, ask("Tell me", sampling=Sampling(seed=12, temperature=1.5, top_p=0.95))) != alone


def test_several_choices_of_a_warm_request_differ_and_of_a_cold_one_do_not() -> None:
    engine = LocalEngine()
    engine.take(Submit(1, ask("Tell me", sampling=Sampling(seed=1, temperature=2.0), choices=3)))
    engine.take(Submit(2, ask("Hello!", choices=3)))
    engine.run()
    assert len({engine.texts[1, choice] for choice in range(3)}) == 3
    assert len({engine.texts[2, choice] for choice in range(3)}) == 1


def test_more_than_slots_and_waiting_room_is_refused() -> None:
    engine = LocalEngine(slots=1, waiting_limit=2)
    engine.take(*(Submit(number, ask("Hello!")) for number in range(1, 6)))
    engine.run()
    assert set(engine.ends) == {(1, 0), (2, 0), (3, 0)}
    assert {refused.http_status for refused in engine.refused.values()} == {503}
    assert set(engine.refused) == {4, 5}
