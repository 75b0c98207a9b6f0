"""Passphrases: what is long enough, what can honestly be said of one's strength, and how a file holds one."""

import os
import stat
import unicodedata
from pathlib import Path

from mulberry.model.errors import UserFacingError
from mulberry.model.language import number, tr

SHORTEST = 8  # characters
COMFORTABLE = 16
LONGEST = 1024


def normal(passphrase: str) -> str:
    """The same for every keyboard: é may be typed as one character or as two (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", passphrase)


def why_unfit(passphrase: str) -> str:
    """A sentence on why it cannot be chosen; "" if it can."""
    if len(normal(passphrase)) < SHORTEST:
        return tr("It needs at least {shortest} characters.", shortest=SHORTEST)
    if len(normal(passphrase)) > LONGEST:
        return tr("It may have {longest} characters at most.", longest=number(f"{LONGEST:,}"))
    return ""


def strength(passphrase: str) -> str:
    """What can be said without knowing how it was chosen: length and variety are seen, chance is not."""
    if unfit := why_unfit(passphrase):
        return unfit
    found = normal(passphrase)
    if len(set(found.casefold())) < SHORTEST - 2:
        return tr("Weak: few different characters. A thief of the file would find it soon.")
    if len(found) < COMFORTABLE:
        return tr("Fair if it is random, weak if it is a word, a name or a date. Longer is better.")
    return tr("Long enough if you rolled its words by chance. Mulberry cannot tell: a quotation is weak at any length.")


def read_passphrase(path: Path) -> str:
    """The first line of a file that only its owner can read (on Windows nobody looks). Raises `UserFacingError`."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            untrusted = file.read(4 * LONGEST + 2)
    except OSError as problem:
        raise _unusable(
            f"{path}: {problem.strerror or problem}.", tr("Correct its name, or make it readable, then try again.")
        ) from problem
    if os.name != "nt" and stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
        why = tr("Other users of this computer may read or change {path}.", path=path)
        raise _unusable(why, tr("Change that with `chmod 600 {path}`, then try again.", path=path))
    try:
        line = untrusted.split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _unusable(
            tr("{path} holds no text.", path=path),
            tr("Write the passphrase into it as one line of UTF-8, then try again."),
        ) from None
    if not line or len(line) > LONGEST:
        raise _unusable(
            tr("The first line of {path} is empty or too long.", path=path),
            tr("Write the passphrase there, then try again."),
        )
    return line


def _unusable(why: str, next_step: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The passphrase file is not usable."),
        why=why,
        next_step=next_step,
    )
