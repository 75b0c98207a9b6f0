"""CHANGELOG.md as data: what Debian's changelog and the software centres' releases are made of."""

import datetime as dt
import re
from dataclasses import dataclass

HEADING = re.compile(r"^## (?P<version>\S+) \((?P<day>[^)]*)\)$", re.MULTILINE)
BULLET = re.compile(r"^- (?P<text>.*(?:\n {2}\S.*)*)", re.MULTILINE)
NOT_RELEASED = "not released yet"
MARKS = re.compile(r"[*`]")


@dataclass(frozen=True, slots=True)
class Release:
    """`day` is None while it is not released. `changes` are plain sentences, one paragraph each."""

    version: str
    day: dt.date | None
    changes: tuple[str, ...]

    def at(self, epoch: int) -> dt.datetime:
        """Midnight UTC of its day; of the build's day (`epoch`), while it is not released."""
        built = dt.datetime.fromtimestamp(epoch, dt.UTC)
        return dt.datetime.combine(self.day, dt.time(), dt.UTC) if self.day else built


def releases(text: str) -> list[Release]:
    """The newest first, as they stand in `text`. SystemExit: there is none, or a heading is not `## 1.2.3 (DATE)`."""
    if stray := [line for line in re.findall(r"^## .*$", text, re.MULTILINE) if not HEADING.match(line)]:
        raise SystemExit(f"CHANGELOG.md: a heading must be `## VERSION (YYYY-MM-DD)`: {stray[0]}")
    headings = list(HEADING.finditer(text))
    if not headings:
        raise SystemExit("CHANGELOG.md names no release")
    ends = [*(heading.start() for heading in headings[1:]), len(text)]
    return [
        Release(heading["version"], _day(heading["day"]), _changes(text[heading.end() : end]))
        for heading, end in zip(headings, ends, strict=True)
    ]


def _day(told: str) -> dt.date | None:
    return None if told == NOT_RELEASED else dt.date.fromisoformat(told)


def _changes(text: str) -> tuple[str, ...]:
    return tuple(MARKS.sub("", " ".join(bullet["text"].split())) for bullet in BULLET.finditer(text))
