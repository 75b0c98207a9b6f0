"""The demo says "right" and "wrong" of answers, and the model's card says how it does on what it never saw."""

from collections import Counter
from random import Random
from zlib import crc32

import pytest

from mulberry.demo.questions import CAPITALS, Kind, any_question, question


def test_the_same_seed_asks_the_same() -> None:
    one, two = Random(3), Random(3)
    assert [any_question(one) for _ in range(100)] == [any_question(two) for _ in range(100)]


def test_every_kind_is_asked() -> None:
    random = Random(1)
    seen = Counter(any_question(random).kind for _ in range(2000))
    assert set(seen) == set(Kind)
    assert seen[Kind.SUM] > seen[Kind.CAPITAL]


def test_sums_and_counts_are_right() -> None:
    random = Random(2)
    for _ in range(500):
        made = question(Kind.SUM, random)
        left, _, right = made.answer.rstrip(".").partition(" = ")
        a, _, b = left.partition(" + ")
        assert int(a) + int(b) == int(right)
        assert a in made.text
        assert b in made.text
        count = question(Kind.COUNT, random)
        numbers = [int(number) for number in count.answer.rstrip(".").split(", ")]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert count.text == f"Count from {numbers[0]} to {numbers[-1]}"


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        (Kind.TRANSLATION, "To Indonesian: The child drinks milk", "Anak itu minum susu"),
        (Kind.TRANSLATION, "Translate to Indonesian: She has a book", "Dia punya sebuah buku"),
        (Kind.TRANSLATION, "To Indonesian: They have a book", "Mereka punya sebuah buku"),
        (Kind.SENTIMENT, "Sentiment: This hotel is really boring", "negative"),
        (Kind.CAPITAL, "Capital of Kenya", "The capital of Kenya is Nairobi."),
        (Kind.GREETING, "Terima kasih!", "Sama-sama!"),
    ],
)
def test_examples_checked_by_hand(kind: Kind, text: str, answer: str) -> None:
    random = Random(4)
    found = {made.text: made.answer for made in (question(kind, random) for _ in range(20_000))}
    assert found[text] == answer


@pytest.mark.parametrize("kind", [Kind.SUM, Kind.TRANSLATION, Kind.COUNT, Kind.SENTIMENT])
def test_what_is_held_out_is_never_trained_on(kind: Kind) -> None:
    random = Random(5)
    trained = {question(kind, random, held_out=False).text for _ in range(3000)}
    held_out = {question(kind, random, held_out=True).text for _ in range(3000)}
    assert trained
    assert held_out
    assert not trained & held_out


def test_the_split_is_the_one_the_committed_model_was_trained_with() -> None:
    """Another spelling of the kinds, or another hash, would call trained sums unseen."""
    unseen = {(a, b) for a in range(21) for b in range(21) if crc32(repr(("add", a, b)).encode()) % 8 == 0}
    random = Random(6)
    for _ in range(500):
        a, _, b = question(Kind.SUM, random, held_out=True).answer.partition(" = ")[0].partition(" + ")
        assert (int(a), int(b)) in unseen


def test_what_is_too_little_to_split_is_in_both_parts() -> None:
    random = Random(7)
    for held_out in (True, False):
        asked = {question(Kind.CAPITAL, random, held_out=held_out).answer for _ in range(500)}
        assert len(asked) == len(CAPITALS)
