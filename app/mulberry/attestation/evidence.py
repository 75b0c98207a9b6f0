"""What a computer shows of itself, unchecked: everything here is untrusted until `attestation.levels` judged it.

How the parts hang together: the statement is canonical JSON, signed by this installation's device key (Ed25519). Its
SHA-256 is the TPM quote's extra data and the nonce of every GPU report; its SHA-512 is the TDX quote's REPORTDATA.
So nothing can be taken from another statement, and the peer's nonce inside the statement makes all of it fresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256, sha512


@dataclass(frozen=True, slots=True)
class TpmEvidence:
    """A TPM 2.0's quote (TCG TPM 2.0 Library, part 2). All fields are marshalled structures without a size before them.

    `ak_public` and `ek_public` are TPMT_PUBLIC, `quoted` TPMS_ATTEST, `signature` TPMT_SIGNATURE; `pcrs` are SHA-256
    values of 32 bytes by index; `ek_chain` DER certificates, the EK's own first. `activated` is the secret that only
    this TPM could have got out of the verifier's challenge; None: nobody challenged it.
    """

    ak_public: bytes
    quoted: bytes
    signature: bytes
    pcrs: Mapping[int, bytes]
    ek_public: bytes
    ek_chain: tuple[bytes, ...] = ()
    activated: bytes | None = None


@dataclass(frozen=True, slots=True)
class GpuEvidence:
    """One GPU's SPDM 1.1 measurement report and its certificates.

    `report` is the request and the response, one after the other, as NVML gives them; `nonce` is the 32 bytes that
    were asked with; `chain` are DER certificates, the GPU's own first.
    """

    uuid: str
    nonce: bytes
    report: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that one computer shows. `statement` is the canonical JSON, byte for byte as signed."""

    statement: bytes
    public_key: bytes  # Ed25519, raw
    signature: bytes  # of the statement
    tdx_quote: bytes | None = None
    tpm: TpmEvidence | None = None
    gpus: tuple[GpuEvidence, ...] = ()

    @property
    def bound_to(self) -> bytes:
        """32 bytes: what TPM and GPUs must have signed."""
        return sha256(self.statement).digest()

    @property
    def report_data(self) -> bytes:
        """64 bytes: what the TDX quote must carry."""
        return sha512(self.statement).digest()
