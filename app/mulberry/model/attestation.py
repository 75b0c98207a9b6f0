"""What the two ends of a connection ask of each other, and what one showed. Source: the protocol page, section 2."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Literal

from mulberry.model.language import tr

TransportName = Literal["plain", "ratls", "socks5"]  # how a worker's bytes reach a proxy: see `cocoon.transports`


class Policy(StrEnum):
    """What a peer must show. `FAKE_TDX` is for test networks: it has the form of a proof and proves nothing."""

    ANY = "any"
    FAKE_TDX = "fake_tdx"
    TDX = "tdx"


@dataclass(frozen=True, slots=True)
class Measurements:
    """The registers of a trusted domain, 48 bytes each; all zero in a fake quote."""

    mrtd: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmrs: tuple[bytes, bytes, bytes, bytes]

    @property
    def image_hash(self) -> bytes:
        """What the root contract lists: SHA-256 over all registers with 64 zero bytes in REPORTDATA's place."""
        registers = (self.mrtd, self.mr_config_id, self.mr_owner, self.mr_owner_config, *self.rtmrs)
        return sha256(b"".join(registers) + bytes(64)).digest()


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a peer must show, and which values are accepted. An empty list accepts every value.

    `image_hashes` are SHA-256 (32 bytes), `mrtds` 48 bytes, `rtmrs` sets of four of 48 bytes, `collateral_roots`
    SHA-384 of the root key's uncompressed point.
    """

    policy: Policy
    image_hashes: frozenset[bytes] = frozenset()
    mrtds: frozenset[bytes] = frozenset()
    rtmrs: frozenset[tuple[bytes, bytes, bytes, bytes]] = frozenset()
    collateral_roots: frozenset[bytes] = frozenset()

    def objection(self, measurements: Measurements, collateral_root: bytes | None) -> str | None:
        """Which list a quote is not on, in words without a full stop; None: it is on all. Nothing else is checked."""
        shown_on_list = (
            (tr("image"), measurements.image_hash, self.image_hashes),
            ("MRTD", measurements.mrtd, self.mrtds),
            (tr("set of RTMRs"), measurements.rtmrs, self.rtmrs),
            (tr("collateral root"), collateral_root, self.collateral_roots),
        )
        for what, shown, accepted in shown_on_list:
            if accepted and shown not in accepted:
                named = f"{what} {shown.hex()[:16]}…" if isinstance(shown, bytes) else what
                return tr("its {measurement} is not on the list of accepted ones", measurement=named)
        return None

    @property
    def lists_anything(self) -> bool:
        return bool(self.image_hashes or self.mrtds or self.rtmrs or self.collateral_roots)


@dataclass(frozen=True, slots=True)
class PeerEvidence:
    """What a peer showed, after every check of `policy` passed. `public_key` is its certificate's Ed25519 key, raw.

    `measurements` and `image_hash` are None where no quote was asked for. `told_by_router`: not checked by us but by a
    local SOCKS5 router, whose word we take.
    """

    policy: Policy
    public_key: bytes
    image_hash: bytes | None = None
    measurements: Measurements | None = None
    told_by_router: bool = False

    @property
    def is_proven(self) -> bool:
        """Whether a genuine quote was verified."""
        return self.policy is Policy.TDX and self.image_hash is not None

    @property
    def verdict(self) -> str:
        """For the faces, in words; a fake proof is called what it is."""
        if self.policy is Policy.TDX and self.image_hash is not None:
            said = tr("TDX quote verified, image {image_hash}…", image_hash=self.image_hash.hex()[:16])
        elif self.policy is Policy.FAKE_TDX:
            said = tr("TEST, nothing proven")
        else:
            said = tr("nothing asked for, nothing proven")
        return tr("{said} (told by the router)", said=said) if self.told_by_router else said
