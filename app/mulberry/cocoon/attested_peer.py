"""What a SOCKS5 router tells of the peer whose proof it checked: one frame ahead of the first packet.

Source: the protocol page, section 2, and a recorded frame of the public router. `uint32 length`, then the body: TL
without ids; a field of fixed size has no length of its own.
"""

import struct
from dataclasses import dataclass
from hashlib import sha512
from struct import Struct

from mulberry.cocoon.tl import BYTES, TlError
from mulberry.model.attestation import Measurements, PeerEvidence, Policy, Requirements
from mulberry.model.language import number, tr

LENGTH = Struct("<I")
MOST_BODY_BYTES = 16_536
LEAST_BODY_BYTES = 4
_INT = Struct("<i")
_TDX = 0  # the other kind is SGX, which no policy of the network knows
_REGISTERS = Struct("48s48s48s48s48s48s48s48s64s")
_ROOT = Struct("48s")
PUBLIC_KEY_BYTES = 32
MOST_ADDRESS_BYTES = 64


class AttestedPeerError(ValueError):
    """Bytes that are not one such frame. The text says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An end of the router's own connection to the peer, as the router saw it."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Attested:
    """The registers of a quote that the router verified, and its REPORTDATA (64 bytes)."""

    measurements: Measurements
    report_data: bytes


@dataclass(frozen=True, slots=True)
class AttestedPeer:
    """`attested` is None where the router asked for no quote. `collateral_root` has 48 bytes, zero without one."""

    attested: Attested | None
    collateral_root: bytes
    public_key: bytes
    source: Endpoint
    destination: Endpoint

    @classmethod
    def parse(cls, untrusted_body: bytes) -> "AttestedPeer":
        """The frame's body, whole. Raises `AttestedPeerError`."""
        try:
            return _parse(untrusted_body)
        except (struct.error, IndexError):
            raise AttestedPeerError(tr("it ends early")) from None
        except UnicodeDecodeError:
            raise AttestedPeerError(tr("an address in it is no text")) from None
        except TlError as problem:
            raise AttestedPeerError(str(problem)) from None

    def pack(self) -> bytes:
        """The frame, its length ahead."""
        parts = [_INT.pack(self.attested is not None)]
        if self.attested is not None:
            registers = self.attested.measurements
            head = (registers.mrtd, registers.mr_config_id, registers.mr_owner, registers.mr_owner_config)
            parts += [_INT.pack(_TDX), _REGISTERS.pack(*head, *registers.rtmrs, self.attested.report_data)]
        parts.append(self.collateral_root)
        BYTES.write(parts, self.public_key)
        for end in (self.source, self.destination):
            BYTES.write(parts, end.address.encode())
            parts.append(_INT.pack(end.port))
        body = b"".join(parts)
        return LENGTH.pack(len(body)) + body

    def evidence(self, requirements: Requirements) -> PeerEvidence:
        """What it comes to under `requirements`, on the router's word. Raises `AttestedPeerError`: it is not enough."""
        policy = requirements.policy
        if policy is Policy.ANY:
            if requirements.lists_anything:
                raise AttestedPeerError(tr("images are listed, and this network's policy (any) asks for no quote"))
            return PeerEvidence(policy, self.public_key, told_by_router=True)
        if self.attested is None:
            raise AttestedPeerError(
                tr("no quote was shown, and this network's policy ({policy}) asks for one", policy=policy)
            )
        measurements = self.attested.measurements
        if policy is Policy.TDX and not any(measurements.rtmrs[0]):
            raise AttestedPeerError(tr("the quote is a fake one, and this network asks for real ones"))
        if self.attested.report_data != sha512(self.public_key).digest():
            raise AttestedPeerError(tr("the quote was made for another key than the peer's"))
        objection = requirements.objection(measurements, self.collateral_root)
        if objection is not None:
            raise AttestedPeerError(objection)
        return PeerEvidence(policy, self.public_key, measurements.image_hash, measurements, told_by_router=True)


def checked_length(untrusted: bytes) -> int:
    """Of the frame's body, from its first four bytes. Raises `AttestedPeerError`."""
    (length,) = LENGTH.unpack(untrusted)
    if not LEAST_BODY_BYTES <= length <= MOST_BODY_BYTES:
        raise AttestedPeerError(
            tr(
                "{length} bytes where at most {limit} are read",
                length=number(f"{length:,}"),
                limit=number(f"{MOST_BODY_BYTES:,}"),
            )
        )
    return int(length)


def _parse(untrusted: bytes) -> AttestedPeer:
    (has_attestation,), at = _INT.unpack_from(untrusted), _INT.size
    attested = None
    if has_attestation not in (0, 1):
        raise AttestedPeerError(tr("it begins with neither yes nor no"))
    if has_attestation:
        (kind,) = _INT.unpack_from(untrusted, at)
        if kind != _TDX:
            raise AttestedPeerError(tr("its quote is not one of TDX"))
        registers = _REGISTERS.unpack_from(untrusted, at + _INT.size)
        mrtd, config_id, owner, owner_config, rtmr0, rtmr1, rtmr2, rtmr3, report_data = registers
        measurements = Measurements(mrtd, config_id, owner, owner_config, (rtmr0, rtmr1, rtmr2, rtmr3))
        attested = Attested(measurements, report_data)
        at += _INT.size + _REGISTERS.size
    (collateral_root,) = _ROOT.unpack_from(untrusted, at)
    public_key, at = BYTES.read(untrusted, at + _ROOT.size)
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise AttestedPeerError(tr("a key of {length} bytes", length=len(public_key)))
    source, at = _read_end(untrusted, at)
    destination, at = _read_end(untrusted, at)
    if at != len(untrusted):
        raise AttestedPeerError(tr("{length} bytes behind its end", length=number(f"{len(untrusted) - at:,}")))
    return AttestedPeer(attested, collateral_root, public_key, source, destination)


def _read_end(untrusted: bytes, at: int) -> tuple[Endpoint, int]:
    address, at = BYTES.read(untrusted, at)
    (port,) = _INT.unpack_from(untrusted, at)
    if len(address) > MOST_ADDRESS_BYTES or not 0 <= port <= 65535:
        raise AttestedPeerError(tr("an address in it is none"))
    return Endpoint(address.decode(), port), at + _INT.size
