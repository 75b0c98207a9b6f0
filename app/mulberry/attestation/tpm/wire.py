"""TPM 2.0's structures as bytes: big endian, whatever varies behind its size in two bytes.

Source: TCG, TPM 2.0 Library, part 2 (structures), revision 1.59. What a TPM says is a stranger's word here as well: on
this computer's own side too, since a dishonest host puts itself between.
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from hashlib import sha256

from mulberry.attestation.errors import NotProven

MOST_REPLY_BYTES = 4096  # what TPMs and the kernel's driver have room for
MOST_STRUCTURE_BYTES = 1024  # the largest we read is the public part of an RSA key, some 320 bytes
MOST_SELECTIONS = 16  # PCR banks
MOST_SELECTED_BYTES = 8  # of one bank: 64 registers
SHA256_BYTES = 32
P256_BYTES = 32
RSA_2048_BYTES = 256

ATTEST_MAGIC = 0xFF544347  # TPM_GENERATED_VALUE: a restricted key signs nothing of others that begins so
ATTEST_QUOTE = 0x8018
ENDORSEMENT = 0x4000000B  # the hierarchy whose seed its maker put into the TPM


class Algorithm(IntEnum):
    """TPM_ALG_ID, those we know."""

    RSA = 0x0001
    AES = 0x0006
    SHA256 = 0x000B
    NULL = 0x0010
    ECDSA = 0x0018
    ECC = 0x0023
    CFB = 0x0043


class Attribute(IntFlag):
    """TPMA_OBJECT: what the TPM promises of a key."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    ADMIN_WITH_POLICY = 1 << 7
    NO_DICTIONARY_ATTACK = 1 << 10
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


@dataclass(frozen=True, slots=True)
class PublicArea:
    """TPMT_PUBLIC, the public part of a key. `unique` is an RSA modulus, or x and y of a point.

    `parameters` stay as they are on the wire: they are only compared.
    """

    kind: int
    name_algorithm: int
    attributes: int
    policy: bytes
    parameters: bytes
    unique: tuple[bytes, ...]

    def is_like(self, template: "PublicArea") -> bool:
        """Whether only the key itself differs."""
        return (self.kind, self.name_algorithm, self.attributes, self.policy, self.parameters) == (
            template.kind,
            template.name_algorithm,
            template.attributes,
            template.policy,
            template.parameters,
        )

    def marshalled(self) -> bytes:
        head = number(self.kind, 2) + number(self.name_algorithm, 2) + number(self.attributes, 4)
        return head + sized(self.policy) + self.parameters + b"".join(sized(part) for part in self.unique)


@dataclass(frozen=True, slots=True)
class Quoted:
    """TPMS_ATTEST of a quote: what a TPM's key signed. `selections` are banks by hash algorithm, with their registers.

    `clock` is in milliseconds; `resets` counts the starts of the computer, `restarts` its returns from sleep.
    """

    qualified_signer: bytes
    extra_data: bytes
    clock: int
    resets: int
    restarts: int
    firmware: int
    selections: tuple[tuple[int, frozenset[int]], ...]
    pcr_digest: bytes


class Reader:
    """Reads from the front. Every method raises `NotProven`: `what` is cut short, too long or out of its bounds."""

    def __init__(self, untrusted: bytes, what: str) -> None:
        self._untrusted = untrusted
        self._what = what
        self._at = 0

    @property
    def position(self) -> int:
        return self._at

    def take(self, size: int) -> bytes:
        taken = self._untrusted[self._at : self._at + size]
        if len(taken) < size:
            raise NotProven(f"{self._what} is cut short")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sized(self, most: int = MOST_STRUCTURE_BYTES) -> bytes:
        """What lies behind its size in two bytes (TPM2B)."""
        size = self.number(2)
        if size > most:
            raise NotProven(f"{self._what} has a part of {size:,} bytes, at most {most:,} are read")
        return self.take(size)

    def since(self, start: int) -> bytes:
        return self._untrusted[start : self._at]

    def rest(self) -> bytes:
        return self.take(len(self._untrusted) - self._at)

    def end(self) -> None:
        if self._at != len(self._untrusted):
            raise NotProven(f"{self._what} is longer than it says")


def number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def sized(content: bytes) -> bytes:
    return number(len(content), 2) + content


def name_of(public: bytes) -> bytes:
    """A key's name: by it a TPM knows which key is meant. `public` is a TPMT_PUBLIC whose names are SHA-256."""
    return number(Algorithm.SHA256, 2) + sha256(public).digest()


def read_public(untrusted: bytes, what: str) -> PublicArea:
    """An RSA or ECC key's TPMT_PUBLIC, all of it. Raises `NotProven`."""
    reader = Reader(untrusted, what)
    kind, name_algorithm, attributes = reader.number(2), reader.number(2), reader.number(4)
    policy = reader.sized()
    start = reader.position
    if kind == Algorithm.RSA:
        _skip_symmetric(reader)
        _skip_scheme(reader)
        reader.take(2 + 4)  # bits, exponent
        parameters = reader.since(start)
        unique: tuple[bytes, ...] = (reader.sized(),)
    elif kind == Algorithm.ECC:
        _skip_symmetric(reader)
        _skip_scheme(reader)
        reader.take(2)  # curve
        _skip_scheme(reader)  # how a secret is derived
        parameters = reader.since(start)
        unique = (reader.sized(), reader.sized())
    else:
        raise NotProven(f"{what} is of an unknown kind")
    reader.end()
    return PublicArea(kind, name_algorithm, attributes, policy, parameters, unique)


def read_quoted(untrusted: bytes) -> Quoted:
    """The TPMS_ATTEST of a quote. Raises `NotProven`: something else, or cut short."""
    reader = Reader(untrusted, "what its TPM signed")
    if reader.number(4) != ATTEST_MAGIC:
        raise NotProven("what its TPM's key signed was not made by a TPM")
    if reader.number(2) != ATTEST_QUOTE:
        raise NotProven("what its TPM signed is no quote")
    signer, extra_data = reader.sized(), reader.sized()
    clock, resets, restarts = reader.number(8), reader.number(4), reader.number(4)
    reader.take(1)  # whether the clock may have been set back: we do not measure time by it
    firmware = reader.number(8)
    selections = read_selections(reader)
    digest = reader.sized()
    reader.end()
    return Quoted(signer, extra_data, clock, resets, restarts, firmware, selections, digest)


def read_signature(untrusted: bytes) -> tuple[int, int]:
    """r and s of a TPMT_SIGNATURE by ECDSA with SHA-256 on P-256. Raises `NotProven`: another kind of signature."""
    reader = Reader(untrusted, "its TPM's signature")
    if (reader.number(2), reader.number(2)) != (Algorithm.ECDSA, Algorithm.SHA256):
        raise NotProven("its TPM's signature is not ECDSA with SHA-256")
    r, s = reader.sized(P256_BYTES), reader.sized(P256_BYTES)
    reader.end()
    return int.from_bytes(r, "big"), int.from_bytes(s, "big")


def selection(registers: frozenset[int]) -> bytes:
    """TPML_PCR_SELECTION of these registers (0 to 23) of the SHA-256 bank."""
    bits = sum(1 << register for register in registers)
    return number(1, 4) + number(Algorithm.SHA256, 2) + number(3, 1) + bits.to_bytes(3, "little")


def read_selections(reader: Reader) -> tuple[tuple[int, frozenset[int]], ...]:
    """TPML_PCR_SELECTION. Raises `NotProven`."""
    count = reader.number(4)
    if count > MOST_SELECTIONS:
        raise NotProven(f"its TPM names {count:,} register banks, at most {MOST_SELECTIONS} are read")
    return tuple(_read_selection(reader) for _ in range(count))


def _read_selection(reader: Reader) -> tuple[int, frozenset[int]]:
    algorithm, size = reader.number(2), reader.number(1)
    if size > MOST_SELECTED_BYTES:
        raise NotProven(f"its TPM selects from {8 * size:,} registers, at most {8 * MOST_SELECTED_BYTES} are read")
    bits = int.from_bytes(reader.take(size), "little")
    return algorithm, frozenset(register for register in range(8 * size) if bits >> register & 1)


def _skip_symmetric(reader: Reader) -> None:
    if reader.number(2) != Algorithm.NULL:
        reader.take(2 + 2)  # key bits, mode


def _skip_scheme(reader: Reader) -> None:
    if reader.number(2) != Algorithm.NULL:
        reader.take(2)  # its hash
