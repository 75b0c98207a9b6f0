"""Ends a piece of work before its n-th change of the file system, as a power cut would: nothing after it is written."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class SuddenEnd(BaseException):
    """Raised by every change from the chosen one on."""


class _Power:
    left: int | None = None  # changes until the end; None: no end is planned
    installed = False


@contextmanager
def power_for(changes: int) -> Iterator[None]:
    """So many changes happen within the block, the next ones do not."""
    if not _Power.installed:
        sys.addaudithook(_watch)  # cannot be taken away, so it looks at `left` first
        _Power.installed = True
    _Power.left = changes
    try:
        yield
    finally:
        _Power.left = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _Power.left is None:
        return
    if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & TO_WRITE):
        if _Power.left == 0:
            raise SuddenEnd
        _Power.left -= 1
