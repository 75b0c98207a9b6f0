"""Passphrases: what is long enough, what can honestly be said of one's strength, and how a file holds one."""

import os
import stat
import unicodedata
from pathlib import Path

from mulberry.model.errors import UserFacingError

SHORTEST = 8  # characters
COMFORTABLE = 16
LONGEST = 1024


def normal(passphrase: str) -> str:
    """The same for every keyboard: é may be typed as one character or as two (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", passphrase)


def why_unfit(passphrase: str) -> str:
    """A sentence on why it cannot be chosen; "" if it can."""
    if len(normal(passphrase)) < SHORTEST:
        return f"It needs at least {SHORTEST} characters."
    if len(normal(passphrase)) > LONGEST:
        return f"It may have {LONGEST:,} characters at most."
    return ""


def strength(passphrase: str) -> str:
    """What can be said without knowing how it was chosen: length and variety are seen, chance is not."""
    if unfit := why_unfit(passphrase):
        return unfit
    found = normal(passphrase)
    if len(set(found.casefold())) < SHORTEST - 2:
        return "Weak: few different characters. A thief of the file would find it soon."
    if len(found) < COMFORTABLE:
        return "Fair if it is random, weak if it is a word, a name or a date. Longer is better."
    return "Long enough if you rolled its words by chance. Mulberry cannot tell: a quotation is weak at any length."


def read_passphrase(path: Path) -> str:
    """The first line of a file that only its owner can read (on Windows nobody looks). Raises `UserFacingError`."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            untrusted = file.read(4 * LONGEST + 2)
    except OSError as problem:
        raise _unusable(f"{path}: {problem.strerror or problem}.", "Correct its name, or make it readable") from problem
    if os.name != "nt" and stat.S_ISREG(found.st_mode) and found.st_mode & 0o077:
        why = f"Other users of this computer may read or change {path}."
        raise _unusable(why, f"Change that with `chmod 600 {path}`")
    try:
        line = untrusted.split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        raise _unusable(f"{path} holds no text.", "Write the passphrase into it as one line of UTF-8") from None
    if not line or len(line) > LONGEST:
        raise _unusable(f"The first line of {path} is empty or too long.", "Write the passphrase there")
    return line


def _unusable(why: str, next_step: str) -> UserFacingError:
    return UserFacingError(
        what="The passphrase file is not usable.", why=why, next_step=f"{next_step}, then try again."
    )
