"""Judges what a TPM is said to have signed. What holds is told apart from what is missing: see `VerifiedTpm`.

Source: TCG, TPM 2.0 Library, part 1, 31 (attestation) and 16 (names). The surprising thing: without a challenge of the
verifier's own, a good quote and a genuine maker's certificate together still prove nothing, because nothing ties them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from mulberry.attestation.errors import NotCheckable, NotProven
from mulberry.attestation.evidence import TpmEvidence
from mulberry.attestation.tpm.collecting import BOOT_REGISTERS
from mulberry.attestation.tpm.credential import Challenge
from mulberry.attestation.tpm.endorsement import Endorsement, verify_endorsement
from mulberry.attestation.tpm.keys import AK_PROMISES, AK_TEMPLATE, ecc_key
from mulberry.attestation.tpm.wire import (
    ENDORSEMENT,
    MOST_STRUCTURE_BYTES,
    SHA256_BYTES,
    Algorithm,
    Quoted,
    name_of,
    number,
    read_public,
    read_quoted,
    read_signature,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

THE_KEY = "its TPM's attestation key"
NOT_CERTIFIED = "No certificate of the TPM's maker was shown: anybody may have made it."
NOT_CHALLENGED = "Nobody challenged the TPM: the key that signed may lie outside it."


@dataclass(frozen=True, slots=True)
class VerifiedTpm:
    """What was shown, after every check that could be made held. `pcrs` are 32 bytes each, by register 0 to 7.

    `missing` says in sentences what is not shown; while anything is, nothing ties the quote to a genuine TPM.
    `endorsement` is the maker's word, None where it is missing; `activated`: one TPM holds both keys.
    """

    pcrs: Mapping[int, bytes]
    ak_name: bytes
    firmware: int  # the TPM's own version number, its maker's to explain
    resets: int  # how often the computer was started since the TPM was cleared
    endorsement: Endorsement | None
    activated: bool
    missing: tuple[str, ...]

    @property
    def is_genuine(self) -> bool:
        """A maker's TPM signed it, with registers that the firmware extended."""
        return not self.missing

    @property
    def expires(self) -> datetime | None:
        return None if self.endorsement is None else self.endorsement.expires


def verify(
    untrusted: TpmEvidence,
    bound_to: bytes,
    roots: "Sequence[Certificate]",
    now: datetime,
    challenge: Challenge | None = None,
) -> VerifiedTpm:
    """Checks a quote that must carry `bound_to` (32 bytes), at the time `now` (aware).

    `roots` are the makers' certificates that are trusted, see `endorsement.read_roots`; `challenge` is the one that the
    evidence answers, None where nobody asked. Raises `NotProven`: what was shown is wrong.
    """
    _demand_attestation_key(untrusted.ak_public)
    ak_name = name_of(untrusted.ak_public)
    quoted = _verified_quote(untrusted, bound_to, ak_name)
    missing = [
        f"Register {register} is zero: the firmware measured nothing into it."
        for register, value in sorted(untrusted.pcrs.items())
        if not any(value)
    ]
    endorsement = None
    try:
        endorsement = _endorsement(untrusted, roots, now)
    except NotCheckable as problem:
        missing.append(f"The maker's word on the TPM could not be checked: {problem}.")
    if challenge is None:
        missing.append(NOT_CHALLENGED)
    else:
        _demand_answer(untrusted, challenge)
    if not untrusted.ek_chain:
        missing.append(NOT_CERTIFIED)
    return VerifiedTpm(
        pcrs=dict(untrusted.pcrs),
        ak_name=ak_name,
        firmware=quoted.firmware,
        resets=quoted.resets,
        endorsement=endorsement,
        activated=challenge is not None,
        missing=tuple(missing),
    )


def _demand_attestation_key(untrusted_public: bytes) -> None:
    public = read_public(untrusted_public, THE_KEY)
    for promise, otherwise in AK_PROMISES.items():
        if not public.attributes & promise:
            raise NotProven(f"{THE_KEY} is none: {otherwise}")
    if not public.is_like(AK_TEMPLATE):
        raise NotProven(f"{THE_KEY} is not of the kind that is asked for (restricted, ECDSA, P-256, SHA-256)")


def _verified_quote(untrusted: TpmEvidence, bound_to: bytes, ak_name: bytes) -> Quoted:
    if len(untrusted.quoted) > MOST_STRUCTURE_BYTES:
        raise NotProven(f"what its TPM signed has {len(untrusted.quoted):,} bytes")
    _demand_signature(untrusted)
    quoted = read_quoted(untrusted.quoted)
    if not compare_digest(quoted.extra_data, bound_to):
        raise NotProven("its TPM's quote was made for something else")
    qualified = sha256(number(ENDORSEMENT, 4) + ak_name).digest()
    if quoted.qualified_signer != number(Algorithm.SHA256, 2) + qualified:
        raise NotProven("its TPM's quote names another key, or one that does not belong to the endorsement hierarchy")
    if quoted.selections != ((Algorithm.SHA256, BOOT_REGISTERS),):
        raise NotProven("its TPM's quote is not over the boot registers 0 to 7")
    if frozenset(untrusted.pcrs) != BOOT_REGISTERS:
        raise NotProven("it does not show the boot registers 0 to 7")
    values = [untrusted.pcrs[register] for register in sorted(BOOT_REGISTERS)]
    if any(len(value) != SHA256_BYTES for value in values):
        raise NotProven("its boot registers are not SHA-256 values")
    if not compare_digest(quoted.pcr_digest, sha256(b"".join(values)).digest()):
        raise NotProven("the boot registers that it shows are not those that its TPM signed")
    return quoted


def _demand_signature(untrusted: TpmEvidence) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ecc_key(read_public(untrusted.ak_public, THE_KEY), THE_KEY)
    signature = encode_dss_signature(*read_signature(untrusted.signature))
    try:
        key.verify(signature, untrusted.quoted, ECDSA(SHA256()))
    except InvalidSignature as problem:
        raise NotProven("its TPM's signature is wrong") from problem


def _endorsement(untrusted: TpmEvidence, roots: "Sequence[Certificate]", now: datetime) -> Endorsement | None:
    if not untrusted.ek_chain:
        return None
    return verify_endorsement(untrusted.ek_public, untrusted.ek_chain, roots, now)


def _demand_answer(untrusted: TpmEvidence, challenge: Challenge) -> None:
    if (untrusted.ek_public, untrusted.ak_public) != (challenge.ek_public, challenge.ak_public):
        raise NotProven("its TPM shows other keys than those that were challenged")
    if untrusted.activated is None or not compare_digest(untrusted.activated, challenge.answer):
        raise NotProven("its TPM did not answer the challenge, so the two keys may lie in different places")
