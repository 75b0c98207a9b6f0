"""Release keys, feeds and a server for them, for tests of updates."""

import hashlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mulberry.agent.updates.feed import FEED_KIND, KEYS_KIND, Feed, ReleaseKeys, write_feed
from mulberry.agent.updates.signed import Envelope, sign
from mulberry.model.encoding import to_json
from mulberry.model.update import Artefact, Release, ReleaseFile
from samples import NOON

CONTENT = b"the new version, all of it" * 1000


def a_key(number: int) -> Ed25519PrivateKey:
    """Always the same for the same number: a fuzzing corpus was signed with them."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"release key %d" % number).digest())


def public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


MAINTAINERS = tuple(map(a_key, range(3)))
SUCCESSORS = tuple(map(a_key, range(3, 6)))
STRANGER = a_key(9)
KEYS = ReleaseKeys(1, 2, tuple(map(public, MAINTAINERS)))
NEXT_KEYS = ReleaseKeys(2, 2, tuple(map(public, SUCCESSORS)))


def an_artefact(kind: str = "appimage", content: bytes = CONTENT, path: str = "0.2.0/Mulberry.AppImage") -> Artefact:
    return Artefact(kind, "any", "any", path, len(content), hashlib.sha256(content).hexdigest())


DEB, ENGINE = (
    "0.2.0/mulberry_0.2.0-1~debian12_amd64.deb",
    "0.2.0/mulberry-engine_1.31.1+numpy2.4.6-1~debian12_amd64.deb",
)
ENGINE_CONTENT = b"what runs models" * 500


def two_packages() -> Artefact:
    """A Debian package, and the one that is installed with it in one step."""
    return replace(an_artefact("deb", path=DEB), also=(a_file(ENGINE_CONTENT, ENGINE),))


def a_file(content: bytes, path: str) -> ReleaseFile:
    return ReleaseFile(path, len(content), hashlib.sha256(content).hexdigest())


def a_release(version: str = "0.2.0", *artefacts: Artefact, notes: str = "Faster, and fewer mistakes.") -> Release:
    files = artefacts or (an_artefact(), an_artefact("deb", path="0.2.0/mulberry_0.2.0_amd64.deb"))
    return Release(version, date(2026, 11, 20), notes, files)


def a_feed(*releases: Release, sequence: int = 1, at: datetime = NOON, days: float = 30) -> Feed:
    return Feed(sequence, at, at + timedelta(days=days), releases or (a_release(),))


def envelope(feed: Feed, kind: str = FEED_KIND) -> Envelope:
    return Envelope(kind, to_json(Feed, feed), ())


def change(
    keys: ReleaseKeys = NEXT_KEYS, signers: Iterable[Ed25519PrivateKey] = (*MAINTAINERS, *SUCCESSORS)
) -> Envelope:
    """From one set of release keys to the next."""
    return signed_by(Envelope(KEYS_KIND, to_json(ReleaseKeys, keys), ()), signers)


def signed_by(envelope: Envelope, signers: Iterable[Ed25519PrivateKey]) -> Envelope:
    for key in signers:
        envelope = sign(envelope, key)
    return envelope


def published(
    feed: Feed | None = None, signers: Iterable[Ed25519PrivateKey] = MAINTAINERS[:2], changes: Iterable[Envelope] = ()
) -> bytes:
    """The bytes on the server."""
    return write_feed(signed_by(envelope(feed or a_feed()), signers), list(changes))


@dataclass
class FeedServer:
    """Serves `feed` and the `files`, or answers with `status` or another `location`."""

    feed: bytes = field(default_factory=published)
    files: dict[str, bytes] = field(default_factory=lambda: {"0.2.0/Mulberry.AppImage": CONTENT})
    status: int = 200
    location: str = ""
    asked: list[str] = field(default_factory=list)
    told: list[dict[str, str]] = field(default_factory=list)  # the headers of each
    address: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        self.told.append(dict(request.headers))
        if self.location:
            raise web.HTTPFound(self.location)
        if request.path.rstrip("/") == "/releases/feed.json":
            return web.Response(body=self.feed, status=self.status)
        content = self.files.get(request.path.removeprefix("/releases/"))
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content, headers={"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"'})


@asynccontextmanager
async def feed_server(**what: object) -> AsyncIterator[FeedServer]:
    served = replace(FeedServer(), **what)  # type: ignore[arg-type]  # fields by name
    application = web.Application()
    application.router.add_get("/{path:.*}", served.answer)
    async with TestServer(application) as server:
        served.address = str(server.make_url("/releases/feed.json"))
        yield served
