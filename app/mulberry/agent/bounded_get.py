"""One GET over HTTP, bounded in size and time, without redirects, cookies and proxies.

A service on this computer may show a certificate that it made itself, so there TLS proves nothing and is not asked to.
"""

import asyncio
import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

from mulberry.attestation.collateral_fetch import MOST_ANSWER_BYTES, Answer
from mulberry.model.language import number, tr

PATIENCE_SECONDS = 8.0
MOST_HEADER_BYTES = 16 * 2**10  # a chain of certificates may be in one


class NoAnswer(Exception):
    """None came, or none that may be taken. The text is a sentence, without the address."""


async def bounded_get(
    url: str, patience_seconds: float = PATIENCE_SECONDS, *, most_bytes: int = MOST_ANSWER_BYTES
) -> Answer:
    """Whatever its status is. Raises `NoAnswer`."""
    try:
        async with (
            asyncio.timeout(patience_seconds),
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_field_size=MOST_HEADER_BYTES,
                headers={"Accept-Encoding": "identity", "User-Agent": "Mulberry"},
            ) as session,
            session.get(url, allow_redirects=False, ssl=not is_here(urlsplit(url).hostname or "")) as response,
        ):
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, await _bounded(response, most_bytes))
    except TimeoutError as problem:
        raise NoAnswer(tr("It did not answer within {seconds} s.", seconds=f"{patience_seconds:.0f}")) from problem
    except (aiohttp.ClientError, OSError, ValueError) as problem:
        raise NoAnswer(tr("It could not be reached ({why}).", why=_words(problem))) from problem


def web_address(address: str) -> str:
    """An address that may be asked. Raises `ValueError`: it is none."""
    parts = urlsplit(address)
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.fragment
        or parts.username
        or parts.password
    ):
        raise ValueError(tr("an address begins with https:// and has no name or password in it"))
    if parts.scheme == "http" and not is_here(parts.hostname):
        raise ValueError(tr("over http:// anybody on the way could change the answer; say https://"))
    return address


def is_here(host: str) -> bool:
    """Whether that is this computer."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    body = bytearray()
    async for untrusted in response.content.iter_chunked(MOST_ANSWER_BYTES):
        body += untrusted
        if len(body) > most_bytes:
            raise NoAnswer(
                tr("It sent more than the {limit} bytes that an answer can have.", limit=number(f"{most_bytes:,}"))
            )
    return bytes(body)


def _words(problem: Exception) -> str:
    """What went wrong, without addresses."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return tr("its certificate is not trusted")
    cause = problem.os_error if isinstance(problem, aiohttp.ClientConnectorError) else problem
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)  # below zero: names not found
    return (
        tr("it speaks no HTTP") if isinstance(problem, aiohttp.ClientResponseError) else tr("the connection broke off")
    )
