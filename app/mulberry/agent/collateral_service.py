"""Asks a collateral service over HTTP: one GET at a time, bounded, without redirects, cookies or proxies.

A cache (PCCS) on this computer shows a certificate that it made itself, so there TLS proves nothing and is not asked
to: what comes is signed by Intel in every part, and checked.
"""

import asyncio
import os
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp

from mulberry.attestation.collateral_fetch import MOST_ANSWER_BYTES, Answer, whose_service
from mulberry.model.errors import UserFacingError

PATIENCE_SECONDS = 8.0  # for one answer: a peer waits for our verdict meanwhile
MOST_HEADER_BYTES = 16 * 2**10  # a chain of certificates is in one


async def fetch(url: str, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """See `attestation.collateral_fetch.Fetch`."""
    parts = urlsplit(url)
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
            session.get(url, allow_redirects=False, ssl=not _is_here(parts.hostname or "")) as response,
        ):
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, headers, await _bounded(response, url))
    except TimeoutError as problem:
        raise _no_answer(url, f"It did not answer within {patience_seconds:.0f} s.") from problem
    except (aiohttp.ClientError, OSError, ValueError) as problem:
        raise _no_answer(url, f"It could not be reached ({_words(problem)}).") from problem


def service_address(address: str) -> str:
    """The address of a service as it is asked. Raises `ValueError`: it is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("a collateral service has an address like https://localhost:8081")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise ValueError("a collateral service on another computer is asked over https")
    return address.rstrip("/").removesuffix("/sgx/certification/v4")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def _bounded(response: aiohttp.ClientResponse, url: str) -> bytes:
    body = bytearray()
    async for untrusted in response.content.iter_chunked(MOST_ANSWER_BYTES):
        body += untrusted
        if len(body) > MOST_ANSWER_BYTES:
            raise _no_answer(url, f"It sent more than the {MOST_ANSWER_BYTES:,} bytes that an answer can have.")
    return bytes(body)


def _words(problem: Exception) -> str:
    """What went wrong, without addresses."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted"
    cause = problem.os_error if isinstance(problem, aiohttp.ClientConnectorError) else problem
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)  # below zero: names not found
    return "it speaks no HTTP" if isinstance(problem, aiohttp.ClientResponseError) else "the connection broke off"


def _no_answer(url: str, why: str) -> UserFacingError:
    parts = urlsplit(url)
    service = f"{parts.scheme}://{parts.netloc}"
    whose = whose_service(service)
    return UserFacingError(
        what=f"The collateral service {service} gave no answer.",
        why=why,
        next_step="See whether this computer is online and the service runs; it is asked again by itself.",
        whose_turn=whose,
    )
