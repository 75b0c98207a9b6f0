"""A TPM's keys that we ask for: the endorsement key (EK), certified by its maker, and the attestation key (AK).

Sources: TCG, EK Credential Profile 2.5, B.3.3 (RSA 2048) and B.3.4 (ECC P-256); part 2 of the TPM 2.0 Library. Both are
primary keys: a TPM makes the same ones again from the seed of its endorsement hierarchy, so nothing has to be kept.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mulberry.attestation.errors import NotProven, refusing
from mulberry.attestation.tpm.wire import P256_BYTES, RSA_2048_BYTES, Algorithm, Attribute, PublicArea, number

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

P256 = 0x0003  # TPM_ECC_NIST_P256
RSA_EXPONENT = 65537  # what a TPM means by 0

# PolicySecret(endorsement hierarchy), as the profile gives it: who may use that hierarchy may use its EK
EK_POLICY = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_EK_ATTRIBUTES = (
    Attribute.FIXED_TPM
    | Attribute.FIXED_PARENT
    | Attribute.SENSITIVE_DATA_ORIGIN
    | Attribute.ADMIN_WITH_POLICY
    | Attribute.RESTRICTED
    | Attribute.DECRYPT
)
_NONE = number(Algorithm.NULL, 2)
_AES_128_CFB = number(Algorithm.AES, 2) + number(128, 2) + number(Algorithm.CFB, 2)
_ECDSA_SHA256 = number(Algorithm.ECDSA, 2) + number(Algorithm.SHA256, 2)

# what makes a key an attestation key, and what it would mean without
AK_PROMISES = {
    Attribute.RESTRICTED: "it signs whatever it is given",
    Attribute.SIGN: "it may not sign",
    Attribute.FIXED_TPM: "it may be copied to another TPM",
    Attribute.FIXED_PARENT: "it may be put under another key",
    Attribute.SENSITIVE_DATA_ORIGIN: "its secret came from outside the TPM",
}

AK_TEMPLATE = PublicArea(
    kind=Algorithm.ECC,
    name_algorithm=Algorithm.SHA256,
    # a TPM that is locked after wrong passwords still quotes: this key has none to guess
    attributes=sum(AK_PROMISES) | Attribute.USER_WITH_AUTH | Attribute.NO_DICTIONARY_ATTACK,
    policy=b"",
    parameters=_NONE + _ECDSA_SHA256 + number(P256, 2) + _NONE,
    unique=(b"", b""),
)


@dataclass(frozen=True, slots=True)
class EndorsementKind:
    """One of the two kinds of EK that every TPM of a PC has, and where its maker's certificate lies (NV index).

    `persistent` is the handle under which many systems keep it ready: making an RSA key takes a TPM seconds.
    """

    template: PublicArea
    certificate_index: int
    persistent: int


EK_RSA = EndorsementKind(
    PublicArea(
        kind=Algorithm.RSA,
        name_algorithm=Algorithm.SHA256,
        attributes=_EK_ATTRIBUTES,
        policy=EK_POLICY,
        parameters=_AES_128_CFB + _NONE + number(8 * RSA_2048_BYTES, 2) + number(0, 4),
        unique=(bytes(RSA_2048_BYTES),),
    ),
    certificate_index=0x01C00002,
    persistent=0x81010001,
)
EK_ECC = EndorsementKind(
    PublicArea(
        kind=Algorithm.ECC,
        name_algorithm=Algorithm.SHA256,
        attributes=_EK_ATTRIBUTES,
        policy=EK_POLICY,
        parameters=_AES_128_CFB + _NONE + number(P256, 2) + _NONE,
        unique=(bytes(P256_BYTES), bytes(P256_BYTES)),
    ),
    certificate_index=0x01C0000A,
    persistent=0x81010002,
)
ENDORSEMENT_KINDS = (EK_ECC, EK_RSA)  # the quicker first


def ecc_key(public: PublicArea, what: str) -> "EllipticCurvePublicKey":
    """The P-256 key in a public part that is like one of our templates. Raises `NotProven`: no point of the curve."""
    from cryptography.hazmat.primitives.asymmetric import ec

    with refusing(f"{what} is no key"):
        x, y = (_coordinate(part) for part in public.unique)
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def rsa_key(public: PublicArea, what: str) -> "RSAPublicKey":
    """The RSA key of 2048 bits in a public part that is like our template. Raises `NotProven`."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    (modulus,) = public.unique
    if len(modulus) != RSA_2048_BYTES or not modulus[0] & 0x80:
        raise NotProven(f"{what} is not an RSA key of 2048 bits")
    with refusing(f"{what} is no key"):
        return rsa.RSAPublicNumbers(RSA_EXPONENT, int.from_bytes(modulus, "big")).public_key()


def _coordinate(part: bytes) -> int:
    if len(part) > P256_BYTES:
        raise NotProven(f"a coordinate of its TPM's key has {len(part):,} bytes")
    return int.from_bytes(part, "big")
