"""A real H100's evidence, as NVIDIA's verifier brings it along; `vectors/nvidia/README.md` says from where."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mulberry.attestation.evidence import GpuEvidence

FOLDER = Path(__file__).with_name("vectors") / "nvidia"
HOPPER_REPORT = bytes.fromhex((FOLDER / "hopper-report.hex").read_text(encoding="ascii"))
HOPPER_CHAIN_PEM = (FOLDER / "hopper-chain.pem").read_bytes()
HOPPER_NONCE = HOPPER_REPORT[4:36]
MANIFEST = (FOLDER / "NV_GPU_VBIOS_1010_0200_882_96005E0003.swidtag").read_bytes()
AT_THE_TIME = datetime(2024, 9, 1, tzinfo=UTC)  # the manifest's signer was valid


def hopper_evidence() -> GpuEvidence:
    chain = x509.load_pem_x509_certificates(HOPPER_CHAIN_PEM)
    return GpuEvidence(
        "GPU-sample", HOPPER_NONCE, HOPPER_REPORT, tuple(one.public_bytes(Encoding.DER) for one in chain)
    )
