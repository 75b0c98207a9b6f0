"""The one way in which a proof fails."""

from collections.abc import Iterator
from contextlib import contextmanager


class NotProven(Exception):
    """A peer did not show what it must. The text says what was wrong, without a full stop; it names no secrets."""


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Around other people's parsers: whatever they raise over a stranger's bytes becomes a `NotProven`: `what`.

    Their errors are many and undocumented, and a panic of one written in Rust is no `Exception` at all.
    """
    try:
        yield
    except (NotProven, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:
        said = "".join(letter for letter in " ".join(str(problem)[:200].split()) if " " <= letter <= "~")
        raise NotProven(f"{what} ({said or type(problem).__name__})") from problem
