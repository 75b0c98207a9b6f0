"""Fetches collateral from Intel's service (PCS) or a cache of it (PCCS). They speak alike but for the root's list.

Source: Intel, PCS API version 4, and the PCCS design guide. Whoever fetches, and over what, is the caller's; nothing
that comes is believed before `collateral_check` looked at it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from mulberry.attestation.errors import NotProven, refusing
from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.known_errors import Stack, to_error
from mulberry.model.language import tr

INTEL = "https://api.trustedservices.intel.com"
INTEL_ROOT_LIST = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
MOST_ANSWER_BYTES = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, nothing of it checked. `headers` by name in lower case; `body` at most `MOST_ANSWER_BYTES`."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetch(Protocol):
    async def __call__(self, url: str) -> Answer:
        """One GET without redirects, bounded in size and time. Raises `UserFacingError`: there was no answer."""
        ...


async def fetch_collateral(fetch: Fetch, service: str, fmspc: str, ca: str) -> str:
    """dcap-qvl's JSON of QuoteCollateralV3 for a platform family, unchecked. Five questions, one after the other.

    `service` is the address before `/sgx` and `/tdx`. Raises `UserFacingError`: it did not give all parts.
    """
    sgx, tdx = f"{service}/sgx/certification/v4", f"{service}/tdx/certification/v4"
    root_list = await _ask(fetch, service, INTEL_ROOT_LIST if service == INTEL else f"{sgx}/rootcacrl")
    pck_list = await _ask(fetch, service, f"{sgx}/pckcrl?ca={ca}&encoding=der")
    tcb_info = await _ask(fetch, service, f"{tdx}/tcb?fmspc={fmspc}")
    identity = await _ask(fetch, service, f"{tdx}/qe/identity")
    try:
        with refusing("it is not what Intel's service gives"):
            told, told_signature = _statement(tcb_info.body, "tcbInfo")
            identified, identity_signature = _statement(identity.body, "enclaveIdentity")
            return json.dumps(
                {
                    "pck_crl_issuer_chain": _chain(pck_list, "sgx-pck-crl-issuer-chain"),
                    "root_ca_crl": _binary(root_list.body).hex(),
                    "pck_crl": _binary(pck_list.body).hex(),
                    "tcb_info_issuer_chain": _chain(tcb_info, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
                    "tcb_info": told,
                    "tcb_info_signature": told_signature,
                    "qe_identity_issuer_chain": _chain(identity, "sgx-enclave-identity-issuer-chain"),
                    "qe_identity": identified,
                    "qe_identity_signature": identity_signature,
                }
            )
    except NotProven as problem:
        raise not_usable(service, str(problem)) from problem


def not_usable(service: str, why: str) -> UserFacingError:
    """The service answered, and what it gave is of no use."""
    return UserFacingError(
        what=tr("{service} gave no usable collateral.", service=service),
        why=f"{why[:1].upper()}{why[1:]}.",
        next_step=tr("It is tried again by itself.")
        if service == INTEL
        else tr("Look whether this cache (PCCS) is up to date."),
        whose_turn=whose_service(service),
    )


def whose_service(service: str) -> WhoseTurn:
    """Who runs it, by its address."""
    is_intels = (urlsplit(service).hostname or "").endswith(".trustedservices.intel.com")
    return WhoseTurn.INTEL if is_intels else WhoseTurn.YOU


async def _ask(fetch: Fetch, service: str, url: str) -> Answer:
    answer = await fetch(url)
    if answer.status == 200:
        return answer
    if answer.status == 404 and "fmspc=" in url:
        raise UserFacingError(
            what=tr("There is no collateral for this kind of platform."),
            why=tr("{service} does not know it (FMSPC {fmspc}).", service=service, fmspc=url.rpartition("=")[2]),
            next_step=tr("Its owner's hardware must be one that Intel supports for TDX."),
            whose_turn=WhoseTurn.NETWORK,
        )
    stack = Stack.PCS if whose_service(service) is WhoseTurn.INTEL else Stack.PCCS
    raise to_error(
        tr("{service} gave no usable collateral.", service=service),
        stack,
        answer.status,
        detail=f"HTTP {answer.status}",
    )


def _statement(untrusted_body: bytes, name: str) -> tuple[str, str]:
    """The signed object exactly as written, for the signature is over its bytes; and the signature, hexadecimal."""
    text = untrusted_body.decode()
    whole = json.loads(text)
    begin = text.index("{", text.index(f'"{name}"'))
    told, end = json.JSONDecoder().raw_decode(text, begin)
    if told != whole[name] or not isinstance(whole["signature"], str):
        raise ValueError(f"{name} is not where it belongs")
    return text[begin:end], whole["signature"]


def _chain(answer: Answer, *names: str) -> str:
    """A chain of certificates (PEM) out of a header, where it is written as in an address."""
    for name in names:
        if name in answer.headers:
            return unquote(answer.headers[name])
    raise ValueError(f"the header {names[0]} is missing")


def _binary(untrusted_body: bytes) -> bytes:
    """PCS gives a list's DER, which begins with the byte 0x30; PCCS gives it in hexadecimal, which begins with "30"."""
    body = untrusted_body.strip()
    return bytes.fromhex(body.decode()) if body[:2] == b"30" else untrusted_body
