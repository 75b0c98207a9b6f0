"""A verifier's question, as files: what is sent to the computer, and what the verifier keeps until the answer comes.

It asks with a nonce, so that the statement must be new, and challenges the TPM, so that its two keys must lie in one
(`tpm.credential`). The form is ours (docs/attestation.md prints it): JSON, binary parts in hexadecimal.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field

from mulberry.attestation.errors import NotProven
from mulberry.attestation.manifest import Nonce
from mulberry.attestation.tpm import Challenge, Credential
from mulberry.model.encoding import from_json, to_json

MOST_QUESTION_BYTES = 16 * 2**10

Form = TypeVar("Form")
NONCE_IN_HEX = re.compile(r"([0-9a-fA-F]{2}){16,64}")
Part = Annotated[str, Field(pattern=r"^([0-9a-f]{2}){1,1024}$")]


@dataclass(frozen=True, slots=True)
class _Sent:
    nonce: Nonce
    identity: Part
    secret: Part
    format: Literal["mulberry question 1"] = "mulberry question 1"


@dataclass(frozen=True, slots=True)
class _Kept:
    nonce: Nonce
    ek_public: Part
    ak_public: Part
    identity: Part
    secret: Part
    answer: Part
    format: Literal["mulberry kept question 1"] = "mulberry kept question 1"


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent: it holds no secret that its receiver could read without the TPM."""

    nonce: bytes
    credential: Credential


@dataclass(frozen=True, slots=True)
class KeptQuestion:
    """What the verifier keeps to itself: with the answer in it anybody could answer."""

    nonce: bytes
    challenge: Challenge


def read_nonce(untrusted: str) -> bytes:
    """16 to 64 bytes in hexadecimal; b"" for "". Raises `NotProven`: neither."""
    if untrusted and not NONCE_IN_HEX.fullmatch(untrusted):
        raise NotProven("the nonce is not 16 to 64 bytes in hexadecimal")
    return bytes.fromhex(untrusted)


def write_question(kept: KeptQuestion) -> bytes:
    """The part of it that is sent."""
    credential = kept.challenge.credential
    return to_json(_Sent, _Sent(kept.nonce.hex(), credential.identity.hex(), credential.secret.hex()))


def read_question(untrusted: bytes) -> Question:
    """Raises `NotProven`: it is none."""
    sent = _read(_Sent, untrusted)
    credential = Credential(bytes.fromhex(sent.identity), bytes.fromhex(sent.secret))
    return Question(bytes.fromhex(sent.nonce), credential)


def write_kept(kept: KeptQuestion) -> bytes:
    challenge = kept.challenge
    return to_json(
        _Kept,
        _Kept(
            nonce=kept.nonce.hex(),
            ek_public=challenge.ek_public.hex(),
            ak_public=challenge.ak_public.hex(),
            identity=challenge.credential.identity.hex(),
            secret=challenge.credential.secret.hex(),
            answer=challenge.answer.hex(),
        ),
    )


def read_kept(untrusted: bytes) -> KeptQuestion:
    """Raises `NotProven`: it is none."""
    kept = _read(_Kept, untrusted)
    credential = Credential(bytes.fromhex(kept.identity), bytes.fromhex(kept.secret))
    challenge = Challenge(
        bytes.fromhex(kept.ek_public), bytes.fromhex(kept.ak_public), credential, bytes.fromhex(kept.answer)
    )
    return KeptQuestion(bytes.fromhex(kept.nonce), challenge)


def _read(form: type[Form], untrusted: bytes) -> Form:
    if len(untrusted) > MOST_QUESTION_BYTES:
        raise NotProven(f"the question has {len(untrusted):,} bytes, at most {MOST_QUESTION_BYTES:,} are read")
    try:
        return from_json(form, untrusted)
    except ValueError as problem:
        raise NotProven("this is no question that this version reads") from problem
