"""One GET over HTTP, bounded in size and time, without redirects, cookies and proxies.

A service on this computer may show a certificate that it made itself, so there TLS proves nothing and is not asked to.
"""

import asyncio
import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

from mulberry.attestation.collateral_fetch import MOST_ANSWER_BYTES, Answer

PATIENCE_SECONDS = 8.0
MOST_HEADER_BYTES = 16 * 2**10  # a chain of certificates may be in one


class NoAnswer(Exception):
    """None came, or none that may be taken. The text is a sentence, without the address."""


async def bounded_get(url: str, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """Whatever its status is. Raises `NoAnswer`."""
    try:
        async with (
            asyncio.timeout(patience_seconds),
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                max_field_size=MOST_HEADER_BYTES,
                headers={"Accept-Encoding": "identity"},
            ) as session,
            session.get(url, allow_redirects=False, ssl=not is_here(urlsplit(url).hostname or "")) as response,
        ):
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, await _bounded(response))
    except TimeoutError as problem:
        raise NoAnswer(f"It did not answer within {patience_seconds:.0f} s.") from problem
    except (aiohttp.ClientError, OSError, ValueError) as problem:
        raise NoAnswer(f"It could not be reached ({_words(problem)}).") from problem


def is_here(host: str) -> bool:
    """Whether that is this computer."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for untrusted in response.content.iter_chunked(MOST_ANSWER_BYTES):
        body += untrusted
        if len(body) > MOST_ANSWER_BYTES:
            raise NoAnswer(f"It sent more than the {MOST_ANSWER_BYTES:,} bytes that an answer can have.")
    return bytes(body)


def _words(problem: Exception) -> str:
    """What went wrong, without addresses."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted"
    cause = problem.os_error if isinstance(problem, aiohttp.ClientConnectorError) else problem
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)  # below zero: names not found
    return "it speaks no HTTP" if isinstance(problem, aiohttp.ClientResponseError) else "the connection broke off"
