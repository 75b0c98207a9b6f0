"""Made-up computers that show evidence of every kind, of makers made up as well, and a verifier who trusts those."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mulberry.attestation import tpm
from mulberry.attestation.collateral import CollateralFolder
from mulberry.attestation.evidence import Evidence, GpuEvidence, TpmEvidence
from mulberry.attestation.levels import ImageList, References
from mulberry.attestation.manifest import (
    SECURE_BOOT,
    Package,
    Software,
    StatedFinding,
    StatedGpu,
    StatedModel,
    StatedSandbox,
    Statement,
    write_statement,
)
from mulberry.attestation.tdx import TdxVerifier
from synthetic_gpu_report import SyntheticNvidia
from synthetic_tdx import FMSPC, Guest, SyntheticIntel
from synthetic_tpm import PaperTpm, new_maker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)  # when all that the made-up makers have issued is valid
NONCE = bytes(range(100, 132))
GPU = "GPU-fa4e"  # as the synthetic report names it
SOFTWARE = Software(
    mulberry="0.1.0",
    origin="package",
    files="ab" * 32,
    packages=(Package("numpy", "2.4.0", "cd" * 32), Package("of-the-system", "1", None)),
    python="CPython 3.11.7",
    onnxruntime="onnxruntime-gpu 1.31.1",
    system="Linux-6.8",
)
STATEMENT = Statement(
    made_at=int(NOW.timestamp()) - 60,
    nonce=NONCE.hex(),
    key="00" * 32,
    software=SOFTWARE,
    gpus=(StatedGpu(sha256(GPU.encode()).hexdigest(), "NVIDIA H100 80GB HBM3", "590.12", "96.00.A5.00.01"),),
    model=StatedModel("mulberry/tiny-lm", "1", "ef" * 32),
    sandbox=StatedSandbox("bubblewrap, Landlock and seccomp", passed=0b1_1111_1111_1111, checks=13),
    host=(StatedFinding(SECURE_BOOT, True, "the UEFI variable SecureBoot is 1"),),
)


def stated(statement: Statement, key: Ed25519PrivateKey | None = None) -> Evidence:
    """Signed with the key that it then names; nothing beside it."""
    key = key or Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
    public = key.public_key().public_bytes_raw()
    written = write_statement(replace(statement, key=public.hex()))
    return Evidence(written, public, key.sign(written))


@dataclass
class World:
    """Intel, NVIDIA, one maker of TPMs and one computer with a product of each. `folder` holds what can be compared."""

    folder: Path
    intel: SyntheticIntel
    nvidia: SyntheticNvidia

    def __post_init__(self) -> None:
        self.maker = new_maker()
        self.tpm = PaperTpm()
        self.challenge = tpm.challenge(self.tpm.ek_public, self.tpm.ak_public)
        (self.folder / "collateral").mkdir()
        self.collateral = self.folder / "collateral" / f"{FMSPC}_platform.json"
        self.collateral.write_text(self.intel.collateral())
        self.references_folder = self.folder / "gpu-references"
        self.nvidia.fill(self.references_folder)

    @property
    def image_hash(self) -> bytes:
        guest = Guest(bytes(64))
        registers = (guest.mrtd, guest.mr_config_id, guest.mr_owner, guest.mr_owner_config, *guest.rtmrs)
        return sha256(b"".join(registers) + bytes(64)).digest()

    @property
    def references(self) -> References:
        """Of a verifier who asked with a nonce, challenged the TPM, and has everything to compare with."""
        return References(
            TdxVerifier(CollateralFolder(self.collateral.parent), self.intel.root_der),
            self.nvidia.references(self.references_folder),
            (self.maker.certificate,),
            ImageList(frozenset({self.image_hash.hex()}), "a test's list"),
            NONCE,
            self.challenge,
        )

    def quote(self, evidence: Evidence) -> bytes:
        return self.intel.quote(Guest(evidence.report_data))

    def report(self, evidence: Evidence) -> GpuEvidence:
        return self.nvidia.evidence(evidence.bound_to)

    def boot(self, evidence: Evidence) -> TpmEvidence:
        return self.tpm.evidence(self.maker, self.challenge, self.tpm.quoted(evidence.bound_to))

    def everything(self, statement: Statement = STATEMENT) -> Evidence:
        bare = stated(statement)
        return replace(bare, tdx_quote=self.quote(bare), tpm=self.boot(bare), gpus=(self.report(bare),))


def later(**duration: float) -> datetime:
    return NOW + timedelta(**duration)
