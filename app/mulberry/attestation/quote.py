"""Reads a TDX quote: what the hardware signed. Reading proves nothing, `tdx` does.

Source: Intel's TDX DCAP quoting library API, quote versions 4 and 5, as the protocol page, section 2, sums it up.
All numbers are little endian.
"""

import struct
from dataclasses import dataclass

from mulberry.attestation.errors import NotProven
from mulberry.model.attestation import Measurements

MOST_QUOTE_BYTES = 32 * 2**10
HEADER_BYTES = 48
TEE_TYPE_TDX = 0x81
BODY_BYTES = {2: 584, 3: 648}  # by body type: TDX 1.0, TDX 1.5
FAKE_QUOTE_BYTES = 64

_HEADER = struct.Struct("<HHI")  # version, kind of attestation key, TEE type
_BODY_HEAD = struct.Struct("<HI")  # version 5 only: type, size
# TCB version, MRSEAM, its signer, SEAM attributes, TD attributes, XFAM, four MR…, four RTMR, REPORTDATA
_BODY = struct.Struct("<16s48s48s8s8s8s48s48s48s48s48s48s48s48s64s")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a quote says. `report_data` 64 bytes, `td_attributes` 8 bytes."""

    version: int
    measurements: Measurements
    report_data: bytes
    td_attributes: bytes

    @property
    def is_debug(self) -> bool:
        """Intel: with any bit of the first attribute byte set, the guest is under debug and not to be trusted."""
        return self.td_attributes[0] != 0


def parse_quote(untrusted_quote: bytes) -> Quote:
    """Reads versions 4 and 5. Raises `NotProven`: something else, cut short or too large."""
    if len(untrusted_quote) > MOST_QUOTE_BYTES:
        raise NotProven(f"its quote has {len(untrusted_quote):,} bytes, at most {MOST_QUOTE_BYTES:,} are read")
    if len(untrusted_quote) < HEADER_BYTES:
        raise NotProven(f"its quote of {len(untrusted_quote)} bytes is cut short")
    version, _, tee_type = _HEADER.unpack_from(untrusted_quote)
    if version not in (4, 5):
        raise NotProven(f"its quote has version {version}, not 4 or 5")
    if tee_type != TEE_TYPE_TDX:
        raise NotProven(f"its quote is for another technology than Intel TDX (TEE type {tee_type:#x})")
    start = HEADER_BYTES
    if version == 5:
        start += _BODY_HEAD.size
        if len(untrusted_quote) < start:
            raise NotProven(f"its quote of {len(untrusted_quote)} bytes is cut short")
        kind, size = _BODY_HEAD.unpack_from(untrusted_quote, HEADER_BYTES)
        if BODY_BYTES.get(kind) != size:
            raise NotProven(f"its quote has a body of an unknown kind ({kind}, {size:,} bytes)")
    else:
        size = BODY_BYTES[2]
    if len(untrusted_quote) < start + size:
        raise NotProven(f"its quote of {len(untrusted_quote)} bytes is cut short")
    _, _, _, _, td_attributes, _, *registers, report_data = _BODY.unpack_from(untrusted_quote, start)
    mrtd, config_id, owner, owner_config, rtmr0, rtmr1, rtmr2, rtmr3 = registers
    measurements = Measurements(mrtd, config_id, owner, owner_config, (rtmr0, rtmr1, rtmr2, rtmr3))
    return Quote(version, measurements, report_data, td_attributes)


def parse_fake_quote(untrusted_quote: bytes) -> Quote:
    """A test network's quote: the 64 bytes of REPORTDATA, everything else zero. Raises `NotProven`: another size."""
    if len(untrusted_quote) != FAKE_QUOTE_BYTES:
        raise NotProven(f"its fake quote has {len(untrusted_quote):,} bytes, not {FAKE_QUOTE_BYTES}")
    zero = bytes(48)
    return Quote(0, Measurements(zero, zero, zero, zero, (zero, zero, zero, zero)), untrusted_quote, bytes(8))
