"""Fetches files over HTTP that may break off, lie or never end, and goes on where it was.

What comes is counted and hashed on its way. It goes on behind the part that is there already only when the server
says by a strong ETag that the file is the same (RFC 9110, 13.1.5 and 14), or when a file of that name never changes;
the hash decides in the end anyhow.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin

import aiohttp

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import number, tr, tr_count
from mulberry.model.shown import shown
from mulberry.runtime.manifest import MANIFEST_LIMIT_BYTES
from mulberry.runtime.models import HASH_BLOCK_BYTES
from mulberry.runtime.store.addresses import check_address, check_onward, refused_address, without_secrets
from mulberry.runtime.store.disk import Disk

CONNECT_SECONDS = 30.0
SILENCE_SECONDS = 60.0
PAUSES_SECONDS = (1.0, 3.0, 10.0, 30.0)  # before each further try
WORTH_ANOTHER_ROUND_BYTES = 1 << 20  # so much more than ever before starts the pauses anew
CHUNK_BYTES = 1 << 20
REDIRECTS_LIMIT = 5
ETAG_LIMIT = 256
STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]*"')
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class Announced(Protocol):
    """What a file must be. `name` is for its owner's eyes."""

    @property
    def name(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...


class Interrupted(Exception):
    """It may go on with the next try. The text is a sentence."""


@asynccontextmanager
async def a_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Takes bodies as they are sent, waits for silent servers for a while only, knows no proxies and no cookies, and
    tells no versions."""
    timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
    async with aiohttp.ClientSession(
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        headers={"User-Agent": "Mulberry"},
    ) as session:
        yield session


async def fetch_manifest(session: aiohttp.ClientSession, address: str) -> bytes:
    """At most one byte more than allowed. Raises `UserFacingError`."""
    try:
        async with _asking(session, address, {}) as response:
            if response.status != 200:
                raise _server_says(address, tr("It answered with status {status}.", status=response.status))
            untrusted = bytearray()
            async for part in response.content.iter_chunked(HASH_BLOCK_BYTES):
                untrusted += part
                if len(untrusted) > MANIFEST_LIMIT_BYTES:
                    break
            return bytes(untrusted)
    except (aiohttp.ClientError, OSError, TimeoutError) as problem:
        raise _server_says(address, tr("It could not be reached ({why}).", why=_in_words(problem))) from problem


class Download:
    """One file, from `address` to `target`. `mark` keeps the ETag of what is there of it already. `what` begins the
    sentences about it; one that `never_changes` may go on without an ETag. So often (`redirects`) may a server send us
    on to another allowed address.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        expected: Announced,
        target: Path,
        mark: Path,
        disk: Disk,
        *,
        what: str = "",
        never_changes: bool = False,
        redirects: int = REDIRECTS_LIMIT,
    ) -> None:
        self._session = session
        self._address = address
        self._expected = expected
        self._target = target
        self._mark = mark
        self._disk = disk
        self._what = what
        self._never_changes = never_changes
        self._redirects = redirects
        self._there = 0
        self._digest = hashlib.sha256()

    async def run(self, progress: Callable[[int], None]) -> None:
        """`progress` gets the bytes that are there of it. Raises `UserFacingError`, and `OSError` of the disk."""
        await asyncio.to_thread(self._look_at_the_part)
        progress(self._there)
        tries, furthest = 0, self._there
        while self._there < self._expected.size or not self._is_right():
            try:
                await self._fetch(progress)
            except Interrupted as cut:
                if self._there - furthest >= WORTH_ANOTHER_ROUND_BYTES:
                    tries, furthest = 0, self._there
                if tries == len(PAUSES_SECONDS):
                    raise self._says(f"{cut} {_tried(tries + 1)}") from cut
                await asyncio.sleep(PAUSES_SECONDS[tries])
                tries += 1
        self._mark.unlink(missing_ok=True)

    def _look_at_the_part(self) -> None:
        if not self._target.exists():
            if self._expected.size == 0:
                self._disk.append(self._target).close()
            return
        if self._target.stat().st_size > self._expected.size:
            self._forget()
            return
        with self._target.open("rb") as file:
            while block := file.read(HASH_BLOCK_BYTES):
                self._digest.update(block)
                self._there += len(block)
        if self._there == self._expected.size and not self._is_right():
            self._forget()

    def _is_right(self) -> bool:
        return self._digest.hexdigest() == self._expected.sha256

    def _forget(self) -> None:
        self._target.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)
        self._there = 0
        self._digest = hashlib.sha256()

    async def _fetch(self, progress: Callable[[int], None]) -> None:
        headers = {}
        tag = self._mark.read_text("ascii") if self._mark.exists() else ""
        if self._there and (tag or self._never_changes):
            headers = {"Range": f"bytes={self._there}-"} | ({"If-Range": tag} if tag else {})
        try:
            async with _asking(self._session, self._address, headers, self._redirects) as response:
                self._check_head(response, tag, goes_on=bool(headers))
                await self._take_body(response, progress)
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as problem:
            raise Interrupted(tr("The connection broke off ({why}).", why=_in_words(problem))) from problem
        if self._there < self._expected.size:
            raise Interrupted(tr("The server stopped before the end."))
        if not self._is_right():
            self._forget()
            if headers and not tag:
                raise Interrupted(tr("What was here already was another file's beginning."))
            raise self._says(
                tr("What it sends as {name} is another file: the SHA-256 differs.", name=self._expected.name)
            )

    def _check_head(self, response: aiohttp.ClientResponse, tag: str, *, goes_on: bool) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._says(tr("It sends the file in another encoding than asked."))
        if response.status == 206 and goes_on:
            found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            whole = (self._there, self._expected.size - 1, self._expected.size)
            is_another = bool(tag) and response.headers.get("ETag", tag) != tag
            if found is None or tuple(map(int, found.groups())) != whole or is_another:
                self._forget()
                raise Interrupted(tr("The server went on with another part than asked, or with another file."))
            return
        if response.status == 200:
            self._forget()
            self._check_length(response)
            new_tag = response.headers.get("ETag", "")
            if len(new_tag) <= ETAG_LIMIT and STRONG_ETAG.fullmatch(new_tag):
                self._mark.write_text(new_tag, "ascii")
            return
        if response.status in (416, 429) or response.status >= 500:
            if response.status == 416:
                self._forget()
            raise Interrupted(tr("The server answered with status {status}.", status=response.status))
        raise self._says(
            tr("It answered with status {status} for {name}.", status=response.status, name=self._expected.name)
        )

    def _check_length(self, response: aiohttp.ClientResponse) -> None:
        announced = response.content_length
        if announced is not None and announced != self._expected.size:
            raise self._says(
                tr(
                    "It announces {announced} bytes for {name}, which has {size}.",
                    announced=number(f"{announced:,}"),
                    name=self._expected.name,
                    size=number(f"{self._expected.size:,}"),
                )
            )

    async def _take_body(self, response: aiohttp.ClientResponse, progress: Callable[[int], None]) -> None:
        with self._disk.append(self._target) as file:
            async for untrusted_part in response.content.iter_chunked(CHUNK_BYTES):
                if self._there + len(untrusted_part) > self._expected.size:
                    file.close()
                    self._forget()
                    raise self._says(tr("It sends more for {name} than that has.", name=self._expected.name))
                await asyncio.to_thread(file.write, untrusted_part)
                file.flush()
                self._digest.update(untrusted_part)
                self._there += len(untrusted_part)
                progress(self._there)

    def _says(self, why: str) -> UserFacingError:
        return _server_says(self._address, why, self._what)


@asynccontextmanager
async def _asking(
    session: aiohttp.ClientSession, address: str, headers: dict[str, str], redirects: int = REDIRECTS_LIMIT
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Follows redirects, each to an allowed address only."""
    check_address(address)
    for _ in range(redirects + 1):
        async with session.get(
            address, headers={"Accept-Encoding": "identity", **headers}, allow_redirects=False
        ) as response:
            if response.status not in (301, 302, 303, 307, 308):
                yield response
                return
            onward = _onward(address, response.headers.get("Location", ""))
            check_onward(address, onward)
            address = onward
    sent_on = tr("It sent us on to another address.")
    if redirects:
        sent_on = tr_count("It sent us on more than {count} time.", "It sent us on more than {count} times.", redirects)
    raise _server_says(address, sent_on)


def _tried(times: int) -> str:
    return tr_count("It was tried {count} time.", "It was tried {count} times.", times)


def _onward(address: str, untrusted_location: str) -> str:
    try:
        return urljoin(address, untrusted_location)
    except ValueError:
        raise refused_address(untrusted_location, tr("It is not well formed.")) from None


def _server_says(address: str, why: str, what: str = "") -> UserFacingError:
    return UserFacingError(
        what=tr(
            "{what} could not be fetched from {address}.",
            what=what or tr("The model"),
            address=without_secrets(address),
        ),
        why=why,
        next_step=tr("Try again later: what is here already is kept. If it stays so, ask whoever offers it."),
        whose_turn=WhoseTurn.YOU,
    )


def _in_words(problem: Exception) -> str:
    """It may quote the server."""
    if isinstance(problem, aiohttp.ClientResponseError):
        return tr("what it answers is not HTTP")
    return shown(str(problem).partition("\n")[0], 200) or type(problem).__name__
