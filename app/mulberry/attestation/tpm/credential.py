"""A verifier's challenge: only the TPM that holds both the endorsement key and the attestation key can answer it.

Source: TCG, TPM 2.0 Library, part 1, 24 (credential protection), 11.4.10 (KDFa, KDFe) and annexes B.10.4 (RSA) and
C.6.4 (ECC). Without it a quote proves nothing: everyone can make a key and say that it lies in a TPM, and put another
TPM's certificate beside it.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from mulberry.attestation.errors import NotProven
from mulberry.attestation.tpm.keys import EK_ECC, EK_RSA, ecc_key, rsa_key
from mulberry.attestation.tpm.wire import P256_BYTES, SHA256_BYTES, PublicArea, name_of, number, read_public, sized

SECRET_BYTES = 32
AES_KEY_BITS = 128
AES_BLOCK_BYTES = 16
IDENTITY, STORAGE, INTEGRITY = b"IDENTITY", b"STORAGE", b"INTEGRITY"


@dataclass(frozen=True, slots=True)
class Credential:
    """What goes to the TPM: the contents of TPM2B_ID_OBJECT and of TPM2B_ENCRYPTED_SECRET."""

    identity: bytes
    secret: bytes


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the verifier keeps: for which two keys it asked, and what must come back. `credential` is sent."""

    ek_public: bytes
    ak_public: bytes
    credential: Credential
    answer: bytes = field(repr=False)


def challenge(untrusted_ek_public: bytes, untrusted_ak_public: bytes) -> Challenge:
    """A new challenge for the TPM that shows these two keys (TPMT_PUBLIC). Raises `NotProven`: that is no EK."""
    answer = secrets.token_bytes(SECRET_BYTES)
    credential = make_credential(untrusted_ek_public, name_of(untrusted_ak_public), answer)
    return Challenge(untrusted_ek_public, untrusted_ak_public, credential, answer)


def make_credential(untrusted_ek_public: bytes, ak_name: bytes, secret: bytes) -> Credential:
    """Hides `secret` (at most 32 bytes) so that only the endorsement key's TPM can see it, and only shows it when the
    key named `ak_name` is there too. Raises `NotProven`: that is no endorsement key."""
    ek = read_public(untrusted_ek_public, "its TPM's endorsement key")
    seed, encrypted_seed = _share_seed(ek)
    key = derive(seed, STORAGE, ak_name, b"", AES_KEY_BITS)
    hidden = _encrypt(key, sized(secret))
    integrity_key = derive(seed, INTEGRITY, b"", b"", 8 * SHA256_BYTES)
    integrity = hmac.digest(integrity_key, hidden + ak_name, "sha256")
    return Credential(sized(integrity) + hidden, encrypted_seed)


def derive(key: bytes, label: bytes, of_one: bytes, of_other: bytes, bits: int) -> bytes:
    """KDFa with SHA-256 for whole bytes: SP 800-108 in counter mode."""
    blocks = b"".join(
        hmac.digest(key, number(count, 4) + label + b"\0" + of_one + of_other + number(bits, 4), "sha256")
        for count in range(1, _blocks(bits) + 1)
    )
    return blocks[: bits // 8]


def derive_shared(point_x: bytes, label: bytes, of_one: bytes, of_other: bytes, bits: int) -> bytes:
    """KDFe with SHA-256 for whole bytes: SP 800-56A. `point_x` is the shared point's x."""
    blocks = b"".join(
        sha256(number(count, 4) + point_x + label + b"\0" + of_one + of_other).digest()
        for count in range(1, _blocks(bits) + 1)
    )
    return blocks[: bits // 8]


def _blocks(bits: int) -> int:
    return -(-bits // (8 * SHA256_BYTES))


def _share_seed(ek: PublicArea) -> tuple[bytes, bytes]:
    """A new seed, and what tells it to the endorsement key's TPM and to nobody else."""
    if ek.is_like(EK_ECC.template):
        return _share_over_curve(ek)
    if ek.is_like(EK_RSA.template):
        return _share_by_rsa(ek)
    raise NotProven("its TPM's endorsement key is not of a kind that makers certify")


def _share_by_rsa(ek: PublicArea) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

    seed = secrets.token_bytes(SHA256_BYTES)
    padding = OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), label=IDENTITY + b"\0")
    return seed, rsa_key(ek, "its TPM's endorsement key").encrypt(seed, padding)


def _share_over_curve(ek: PublicArea) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec

    theirs = ecc_key(ek, "its TPM's endorsement key")
    ours = ec.generate_private_key(ec.SECP256R1())
    shared_x = ours.exchange(ec.ECDH(), theirs)
    point, their_point = ours.public_key().public_numbers(), theirs.public_numbers()
    x, y = number(point.x, P256_BYTES), number(point.y, P256_BYTES)
    seed = derive_shared(shared_x, IDENTITY, x, number(their_point.x, P256_BYTES), 8 * SHA256_BYTES)
    return seed, sized(x) + sized(y)


def _encrypt(key: bytes, clear: bytes) -> bytes:
    """AES-CFB from zero, as the TPM has it; the key is used once."""
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES

    return Cipher(AES(key), CFB(bytes(AES_BLOCK_BYTES))).encryptor().update(clear)
