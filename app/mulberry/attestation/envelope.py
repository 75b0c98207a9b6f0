"""The file in which a statement travels with its evidence, to be verified on any computer.

The form is ours (docs/attestation.md prints it): one JSON object, each part of it in base64. Reading checks form and
sizes and nothing else; `levels` judges what was read.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from mulberry.attestation.errors import NotProven
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.manifest import MOST_GPUS, Sha256
from mulberry.model.encoding import from_json, to_json

MOST_ENVELOPE_BYTES = 4 * 2**20
MOST_CERTIFICATES = 10  # in one chain

Small = Annotated[str, Field(max_length=1_400)]  # keys and signatures: 1 KiB
Medium = Annotated[str, Field(max_length=44_000)]  # reports, quotes and certificates: 32 KiB
Large = Annotated[str, Field(max_length=350_000)]  # the statement: 256 KiB
Chain = Annotated[tuple[Medium, ...], Field(max_length=MOST_CERTIFICATES)]


@dataclass(frozen=True, slots=True)
class _Tpm:
    ak_public: Small
    quoted: Small
    signature: Small
    pcrs: Annotated[dict[str, Sha256], Field(max_length=24)]  # by index, in decimal
    ek_public: Small
    ek_chain: Chain
    activated: Small | None


@dataclass(frozen=True, slots=True)
class _Gpu:
    uuid: Annotated[str, Field(max_length=100)]
    nonce: Small
    report: Medium
    chain: Chain


@dataclass(frozen=True, slots=True)
class _Sealed:
    statement: Large
    public_key: Small
    signature: Small
    tdx_quote: Medium | None
    tpm: _Tpm | None
    gpus: Annotated[tuple[_Gpu, ...], Field(max_length=MOST_GPUS)]
    format: Literal["mulberry envelope 1"] = "mulberry envelope 1"


def write_envelope(evidence: Evidence) -> bytes:
    tpm, quote = evidence.tpm, evidence.tdx_quote
    return to_json(
        _Sealed,
        _Sealed(
            statement=_text(evidence.statement),
            public_key=_text(evidence.public_key),
            signature=_text(evidence.signature),
            tdx_quote=None if quote is None else _text(quote),
            tpm=None if tpm is None else _seal_tpm(tpm),
            gpus=tuple(
                _Gpu(gpu.uuid, _text(gpu.nonce), _text(gpu.report), tuple(map(_text, gpu.chain)))
                for gpu in evidence.gpus
            ),
        ),
    )


def read_envelope(untrusted: bytes) -> Evidence:
    """Raises `NotProven`: no envelope, or one with parts larger or more than any that is written."""
    if len(untrusted) > MOST_ENVELOPE_BYTES:
        raise NotProven(f"the envelope has {len(untrusted):,} bytes, at most {MOST_ENVELOPE_BYTES:,} are read")
    try:
        sealed = from_json(_Sealed, untrusted)
        quote = sealed.tdx_quote
        return Evidence(
            statement=_bytes(sealed.statement),
            public_key=_bytes(sealed.public_key),
            signature=_bytes(sealed.signature),
            tdx_quote=None if quote is None else _bytes(quote),
            tpm=None if sealed.tpm is None else _open_tpm(sealed.tpm),
            gpus=tuple(
                GpuEvidence(gpu.uuid, _bytes(gpu.nonce), _bytes(gpu.report), tuple(map(_bytes, gpu.chain)))
                for gpu in sealed.gpus
            ),
        )
    except ValueError as problem:
        raise NotProven("this is no envelope that this version reads") from problem


def _seal_tpm(tpm: TpmEvidence) -> _Tpm:
    return _Tpm(
        ak_public=_text(tpm.ak_public),
        quoted=_text(tpm.quoted),
        signature=_text(tpm.signature),
        pcrs={str(index): value.hex() for index, value in sorted(tpm.pcrs.items())},
        ek_public=_text(tpm.ek_public),
        ek_chain=tuple(map(_text, tpm.ek_chain)),
        activated=None if tpm.activated is None else _text(tpm.activated),
    )


def _open_tpm(sealed: _Tpm) -> TpmEvidence:
    return TpmEvidence(
        ak_public=_bytes(sealed.ak_public),
        quoted=_bytes(sealed.quoted),
        signature=_bytes(sealed.signature),
        pcrs={_index(name): bytes.fromhex(value) for name, value in sealed.pcrs.items()},
        ek_public=_bytes(sealed.ek_public),
        ek_chain=tuple(map(_bytes, sealed.ek_chain)),
        activated=None if sealed.activated is None else _bytes(sealed.activated),
    )


def _index(name: str) -> int:
    """A PCR's, of which a TPM has 24. Raises `ValueError`."""
    if name not in _INDICES:
        raise ValueError("no PCR")
    return int(name)


_INDICES = frozenset(map(str, range(24)))


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(untrusted: str) -> bytes:
    """Raises `ValueError`, also for base64 that nobody writes."""
    try:
        return base64.b64decode(untrusted, validate=True)
    except binascii.Error as problem:
        raise ValueError("no base64") from problem
