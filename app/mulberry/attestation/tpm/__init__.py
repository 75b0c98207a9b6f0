"""What a TPM 2.0 says of how a computer was started: asked for with `collect`, judged with `verify`.

Two ends speak: the computer shows `identify`, the verifier answers with a `challenge`, the computer with `collect`.
"""

from mulberry.attestation.tpm.collecting import TpmIdentity, collect, identify
from mulberry.attestation.tpm.credential import Challenge, Credential, challenge
from mulberry.attestation.tpm.device import LinuxTpm, TpmDevice
from mulberry.attestation.tpm.endorsement import Endorsement, read_roots
from mulberry.attestation.tpm.verifying import VerifiedTpm, verify

__all__ = [
    "Challenge",
    "Credential",
    "Endorsement",
    "LinuxTpm",
    "TpmDevice",
    "TpmIdentity",
    "VerifiedTpm",
    "challenge",
    "collect",
    "identify",
    "read_roots",
    "verify",
]
