"""Has this computer's TPM sign what must be bound to it, together with the registers in which it keeps the boot.

PCR 0 to 7 are extended by the firmware before any system runs, so software cannot choose them; the ones above can be
reset or are not used alike everywhere, and are left out. Source: TCG, PC Client Platform Firmware Profile, 3.3.4.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import TpmEvidence
from mulberry.attestation.tpm.commands import Key, Tpm
from mulberry.attestation.tpm.credential import Credential
from mulberry.attestation.tpm.device import TpmDevice, Transmit
from mulberry.attestation.tpm.keys import AK_TEMPLATE, EK_ECC, ENDORSEMENT_KINDS, EndorsementKind
from mulberry.attestation.tpm.refusals import TpmRefused, nonsense
from mulberry.attestation.tpm.wire import SHA256_BYTES, read_public

BOOT_REGISTERS = frozenset(range(8))
CHAIN_INDICES = range(0x01C00100, 0x01C00110)  # the profile leaves room for 256; makers use one to four
SEQUENCE, LONG_LENGTH = 0x30, 0x82  # how a certificate of 256 bytes and more begins in DER

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class TpmIdentity:
    """What a verifier needs for its challenge. TPMT_PUBLIC of both keys; DER certificates, the EK's own first.

    It is the same as long as the TPM is not cleared, so whoever sees it recognises the computer.
    """

    ek_public: bytes
    ek_chain: tuple[bytes, ...]
    ak_public: bytes


def identify(device: TpmDevice) -> TpmIdentity:
    """The keys of this computer's TPM. May take seconds.

    Raises `UserFacingError`: there is no TPM, it may not be used, it refuses, hangs, or talks nonsense.
    """

    def ask(tpm: Tpm) -> TpmIdentity:
        kind, chain = _certified(tpm)
        with _endorsement_key(tpm, kind) as ek, tpm.primary_key(AK_TEMPLATE.marshalled()) as ak:
            return TpmIdentity(ek.public, chain, ak.public)

    return _talk(device, ask)


def collect(device: TpmDevice, bound_to: bytes, credential: Credential | None = None) -> TpmEvidence:
    """Has the TPM sign `bound_to` (32 bytes) with the boot registers, and answer a verifier's challenge, if there is
    one. May take seconds. Raises `UserFacingError` like `identify`."""
    if len(bound_to) != SHA256_BYTES:
        raise ValueError(f"bound to {len(bound_to)} bytes")

    def ask(tpm: Tpm) -> TpmEvidence:
        kind, chain = _certified(tpm)
        with _endorsement_key(tpm, kind) as ek, tpm.primary_key(AK_TEMPLATE.marshalled()) as ak:
            registers = tpm.read_registers(BOOT_REGISTERS)
            quoted, signature = tpm.quote(ak, bound_to, BOOT_REGISTERS)
            activated = None if credential is None else tpm.activate(ak, ek, credential.identity, credential.secret)
        return TpmEvidence(ak.public, quoted, signature, registers, ek.public, chain, activated)

    return _talk(device, ask)


def _talk(device: TpmDevice, ask: Callable[[Tpm], Value]) -> Value:
    def talk(transmit: Transmit) -> Value:
        return ask(Tpm(transmit))

    try:
        return device.converse(talk)
    except TpmRefused as refused:
        raise refused.in_words() from refused
    except NotProven as problem:
        raise nonsense(problem) from problem


def _certified(tpm: Tpm) -> tuple[EndorsementKind, tuple[bytes, ...]]:
    """The kind of endorsement key that has its maker's certificate in the TPM, with it and those above."""
    for kind in ENDORSEMENT_KINDS:
        own = split_certificates(tpm.read_nv(kind.certificate_index) or b"")
        if own:
            return kind, own[:1] + split_certificates(b"".join(_authorities(tpm)))
    return EK_ECC, ()


def _authorities(tpm: Tpm) -> Iterator[bytes]:
    for index in CHAIN_INDICES:
        content = tpm.read_nv(index)
        if content is None:
            return
        yield content


def split_certificates(untrusted: bytes) -> tuple[bytes, ...]:
    """DER certificates that lie one behind the other; what follows them is padding."""
    found = []
    while untrusted[:2] == bytes([SEQUENCE, LONG_LENGTH]):
        size = 4 + int.from_bytes(untrusted[2:4], "big")
        if size > len(untrusted):
            break
        found.append(untrusted[:size])
        untrusted = untrusted[size:]
    return tuple(found)


@contextmanager
def _endorsement_key(tpm: Tpm, kind: EndorsementKind) -> Iterator[Key]:
    kept = tpm.persistent_key(kind.persistent)
    if kept is not None and _is_of(kind, kept):
        yield kept
        return
    with tpm.primary_key(kind.template.marshalled()) as made:
        yield made


def _is_of(kind: EndorsementKind, kept: Key) -> bool:
    try:
        return read_public(kept.public, "a key that is kept in the TPM").is_like(kind.template)
    except NotProven:
        return False  # somebody keeps another kind of key in this place
