"""The ways in which a proof fails: it is wrong, or it cannot be checked here."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

CODE = re.compile(r"[:(\s]*\w+(\s*{|::|\()")  # where a library's words turn into its own notation

# A certificate that is no good is refused in words; the library's own go past them to the terminal.
warnings.filterwarnings("ignore", "Parsed a serial number", UserWarning)

log = logging.getLogger(__name__)


class NotProven(Exception):
    """A peer did not show what it must. The text says what was wrong, without a full stop; it names no secrets."""


class NotCheckable(NotProven):
    """What was shown may be right, but what is needed to check it is not here, or has expired. As good as nothing."""


def sentence(problem: NotProven) -> str:
    """Its text as a sentence of its own."""
    words = str(problem)
    return f"{words[:1].upper()}{words[1:]}."


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Around other people's parsers: whatever they raise over a stranger's bytes becomes a `NotProven`: `what`.

    Their errors are many and undocumented, and a panic of one written in Rust is no `Exception` at all. What they say
    in words goes with it; all of it, for who looks into a case, is in the log.
    """
    try:
        yield
    except (NotProven, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:
        said = "".join(letter for letter in " ".join(str(problem)[:200].split()) if " " <= letter <= "~")
        log.info("%s: %s: %s", what, type(problem).__name__, said)
        words = CODE.split(said, maxsplit=1)[0]
        raise NotProven(f"{what} ({words})" if words else what) from problem
