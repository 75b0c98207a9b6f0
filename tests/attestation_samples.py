"""What agents found on a desktop, in a TDX guest and on a test network, for tests and pictures of what shows it."""

from datetime import timedelta

from mulberry.model.errors import WhoseTurn
from mulberry.model.proof import AttestationStatus, Check, Fact, Hindrance, Level, Outcome, Seen, Verdict
from samples import NOON

INTEL, NVIDIA, HERE, MAKER = "Intel", "NVIDIA", "this computer", "the TPM's maker"

STATEMENT = Check(
    "Signed statement",
    Outcome.HOLDS,
    "Signed by this installation's device key; nothing in it was changed since.",
    HERE,
    (
        Check("Signature", Outcome.HOLDS, "Ed25519, by the key that the statement names.", HERE),
        Check("Freshness", Outcome.MISSING, "No verifier asked with a nonce, so it may be an older one.", HERE),
    ),
)
NO_TPM = Check("TPM", Outcome.MISSING, "The TPM was not asked.", MAKER)
DESKTOP = AttestationStatus(
    Verdict(Level.SELF_REPORTED, (STATEMENT, NO_TPM), NOON),
    facts=(
        Fact("Mulberry", "0.1.0, installed files unchanged"),
        Fact("Python", "3.11.9"),
        Fact("onnxruntime", "1.31.1"),
        Fact("Driver", "580.95.05", "the NVIDIA driver"),
        Fact("GPU", "NVIDIA GeForce RTX 4090"),
        Fact("Sandbox", "bubblewrap, Landlock and seccomp, self-test passed"),
        Fact("Secure Boot", "on"),
        Fact("Model", "tiny-lm, sha256 1f0e2d3c4b5a6978"),
    ),
    seen=(
        Seen("Proof of this computer", "nothing: a key, and no quote", "level 1, a signed statement"),
        Seen("Prompts", "not told who can read them", "you, and software that runs as you, can read them"),
        Seen("Model", "its name, and the hash you announce", "the files, compared with their manifest"),
    ),
    hindrances=(
        Hindrance(
            "The TPM was not asked.",
            "This user may not open /dev/tpmrm0.",
            "Add the user to the group tss, then sign in again.",
            WhoseTurn.YOU,
        ),
    ),
    next_step="With the TPM's signature this computer could reach level 2.",
)
QUOTE = Check(
    "TDX quote",
    Outcome.HOLDS,
    "A genuine, up-to-date Intel TDX guest that is not under debug asked for it.",
    INTEL,
    (
        Check("Certificates", Outcome.HOLDS, "From Intel's root down to the quote.", INTEL),
        Check("Collateral", Outcome.HOLDS, "Valid until 12 Dec 2026; nothing is revoked.", INTEL),
        Check("Image", Outcome.HOLDS, "04b3afd931d28680… is on the network's list.", "the network"),
    ),
)
REPORT = Check(
    "GPU report",
    Outcome.HOLDS,
    "NVIDIA H100 in confidential mode, for this same guest.",
    NVIDIA,
    (
        Check("Certificates", Outcome.HOLDS, "From NVIDIA's root down to the GPU.", NVIDIA),
        Check("Revocation", Outcome.MISSING, "NVIDIA was not asked whether a certificate is revoked.", NVIDIA),
    ),
)
GUEST = AttestationStatus(
    Verdict(Level.CONFIDENTIAL, (STATEMENT, QUOTE, REPORT), NOON, NOON + timedelta(days=20)),
    facts=DESKTOP.facts,
    seen=(Seen("Proof of this computer", "a TDX quote of image 04b3afd931d28680…", "level 4"),),
)
TEST = AttestationStatus(
    Verdict(
        Level.NOT_ATTESTED,
        (Check("TDX quote", Outcome.TEST, "64 bytes in a quote's place: everyone can make them."), STATEMENT),
        NOON,
        is_test=True,
    ),
)
