"""Strangers' words, made fit to be shown: names, comments and errors come from anybody."""

LONGEST_TEXT = 2_000  # characters; more is nothing to read, and would take long to lay out


def plain(untrusted: str, longest: int = LONGEST_TEXT, *, lines: bool = False) -> str:
    """The text, cut: what cannot be printed, or turns the reading direction, is a space; so is a new line, unless
    `lines`."""
    kept = untrusted[:longest]
    shown = "".join(letter if letter.isprintable() or (lines and letter == "\n") else " " for letter in kept)
    return shown if len(untrusted) <= longest else f"{shown}…"
