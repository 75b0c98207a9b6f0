"""What is remembered about updates, for all networks of this computer: `<data>/updates/`.

An older feed than one that was seen is refused, after a restart too: what was seen is on disk before it is acted on.
"""

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime

from mulberry.agent.updates import words
from mulberry.agent.updates.feed import MOST_FEED_BYTES, Feed, FeedRefused, Opened, ReleaseKeys, check_time, open_feed
from mulberry.model.clock import Clock
from mulberry.model.encoding import from_json, to_json
from mulberry.model.files import keep_aside, read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.update import MOST_RELEASES, Release, Version

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """`sequence`, `digest` and `keys` are of the newest feed that was believed, wherever it came from, and `before` are
    the release keys from which those were reached; None: a version that did not write them down. `feed` is the address
    that was asked last.

    `handed_over` is the version whose installer was begun, `fetched` the SHA-256 of what was fetched and checked.
    """

    feed: str = ""
    sequence: int = 0
    digest: str = ""
    keys: ReleaseKeys | None = None
    before: tuple[ReleaseKeys, ...] | None = None
    checked_at: AwareDatetime | None = None
    skipped: tuple[str, ...] = ()
    quiet_about: str = ""
    quiet_until: AwareDatetime | None = None
    fetched: str = ""
    handed_over: str = ""

    def __post_init__(self) -> None:
        if self.handed_over:
            Version.read(self.handed_over)

    def is_of(self, pinned: ReleaseKeys) -> bool:
        """Whether this holds for a copy of Mulberry that came with those keys. Not for another packager's, nor for one
        with keys that were never seen here: whatever those have signed is newer than all that was."""
        return self.before is None or pinned in (*self.before, self.keys)

    def trusted(self, pinned: ReleaseKeys) -> ReleaseKeys:
        """The release keys to believe a feed with: those that came with this copy, or newer ones it has followed."""
        followed = self.keys if self.is_of(pinned) else None
        return followed if followed is not None and followed.version > pinned.version else pinned

    def after(self, feed: str, opened: Opened, pinned: ReleaseKeys, now: datetime) -> "Memory":
        """Having seen that feed. Raises `FeedRefused`: it is older than another one, or another one of its number.

        The numbers go with the keys and not with the address, or another address would be a way back.
        """
        new, before = opened.feed.sequence, {pinned, *opened.line}
        if self.is_of(pinned):
            if new < self.sequence:
                raise FeedRefused(
                    tr("The feed has the number {new}, and number {seen} was seen before.", new=new, seen=self.sequence)
                )
            if new == self.sequence and opened.digest != self.digest:
                raise FeedRefused(
                    tr("There are two feeds with the number {new}: somebody shows not everybody the same.", new=new)
                )
            before |= {*(self.before or ())}
        return replace(
            self,
            feed=feed,
            sequence=new,
            digest=opened.digest,
            keys=opened.keys,
            before=tuple(sorted(before - {opened.keys}, key=lambda keys: keys.version)),
            checked_at=now,
        )

    def without(self, version: str) -> "Memory":
        return replace(self, skipped=(*self.skipped, version)[-MOST_RELEASES:])

    def is_quiet(self, version: str, now: datetime) -> bool:
        return version == self.quiet_about and self.quiet_until is not None and now < self.quiet_until


class Shelf:
    """The folder, and what of it is believed with the keys that this copy came with: `memory`, and the `feed` that was
    seen last. Its calls block for a moment, and raise `OSError`."""

    def __init__(self, folder: Path, clock: Clock, pinned: ReleaseKeys | None, on_change: Callable[[], None]) -> None:
        self.folder = folder
        self.lock = folder / "lock"
        self.memory = Memory()
        self.feed: Feed | None = None
        self._clock = clock
        self._pinned = pinned
        self._on_change = on_change
        self._memory_file = folder / "memory.json"
        self._feed_file = folder / "feed.json"

    def create(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def look(self) -> None:
        """Takes what is on disk: another network's agent may know more by now."""
        self._take(self._load())

    def remember(self, change: Callable[[Memory], Memory]) -> None:
        """Makes the change to what is on disk by now."""
        memory = change(self._load())
        self._save(memory)
        self._take(memory)

    def learn(self, address: str, untrusted_feed: bytes, *, forgets_skipped: bool) -> None:
        """Believes that feed, which came from `address`. Raises `FeedRefused`, and then nothing has changed."""
        if self._pinned is None:
            raise FeedRefused(words.NO_KEYS)
        self.look()  # its owner may have decided something through another network's agent
        now = self._clock.now()
        opened = open_feed(untrusted_feed, self.memory.trusted(self._pinned))
        memory = self.memory.after(address, opened, self._pinned, now)
        check_time(opened.feed, now)
        if forgets_skipped:
            memory = replace(memory, skipped=())
        self.create()
        write_whole(self._feed_file, untrusted_feed)
        self._save(memory)
        self.memory, self.feed = memory, opened.feed

    def _take(self, memory: Memory) -> None:
        if memory != self.memory:
            self.memory, self.feed = memory, self._proven(memory)
            self._on_change()

    def _load(self) -> Memory:
        """What cannot be read is kept aside: nothing is known then, as on a new computer."""
        try:
            untrusted = read_bounded(self._memory_file)
            return Memory() if untrusted is None else from_json(Memory, untrusted)
        except ValueError as problem:
            log.warning("%s is kept aside: %s", keep_aside(self._memory_file, self._clock), problem)
            return Memory()

    def _save(self, memory: Memory) -> None:
        self.create()
        write_whole(self._memory_file, to_json(Memory, memory))

    def _proven(self, memory: Memory) -> Feed | None:
        """The feed that was believed last, proven anew: this copy may have come with newer keys. None: there is none,
        or it is not the one remembered."""
        if self._pinned is None:
            return None
        try:
            untrusted = read_bounded(self._feed_file, MOST_FEED_BYTES)
            opened = None if untrusted is None else open_feed(untrusted, memory.trusted(self._pinned))
        except (ValueError, FeedRefused) as problem:
            log.warning("the feed that was kept is not used: %s", problem)
            return None
        return opened.feed if opened is not None and opened.digest == memory.digest else None

    def place(self, release: Release) -> Path:
        """Where its files lie when they are fetched."""
        return self.folder / release.version

    def clear(self, keep: str = "") -> None:
        """Removes what was fetched, but for the version to `keep`."""
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.is_dir() and not path.is_symlink() and path.name != keep and _is_version(path.name):
                shutil.rmtree(path)


def _is_version(name: str) -> bool:
    try:
        Version.read(name)
    except ValueError:
        return False
    return True
