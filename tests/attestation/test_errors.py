"""A parser's surprise over a stranger's bytes must end one connection, not the program."""

import pytest

from mulberry.attestation.errors import NotProven, refusing


class Panic(BaseException):
    """What a panic of a Rust extension looks like: not an `Exception`."""


@pytest.mark.parametrize(
    "surprise", [ValueError("bad\x1b[31m\nbytes"), RecursionError(), MemoryError(), Panic("index 7")]
)
def test_every_surprise_is_a_refusal_without_control_characters(surprise: BaseException) -> None:
    with pytest.raises(NotProven, match=r"^it cannot be read") as refused, refusing("it cannot be read"):
        raise surprise
    assert str(refused.value).isprintable()
    assert refused.value.__cause__ is surprise


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "error parsing asn1 value: ParseError { kind: UnexpectedTag }",
            "it cannot be read (error parsing asn1 value)",
        ),
        ("ParseError { kind: ShortData }", "it cannot be read"),
        ("webpki::Error(CertExpired)", "it cannot be read"),
        ("missing field `tcbInfo` at line 1", "it cannot be read (missing field `tcbInfo` at line 1)"),
        ("", "it cannot be read"),
    ],
)
def test_a_librarys_words_go_along_and_its_own_notation_does_not(said: str, told: str) -> None:
    with pytest.raises(NotProven) as refused, refusing("it cannot be read"):
        raise ValueError(said)
    assert str(refused.value) == told


def test_a_refusal_keeps_its_own_words() -> None:
    with pytest.raises(NotProven, match=r"^it is too old$"), refusing("it cannot be read"):
        raise NotProven("it is too old")


def test_who_wants_to_stop_the_program_can() -> None:
    with pytest.raises(KeyboardInterrupt), refusing("it cannot be read"):
        raise KeyboardInterrupt
