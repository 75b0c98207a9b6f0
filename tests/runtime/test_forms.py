"""What a request asks beyond plain text (JSON, thoughts, scores) is kept to by a real model, in company."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from mulberry.runtime.child.batcher import _keep_to_form
from mulberry.runtime.child.grammar import Automaton, Form, Formed, Vocabulary
from mulberry.runtime.child.schema import grammar_of
from mulberry.runtime.child.text import token_bytes
from mulberry.runtime.child.thinking import Markers, Stage, stage_after
from mulberry.runtime.wire import Finish, GenerationRequest, Sampling, Submit
from tiny_model import LocalEngine, ask, some_questions, tiny_tokenizer

WARM = Sampling(seed=3, temperature=1.5)
PERSON = {
    "type": "object",
    "properties": {
        "name": {"enum": ["Ada", "Ade"]},
        "mood": {"enum": ["good", "bad"]},
        "ages": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["name", "mood", "ages"],
    "additionalProperties": False,
}


def formed(schema: Any, **more: Any) -> GenerationRequest:
    return replace(ask("Hello!", max_tokens=None), schema=json.dumps(schema), **more)


def test_a_model_that_knows_no_json_writes_json() -> None:
    engine = LocalEngine()
    warm = Sampling(seed=0, temperature=1.0)
    engine.take(Submit(1, formed(PERSON, sampling=warm, max_tokens=150, choices=8)))
    engine.run()
    written = [json.loads(engine.texts[who]) for who, (finish, _) in engine.ends.items() if finish is Finish.STOP]
    assert written, "not one answer came to its end"
    for person in written:
        assert list(person) == ["name", "mood", "ages"]
        assert person["name"] in ("Ada", "Ade") and person["mood"] in ("good", "bad")
        assert len(person["ages"]) <= 3 and all(type(age) is int for age in person["ages"])


def test_a_text_without_end_stays_json_as_far_as_it_came() -> None:
    engine = LocalEngine()
    text = engine.answer(1, formed({"type": "object"}, sampling=Sampling(seed=2, temperature=2.0), max_tokens=100))
    grammar = Automaton(grammar_of('{"type": "object"}'))
    assert grammar.after_all(grammar.start, text.rstrip("\ufffd").encode()) is not None
    assert engine.ends[1, 0][1] >= 1


def test_an_answer_of_one_word_out_of_two() -> None:
    engine = LocalEngine()
    assert engine.answer(1, formed({"enum": ["negative", "positive"]})) in ('"negative"', '"positive"')
    assert engine.ends[1, 0][0] is Finish.STOP


def test_forms_do_not_touch_their_neighbours_and_neighbours_not_them() -> None:
    engine = LocalEngine()
    alone = engine.answer(1, formed(PERSON, sampling=WARM))
    questions = some_questions(8)
    solo = [engine.answer(10 + number, ask(one.text)) for number, one in enumerate(questions)]
    engine.take(*(Submit(30 + number, ask(one.text)) for number, one in enumerate(questions)))
    engine.take(Submit(2, formed(PERSON, sampling=WARM)))
    engine.run()
    assert engine.texts[2, 0] == alone
    assert [engine.texts[30 + number, 0] for number in range(8)] == solo


def test_a_schema_that_cannot_be_kept_is_refused_by_name() -> None:
    engine = LocalEngine()
    engine.take(Submit(1, formed({"type": "string", "pattern": "^a+$"})), Submit(2, ask("Hello!")))
    engine.run()
    refused = engine.refused[1]
    assert (refused.http_status, refused.code, refused.parameter) == (400, "unsupported_schema", "response_format")
    assert "'pattern'" in refused.text
    assert engine.texts[2, 0] == "Hello! How can I help you today?"


def test_a_form_that_takes_too_long_ends_its_answer_and_nobody_elses() -> None:
    hours = count()
    vocabulary = Vocabulary(token_bytes(tiny_tokenizer()), frozenset({2}), 512)
    form = Form(grammar_of('{"type": "object"}'), vocabulary, clock=lambda: 3600.0 * next(hours))
    answer = Formed(form)
    assert not answer.is_exhausted
    assert answer.allowed.any()
    assert answer.is_exhausted


@pytest.mark.parametrize("number", [-np.inf, np.nan, np.inf])
def test_a_model_without_numbers_keeps_to_the_form_all_the_same(number: float) -> None:
    vocabulary = Vocabulary(token_bytes(tiny_tokenizer()), frozenset({2}), 512)
    answer = Formed(Form(grammar_of('{"type": "object"}'), vocabulary))
    row = np.full(512, number, np.float32)
    _keep_to_form(row, answer, None)
    assert answer.allowed[row.argmax()]


def test_a_bomb_of_choices_is_answered_in_time() -> None:
    """Objects that all begin alike, in others that do: every byte has as many readings as are kept."""
    inner: Any = {"type": "integer"}
    for _ in range(2):
        names = [f"{'a' * 20}{number}" for number in range(20)]
        inner = {"anyOf": [{"type": "object", "properties": {name: inner}, "required": [name]} for name in names]}
    engine = LocalEngine()
    engine.take(Submit(1, formed(inner, sampling=WARM, max_tokens=80)), Submit(2, ask("Hello!")))
    engine.run()
    assert (1, 0) in engine.ends
    assert engine.texts[2, 0] == "Hello! How can I help you today?"


COUNT = "3, 4, 5, 6, 7, 8, 9."


def test_thoughts_are_told_apart_and_counted() -> None:
    engine = LocalEngine(thinking=("3", "7"))
    assert engine.answer(1, ask("Count from 3 to 9", stop=("5",))) == ", 8, 9.", "stop strings do not end thoughts"
    assert engine.thoughts[1, 0] == ", 4, 5, 6, "
    reasoning, _ = engine.details[1, 0]
    _, tokens = engine.ends[1, 0]
    plain = LocalEngine()
    plain.answer(1, ask("Count from 3 to 9"))
    assert tokens == plain.ends[1, 0][1], "thoughts are paid for"
    assert 7 <= reasoning <= 11


def test_a_model_that_does_not_open_its_thoughts_speaks_at_once() -> None:
    engine = LocalEngine(thinking=("4", "7"))
    assert engine.answer(1, ask("Count from 3 to 9")) == COUNT
    assert (1, 0) not in engine.thoughts


def test_thoughts_may_come_before_a_form() -> None:
    engine = LocalEngine(thinking=("3", "7"))
    question = replace(ask("Count from 3 to 9", max_tokens=150), schema='{"enum": [12]}')
    assert engine.answer(1, question) == "12"
    assert engine.thoughts[1, 0] == ", 4, 5, 6, "


def test_an_answer_that_ends_in_its_thoughts_has_no_text() -> None:
    engine = LocalEngine(thinking=("3", "Z"))
    assert engine.answer(1, ask("Count from 3 to 9", max_tokens=4)) == ""
    assert engine.thoughts[1, 0] == ", 4"
    assert engine.ends[1, 0] == (Finish.LENGTH, 4)


def test_plain_prompts_have_no_thoughts() -> None:
    engine = LocalEngine(thinking=("3", "7"))
    turns = "<|im_start|>user\nCount from 3 to 9<|im_end|>\n<|im_start|>assistant\n"
    engine.answer(1, GenerationRequest((turns,), Sampling(seed=0), max_tokens=30))
    assert not engine.thoughts


def test_a_scored_answer_tells_how_likely_it_was() -> None:
    engine = LocalEngine()
    known = replace(ask("What is 7 + 5?"), scored=True)
    wild = replace(ask("What is 7 + 5?", sampling=Sampling(seed=1, temperature=2.0)), scored=True)
    engine.take(Submit(1, known), Submit(2, wild), Submit(3, ask("Hello!")))
    engine.run()
    assert -0.1 < engine.details[1, 0][1] <= 0
    assert engine.details[2, 0][1] < engine.details[1, 0][1]
    assert (3, 0) not in engine.details


def test_control_tokens_are_shown_to_whoever_asks() -> None:
    engine = LocalEngine()
    wild = GenerationRequest(("x",), Sampling(seed=5, temperature=2.0, top_p=1.0), max_tokens=200)
    seeds = range(1, 40)
    for number in seeds:
        told = replace(wild, sampling=Sampling(number, 2.0))
        engine.take(Submit(number, replace(told, shows_control_tokens=True)), Submit(number + 100, told))
    engine.run()
    shown = [engine.texts.get((number, 0), "") for number in seeds]
    hidden = [engine.texts.get((number + 100, 0), "") for number in seeds]
    assert any("<|im_start|>" in text or "<|endoftext|>" in text for text in shown)
    assert [text.replace("<|im_start|>", "").replace("<|endoftext|>", "") for text in shown] == hidden


@pytest.mark.parametrize(
    ("name", "value", "possible"),
    [
        ("enable_thinking", False, True),
        ("enable_thinking", True, False),
        ("reasoning_effort", "medium", True),
        ("reasoning_effort", "high", False),
        ("verbosity", "low", False),
    ],
)
def test_what_the_template_does_not_read_must_be_so_anyway(name: str, value: bool | str, possible: bool) -> None:
    engine = LocalEngine()
    engine.take(Submit(1, replace(ask("Hello!"), template_options=((name, value),))))
    engine.run()
    assert ((1, 0) in engine.ends) == possible
    if not possible:
        assert engine.refused[1].parameter == name


def test_marker_tokens_in_a_customers_words_open_no_thoughts() -> None:
    engine = LocalEngine(thinking=("!", "Z"))
    assert engine.answer(1, ask("Hello!")) == "Hello! How can I help you today?"


@pytest.mark.parametrize(
    ("opening", "stage"),
    [
        ([], Stage.UNDECIDED),
        ([7, 8], Stage.UNDECIDED),
        ([7, 1, 8], Stage.THINKING),
        ([1, 8, 2, 8], Stage.SPEAKING),
        ([1, 2, 1], Stage.THINKING),
    ],
)
def test_a_template_may_have_opened_or_closed_the_thoughts(opening: list[int], stage: Stage) -> None:
    assert stage_after(opening, Markers(1, 2)) is stage
