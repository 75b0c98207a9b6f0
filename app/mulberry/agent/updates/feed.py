"""The release feed: one signed document that says which versions there are. docs/updates.md describes it.

Nothing in it is believed before as many release keys as are needed have signed its exact bytes. New keys are believed
when the old ones have signed them, so a copy that is years old follows them one by one from the keys it came with.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pydantic import AwareDatetime

from mulberry.agent.updates.signed import Envelope, NotSigned, is_key, read_envelope, write_envelope
from mulberry.cocoon.strict_json import JsonError, dump, parse_object
from mulberry.model.encoding import from_json
from mulberry.model.language import number, tr
from mulberry.model.update import MOST_RELEASES, Release

MOST_FEED_BYTES = 256 * 2**10
MOST_KEYS = 16
MOST_KEY_CHANGES = 16
LARGEST_SEQUENCE = 2**53
LONGEST_LIFE = timedelta(days=100)  # a feed that is held back from us can hide a newer version for so long
CLOCK_SLACK = timedelta(days=1)  # so far may a computer's clock be behind
FORMAT = 1
FEED_KIND = "application/vnd.mulberry.releases+json"
KEYS_KIND = "application/vnd.mulberry.release-keys+json"

Noun = TypeVar("Noun")


class FeedRefused(Exception):
    """It is not believed. The text is a sentence that quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class ReleaseKeys:
    """So many (`threshold`) of `keys`, Ed25519 in hexadecimal, must sign. Changed keys have the next `version`."""

    version: int
    threshold: int
    keys: tuple[str, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.version < 1 or not 1 <= self.threshold <= len(self.keys) <= MOST_KEYS:
            raise ValueError(f"there are 1 to {MOST_KEYS} release keys, of which at least one must sign")
        if len(set(self.keys)) != len(self.keys) or not all(map(is_key, self.keys)):
            raise ValueError("each release key is another one, of 64 hexadecimal digits")

    def have_signed(self, envelope: Envelope) -> bool:
        return len(envelope.signers(self.keys)) >= self.threshold


@dataclass(frozen=True, slots=True)
class Feed:
    """`sequence` grows with each feed that is published; from `expires` on it says nothing any more."""

    sequence: int
    published: AwareDatetime
    expires: AwareDatetime
    releases: tuple[Release, ...]
    format: int = FORMAT

    def __post_init__(self) -> None:
        if not 1 <= self.sequence <= LARGEST_SEQUENCE:
            raise ValueError("a feed's number lies between 1 and 2^53")
        if not timedelta() < self.expires - self.published <= LONGEST_LIFE:
            raise ValueError(f"a feed lasts for at most {LONGEST_LIFE.days} days")
        if len(self.releases) > MOST_RELEASES:
            raise ValueError(f"a feed has at most {MOST_RELEASES} releases")
        if len({release.version for release in self.releases}) != len(self.releases):
            raise ValueError("a version stands twice in it")


@dataclass(frozen=True, slots=True)
class Opened:
    """A feed that the release keys have signed. `line`: the keys that were trusted, and those that followed them one
    after the other; the last hold now. `digest` is of what was signed."""

    feed: Feed
    line: tuple[ReleaseKeys, ...]
    digest: str

    @property
    def keys(self) -> ReleaseKeys:
        return self.line[-1]


def open_feed(untrusted: bytes, trusted: ReleaseKeys) -> Opened:
    """Proves the signatures; whether it is new enough says `check_time`. Raises `FeedRefused`."""
    if len(untrusted) > MOST_FEED_BYTES:
        raise FeedRefused(tr("The feed is larger than {most} bytes.", most=number(f"{MOST_FEED_BYTES:,}")))
    try:
        document = parse_object(untrusted, unique_keys=True)
        envelope = read_envelope(document.get("feed"))
        changes = document.get("keys", [])
        if not isinstance(changes, list) or len(changes) > MOST_KEY_CHANGES:
            raise FeedRefused(tr("The feed's list of changed keys is none, or too long."))
        line = _follow([read_envelope(change) for change in changes], trusted)
    except (JsonError, NotSigned) as problem:
        raise FeedRefused(tr("The feed is not well formed: {problem}.", problem=problem)) from problem
    if envelope.kind != FEED_KIND:
        raise FeedRefused(tr("What is signed there is no release feed."))
    _demand_signatures(envelope, line[-1], tr("The feed"))
    return Opened(_read(Feed, envelope.payload, tr("The feed")), line, hashlib.sha256(envelope.payload).hexdigest())


def check_time(feed: Feed, now: datetime) -> None:
    """Raises `FeedRefused`: it is of the past, or of the future."""
    if feed.expires <= now:
        raise FeedRefused(
            tr(
                "The feed ended on {date}: nobody has published since, or somebody holds newer ones back.",
                date=feed.expires.date(),
            )
        )
    if feed.published > now + CLOCK_SLACK:
        raise FeedRefused(
            tr(
                "The feed is of {date}, which is still to come. Is this computer's clock right?",
                date=feed.published.date(),
            )
        )


def write_feed(feed: Envelope, key_changes: list[Envelope]) -> bytes:
    """As it lies on the server."""
    return dump({"feed": write_envelope(feed), "keys": [write_envelope(change) for change in key_changes]})


def read_keys(untrusted: bytes) -> ReleaseKeys:
    """Release keys on their own, as they come with Mulberry. Raises `FeedRefused`."""
    return _read(ReleaseKeys, untrusted, tr("The list of release keys"))


def _follow(changes: list[Envelope], trusted: ReleaseKeys) -> tuple[ReleaseKeys, ...]:
    """The trusted keys and those that came after them. What came before them is past, whoever signed it."""
    line = [trusted]
    for change in changes:
        keys = _read(ReleaseKeys, change.payload, tr("A change of the release keys"))
        if change.kind != KEYS_KIND:
            raise FeedRefused(tr("What is signed there is no change of the release keys."))
        if keys.version <= line[-1].version:
            continue
        if keys.version != line[-1].version + 1:
            raise FeedRefused(tr("A change of the release keys is missing."))
        _demand_signatures(change, line[-1], tr("A change of the release keys"))
        if not keys.have_signed(change):
            raise FeedRefused(tr("New release keys have not shown that somebody holds them."))
        line.append(keys)
    return tuple(line)


def _demand_signatures(envelope: Envelope, keys: ReleaseKeys, what: str) -> None:
    found = len(envelope.signers(keys.keys))
    if found < keys.threshold:
        raise FeedRefused(
            tr(
                "{what} is signed by {found} of the release keys; it takes {needed}.",
                what=what,
                found=found,
                needed=keys.threshold,
            )
        )


def _read(kind: type[Noun], untrusted: bytes, what: str) -> Noun:
    """Raises `FeedRefused`."""
    try:
        said = parse_object(untrusted, unique_keys=True)
        if said.get("format") != FORMAT:
            raise FeedRefused(tr("{what} is of another kind than this version of Mulberry reads.", what=what))
        return from_json(kind, untrusted)
    except JsonError as problem:
        raise FeedRefused(tr("{what} is not well formed: {problem}.", what=what, problem=problem)) from problem
    except ValueError as problem:
        raise FeedRefused(
            tr("{what} is not well formed: {problem}.", what=what, problem=str(problem)[:200])
        ) from problem
