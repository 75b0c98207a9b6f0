"""Asks a collateral service over HTTP.

A cache (PCCS) on this computer may show any certificate: what comes is signed by Intel in every part, and checked.
"""

from urllib.parse import urlsplit

from mulberry.agent.bounded_get import PATIENCE_SECONDS, NoAnswer, bounded_get, is_here
from mulberry.attestation.collateral_fetch import Answer, whose_service
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr


async def fetch(url: str, patience_seconds: float = PATIENCE_SECONDS) -> Answer:
    """See `attestation.collateral_fetch.Fetch`. A peer waits for our verdict meanwhile."""
    try:
        return await bounded_get(url, patience_seconds)
    except NoAnswer as problem:
        raise _no_answer(url, str(problem)) from problem


def service_address(address: str) -> str:
    """The address of a service as it is asked. Raises `ValueError`: it is none."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(tr("a collateral service has an address like https://localhost:8081"))
    if parts.scheme == "http" and not is_here(parts.hostname):
        raise ValueError(tr("a collateral service on another computer is asked over https"))
    return address.rstrip("/").removesuffix("/sgx/certification/v4")


def _no_answer(url: str, why: str) -> UserFacingError:
    parts = urlsplit(url)
    service = f"{parts.scheme}://{parts.netloc}"
    whose = whose_service(service)
    return UserFacingError(
        what=tr("The collateral service {service} gave no answer.", service=service),
        why=why,
        next_step=tr("See whether this computer is online and the service runs; it is asked again by itself."),
        whose_turn=whose,
    )
