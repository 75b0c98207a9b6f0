"""Strangers' words, made fit to be shown: names, comments and errors come from anybody."""

from mulberry.model.language import ENGLISH, spoken

NAMES = ("Cocoon", "Intel", "Kepler", "Linux", "Maxwell", "Mulberry", "Pascal", "Turing", "Volta", "Windows")
LONGEST_TEXT = 2_000  # characters; more is nothing to read, and would take long to lay out


def plain(untrusted: str, longest: int = LONGEST_TEXT, *, lines: bool = False) -> str:
    """The text, cut: what cannot be printed, or turns the reading direction, is a space; so is a new line, unless
    `lines`."""
    kept = shown = untrusted[:longest]
    if not kept.isprintable():
        shown = "".join(letter if letter.isprintable() or (lines and letter == "\n") else " " for letter in kept)
    return shown if len(untrusted) <= longest else f"{shown}…"


def as_a_part(sentence: str) -> str:
    """The sentence as a part of another one: no full stop; names and abbreviations keep their capitals.

    In other languages than English each word keeps them: German writes every noun with one.
    """
    if spoken() != ENGLISH:
        return sentence.rstrip(".")
    first = sentence.partition(" ")[0]
    is_ordinary = (first[1:].islower() or len(first) == 1) and first.removesuffix("'s") not in NAMES
    return (sentence[:1].lower() + sentence[1:] if is_ordinary else sentence).rstrip(".")
