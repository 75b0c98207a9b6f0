"""Reads a GPU's measurement report: a request and its signed answer. Reading proves nothing, `gpu_report` does.

Source: DMTF DSP0274 (SPDM) 1.1, GET_MEASUREMENTS and MEASUREMENTS; what NVIDIA puts into the answer's opaque part is
named as in NVIDIA's nvtrust (`spdm_msrt_resp_msg.py`, 2.7.3). All numbers are little endian.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mulberry.attestation.errors import NotProven

MOST_REPORT_BYTES = 8192  # what NVML has room for
NONCE_BYTES = 32
SIGNATURE_BYTES = 96  # ECDSA P-384: r and s
MOST_MEASUREMENTS = 64
MOST_OPAQUE_FIELDS = 64

_REQUEST = struct.Struct("<BBBB32sB")  # version, code, attributes, operation, nonce, slot
_RESPONSE = struct.Struct("<BBBBB3s")  # version, code, parameter 1, parameter 2, blocks, length of the record
_BLOCK = struct.Struct("<BBH")  # index, specification, size
_DMTF = struct.Struct("<BH")  # type, size
_FIELD = struct.Struct("<HH")  # type, size
_VERSION = 0x11
_GET_MEASUREMENTS, _MEASUREMENTS = 0xE0, 0x60
_WITH_SIGNATURE = 0x01
_DMTF_SPECIFICATION = 0x01


class Field(IntEnum):
    """The opaque fields that are read. The others are kept by their number."""

    DRIVER_VERSION = 3
    VBIOS_VERSION = 6
    NVDEC0_STATUS = 11
    CHIP_SKU = 15
    PROJECT = 17
    PROJECT_SKU = 18
    FIRMWARE_ID = 20
    PROTECTED_PCIE_STATUS = 21
    CHIP = 35
    FEATURE_FLAG = 36


@dataclass(frozen=True, slots=True)
class MeasurementReport:
    """What a report says. `measurements` by their index, from 1 on; `signed` is what `signature` (r and s) is over."""

    nonce: bytes
    measurements: Mapping[int, bytes]
    opaque: Mapping[int, bytes]
    signed: bytes
    signature: bytes

    def text(self, field: Field) -> str:
        """A field of letters; empty where it is missing. Raises `NotProven`: it is none."""
        said = self.opaque.get(field, b"").split(b"\0", 1)[0].decode("ascii", "replace").strip()
        if not all(letter.isalnum() or letter in ".-_ " for letter in said) or not said.isascii():
            raise NotProven(f"its GPU's report has something else than letters in field {field.name.lower()}")
        return said


def parse_report(untrusted_report: bytes) -> MeasurementReport:
    """Reads the request and the answer, as NVML gives them one after the other. Raises `NotProven`: something else,
    cut short or too large."""
    if len(untrusted_report) > MOST_REPORT_BYTES:
        raise NotProven(f"its GPU's report has {len(untrusted_report):,} bytes, at most {MOST_REPORT_BYTES:,} are read")
    reader = _Reader(untrusted_report)
    version, code, attributes, _, nonce, _ = reader.unpack(_REQUEST)
    if (version, code) != (_VERSION, _GET_MEASUREMENTS) or not attributes & _WITH_SIGNATURE:
        raise NotProven("its GPU's report does not begin with a request for signed measurements (SPDM 1.1)")
    version, code, _, _, blocks, length = reader.unpack(_RESPONSE)
    if (version, code) != (_VERSION, _MEASUREMENTS):
        raise NotProven("its GPU did not answer with measurements (SPDM 1.1)")
    measurements = _measurements(reader.take(int.from_bytes(length, "little")), blocks)
    reader.take(NONCE_BYTES)  # the GPU's own; the request's is the one that was asked with
    opaque = _opaque(reader.take(int.from_bytes(reader.take(2), "little")))
    signed = untrusted_report[: reader.at]
    signature = reader.take(SIGNATURE_BYTES)
    if reader.rest:
        raise NotProven(f"its GPU's report has {len(reader.rest)} bytes too many")
    return MeasurementReport(nonce, measurements, opaque, signed, signature)


class _Reader:
    def __init__(self, untrusted: bytes) -> None:
        self._bytes = untrusted
        self.at = 0

    @property
    def rest(self) -> bytes:
        return self._bytes[self.at :]

    def take(self, count: int) -> bytes:
        taken = self._bytes[self.at : self.at + count]
        if len(taken) < count:
            raise NotProven(f"its GPU's report of {len(self._bytes)} bytes is cut short")
        self.at += count
        return taken

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))


def _measurements(untrusted_record: bytes, blocks: int) -> dict[int, bytes]:
    if not 0 < blocks <= MOST_MEASUREMENTS:
        raise NotProven(f"its GPU's report has {blocks} measurements, not 1 to {MOST_MEASUREMENTS}")
    reader = _Reader(untrusted_record)
    measurements: dict[int, bytes] = {}
    for _ in range(blocks):
        index, specification, size = reader.unpack(_BLOCK)
        block = _Reader(reader.take(size))
        _, value_size = block.unpack(_DMTF)
        value = block.take(value_size)
        if specification != _DMTF_SPECIFICATION or block.rest or index in measurements:
            raise NotProven(f"its GPU's report has an unreadable measurement (index {index})")
        measurements[index] = value
    if reader.rest:
        raise NotProven("its GPU's report has more measurements than it says")
    return measurements


def _opaque(untrusted_fields: bytes) -> dict[int, bytes]:
    reader = _Reader(untrusted_fields)
    fields: dict[int, bytes] = {}
    while reader.rest:
        kind, size = reader.unpack(_FIELD)
        value = reader.take(size)
        if kind in fields or len(fields) == MOST_OPAQUE_FIELDS:
            raise NotProven(f"its GPU's report has field {kind} twice, or too many fields")
        fields[kind] = value
    return fields
