"""Documents signed by several keys: DSSE envelopes, version 1, with Ed25519 (RFC 8032).

Source: https://github.com/secure-systems-lab/dsse (protocol.md). The signature is over the exact bytes and over what
kind of document they are: no other JSON of the same meaning, and no document of another kind, has it. The hint `keyid`
is the public key itself, in hexadecimal.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mulberry.cocoon.strict_json import JsonObject
from mulberry.model.update import SHA256

MOST_SIGNATURES = 16
SIGNATURE_BYTES = 64
is_key = SHA256.fullmatch  # 64 hexadecimal digits, as a hash has


class NotSigned(Exception):
    """It is no such envelope. The text is a part of a sentence and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """`signatures` are pairs of a public key, in hexadecimal, and what is said to be its signature."""

    kind: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def signers(self, keys: Iterable[str]) -> frozenset[str]:
        """Those of `keys` that have signed it. A key that signed twice is one; strangers' signatures are nothing."""
        return frozenset(
            key for key in keys if any(_holds(self, key, made) for by, made in self.signatures if by == key)
        )


def read_envelope(untrusted: object) -> Envelope:
    """Form and sizes only, nothing of it is proven. Raises `NotSigned`."""
    match untrusted:
        case {"payloadType": str(kind), "payload": str(payload), "signatures": [*signatures]}:
            if len(signatures) > MOST_SIGNATURES:
                raise NotSigned(f"it has more than {MOST_SIGNATURES} signatures")
            return Envelope(kind, _binary(payload), tuple(map(_signature, signatures)))
        case _:
            raise NotSigned("it is no envelope with a payload and signatures")


def write_envelope(envelope: Envelope) -> JsonObject:
    signatures = [{"keyid": key, "sig": base64.b64encode(signature).decode()} for key, signature in envelope.signatures]
    payload = base64.b64encode(envelope.payload).decode()
    return {"payloadType": envelope.kind, "payload": payload, "signatures": signatures}


def sign(envelope: Envelope, key: Ed25519PrivateKey) -> Envelope:
    """With one signature more, or in place of an earlier one of the same key."""
    public = key.public_key().public_bytes_raw().hex()
    others = tuple(pair for pair in envelope.signatures if pair[0] != public)
    made = (public, key.sign(_what_is_signed(envelope)))
    return Envelope(envelope.kind, envelope.payload, (*others, made))


def _what_is_signed(envelope: Envelope) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = envelope.kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(envelope.payload), envelope.payload)


def _holds(envelope: Envelope, key: str, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, _what_is_signed(envelope))
    except InvalidSignature:
        return False
    return True


def _signature(untrusted: object) -> tuple[str, bytes]:
    match untrusted:
        case {"keyid": str(key), "sig": str(signature)} if is_key(key):
            made = _binary(signature)
            if len(made) == SIGNATURE_BYTES:
                return key, made
    raise NotSigned("one of its signatures is none")


def _binary(untrusted: str) -> bytes:
    try:
        return base64.b64decode(untrusted, validate=True)
    except (binascii.Error, ValueError):
        raise NotSigned("a part of it is not in base64") from None
