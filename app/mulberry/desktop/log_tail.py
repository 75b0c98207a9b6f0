"""The end of a log file, and what is added to it: read in bounded pieces, over rotation, as lines with their level."""

import os
import re
from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from mulberry.model.text import plain

FIRST_BYTES = 2**19  # of the end: older lines are in the file and its predecessors
READ_BYTES = 2**18  # at once
KEPT_LINES = 5_000
LONGEST_LINE = 2_000  # characters
HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) ", re.ASCII)


class Level(IntEnum):
    """As `logging` counts them."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, fit to be shown. Lines of a trace have the level of the line before them."""

    level: Level
    text: str


class LogTail:
    """`read` again and again, at once where it `has_more`. A file that is new, was rotated or cut off is begun
    anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: deque[LogLine] = deque(maxlen=KEPT_LINES)
        self._file: tuple[int, int] | None = None  # device and inode
        self._offset = 0
        self._rest = b""
        self._skips_first = self.has_more = False
        self._level = Level.INFO

    def read(self) -> tuple[bool, tuple[LogLine, ...]]:
        """Whether it begins anew, and the lines that came, of at most `READ_BYTES`. Raises `OSError`."""
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                begins = self._file != (about.st_dev, about.st_ino) or about.st_size < self._offset
                if begins:
                    self._begin((about.st_dev, about.st_ino), about.st_size)
                file.seek(self._offset)
                untrusted = file.read(READ_BYTES)
        except FileNotFoundError:
            was_there = self._file is not None
            self._file, self.has_more = None, False
            self.lines.clear()
            return was_there, ()
        self._offset += len(untrusted)
        self.has_more = len(untrusted) == READ_BYTES
        found = tuple(self._lines(untrusted))
        self.lines.extend(found)
        return begins, found

    def _begin(self, file: tuple[int, int], size: int) -> None:
        self._file = file
        self._offset = max(0, size - FIRST_BYTES)
        self._skips_first = self._offset > 0  # its beginning is not read
        self._rest = b""
        self._level = Level.INFO
        self.lines.clear()

    def _lines(self, untrusted: bytes) -> list[LogLine]:
        *whole, self._rest = (self._rest + untrusted).split(b"\n")
        if len(self._rest) > READ_BYTES:  # a line without an end
            whole.append(self._rest)
            self._rest = b""
        if self._skips_first and whole:
            self._skips_first = False
            del whole[0]
        return [self._line(line) for line in whole]

    def _line(self, untrusted: bytes) -> LogLine:
        text = untrusted[: 4 * LONGEST_LINE].decode("utf-8", "replace").rstrip("\r")
        head = HEAD.match(text)
        if head is not None:
            self._level = Level[head[1]]
        return LogLine(self._level, plain(text, LONGEST_LINE))


def matching(lines: "deque[LogLine] | tuple[LogLine, ...]", lowest: Level, search: str) -> list[str]:
    """The texts of those at that level or above that have `search` in them, whatever its case."""
    wanted = search.casefold()
    return [line.text for line in lines if line.level >= lowest and wanted in line.text.casefold()]
