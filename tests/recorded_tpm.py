"""Conversations with a TPM, replayed where there is none. `tools/tpm_vectors.py` records them from swtpm."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from mulberry.attestation.tpm import Challenge, Credential
from mulberry.attestation.tpm.device import Transmit

VECTORS = Path(__file__).parent / "vectors" / "tpm"
NAMES = ("ecc", "rsa")

Value = TypeVar("Value")


@dataclass(frozen=True)
class RecordedTpm:
    """Answers what was recorded for a command, and fails for one that was never sent."""

    answers: dict[bytes, bytes]

    def converse(self, talk: Callable[[Transmit], Value]) -> Value:
        return talk(self.answers.__getitem__)


@dataclass(frozen=True)
class Recording:
    """One TPM that was identified, challenged and asked for a quote over `bound_to`. `roots`: the makers' to trust."""

    tpm: RecordedTpm
    bound_to: bytes
    challenge: Challenge
    roots: tuple[x509.Certificate, ...]
    root_above: x509.Certificate  # of the last one in `roots`


def recording(name: str) -> Recording:
    said = json.loads((VECTORS / f"{name}.json").read_text())
    asked = said["challenge"]
    return Recording(
        RecordedTpm({bytes.fromhex(command): bytes.fromhex(answer) for command, answer in said["exchanges"]}),
        bytes.fromhex(said["bound_to"]),
        Challenge(
            bytes.fromhex(asked["ek_public"]),
            bytes.fromhex(asked["ak_public"]),
            Credential(bytes.fromhex(asked["identity"]), bytes.fromhex(asked["secret"])),
            bytes.fromhex(asked["answer"]),
        ),
        tuple(x509.load_pem_x509_certificates(said["roots"].encode())),
        x509.load_pem_x509_certificate(said["root_above"].encode()),
    )
