"""Strangers' words, made fit to be shown: names, comments and errors come from anybody."""

NAMES = ("Cocoon", "Intel", "Kepler", "Linux", "Maxwell", "Mulberry", "Pascal", "Turing", "Volta", "Windows")
LONGEST_TEXT = 2_000  # characters; more is nothing to read, and would take long to lay out


def plain(untrusted: str, longest: int = LONGEST_TEXT, *, lines: bool = False) -> str:
    """The text, cut: what cannot be printed, or turns the reading direction, is a space; so is a new line, unless
    `lines`."""
    kept = untrusted[:longest]
    shown = "".join(letter if letter.isprintable() or (lines and letter == "\n") else " " for letter in kept)
    return shown if len(untrusted) <= longest else f"{shown}…"


def as_a_part(sentence: str) -> str:
    """The sentence as a part of another one: no full stop; names and abbreviations keep their capitals."""
    first = sentence.partition(" ")[0]
    is_ordinary = (first[1:].islower() or len(first) == 1) and first.removesuffix("'s") not in NAMES
    return (sentence[:1].lower() + sentence[1:] if is_ordinary else sentence).rstrip(".")
