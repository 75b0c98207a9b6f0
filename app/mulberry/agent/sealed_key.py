"""A node wallet's key under a passphrase, as a small file: where there is no keyring, and for every backup.

JSON of version 1: Argon2id (libsodium's `crypto_pwhash`, with its cost in the file) makes a key of the passphrase, and
a secretbox (XSalsa20-Poly1305) holds the 32 bytes. A stranger's file may ask for any cost, so that is bounded first.
"""

import json
from dataclasses import dataclass

from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.signing import SigningKey
from nacl.utils import random as random_bytes
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mulberry.model.encoding import in_words
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.passphrase import LONGEST, normal

KEY_BYTES = 32
LARGEST_FILE_BYTES = 4096
MOST_OPERATIONS = 8
MOST_MEMORY_BYTES = 512 * 2**20
SEALED_BYTES = SecretBox.NONCE_SIZE + KEY_BYTES + SecretBox.MACBYTES


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess at the passphrase costs."""

    operations: int
    memory_bytes: int


USUAL_COST = Cost(argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)  # 256 MiB, about a second


class WrongPassphrase(UserFacingError):
    """The file is whole and the passphrase another, or somebody changed the file: the two cannot be told apart."""

    def __init__(self) -> None:
        super().__init__(
            what=tr("The passphrase is not the right one."),
            why=tr("It does not open this key, and nothing was changed."),
            next_step=tr("Try again as often as you like; look at capitals and the keyboard's language."),
        )


class NoKeyFile(UserFacingError):
    def __init__(self, why: str) -> None:
        super().__init__(
            what=tr("This is no file with a node wallet's key."),
            why=why,
            next_step=tr("Choose the file that Mulberry wrote for it; a newer Mulberry's file needs a newer Mulberry."),
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    format: str = Field(pattern="^mulberry-key$")
    version: int = Field(ge=1, le=1)
    kdf: str = Field(pattern="^argon2id13$")
    operations: int = Field(ge=argon2id.OPSLIMIT_MIN, le=MOST_OPERATIONS)
    memory_bytes: int = Field(ge=argon2id.MEMLIMIT_MIN, le=MOST_MEMORY_BYTES)
    salt: str = Field(pattern=f"^[0-9a-f]{{{2 * argon2id.SALTBYTES}}}$")
    sealed: str = Field(pattern=f"^[0-9a-f]{{{2 * SEALED_BYTES}}}$")


def seal(key: SigningKey, passphrase: str, cost: Cost = USUAL_COST) -> str:
    """The file's content. Takes about a second and `cost.memory_bytes`: not for the event loop's thread."""
    salt = random_bytes(argon2id.SALTBYTES)
    content = {
        "format": "mulberry-key",
        "version": 1,
        "kdf": "argon2id13",
        "operations": cost.operations,
        "memory_bytes": cost.memory_bytes,
        "salt": salt.hex(),
        "sealed": bytes(_box(passphrase, salt, cost).encrypt(bytes(key))).hex(),
    }
    return json.dumps(content, indent=2) + "\n"


def unseal(untrusted_file: str, passphrase: str) -> SigningKey:
    """The key in the file. As slow as its cost says, within bounds. Raises `WrongPassphrase`, `UserFacingError`."""
    if len(untrusted_file) > LARGEST_FILE_BYTES:
        raise NoKeyFile(tr("It is too large."))
    try:
        file = _File.model_validate_json(untrusted_file)
    except ValidationError as mistakes:
        raise NoKeyFile(tr("In it is wrong: {mistakes}.", mistakes=in_words(mistakes))) from None
    if not 0 < len(passphrase) <= LONGEST:
        raise WrongPassphrase
    try:
        box = _box(passphrase, bytes.fromhex(file.salt), Cost(file.operations, file.memory_bytes))
        return SigningKey(box.decrypt(bytes.fromhex(file.sealed)))
    except CryptoError:
        raise WrongPassphrase from None


def _box(passphrase: str, salt: bytes, cost: Cost) -> SecretBox:
    words = normal(passphrase).encode()
    return SecretBox(
        argon2id.kdf(SecretBox.KEY_SIZE, words, salt, opslimit=cost.operations, memlimit=cost.memory_bytes)
    )
