"""What a GPU's report is compared with: NVIDIA's roots, which are built in, and what was put into a folder before.

In the folder lie reference manifests as `ID.swidtag`, by the names that NVIDIA's service rim.attestation.nvidia.com
knows them by, and OCSP answers as `SHA-256 of the certificate.ocsp`. Nothing here asks the network.
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mulberry.model.files import read_bounded
from mulberry.model.places import resource

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

DEVICE_ROOT = "attestation/nvidia-device-root.pem"
REFERENCE_ROOT = "attestation/nvidia-reference-root.pem"

_NAME = re.compile(r"[A-Za-z0-9._-]{1,120}")


class GpuReferences:
    """`folder` None: none was ever put anywhere. The two roots are read when they are first used; tests give others."""

    def __init__(
        self,
        folder: Path | None,
        *,
        device_root: "Certificate | None" = None,
        reference_root: "Certificate | None" = None,
    ) -> None:
        self._folder = folder
        self._device_root = device_root
        self._reference_root = reference_root

    @property
    def device_root(self) -> "Certificate":
        """Of every GPU's own certificates."""
        if self._device_root is None:
            self._device_root = _built_in(DEVICE_ROOT)
        return self._device_root

    @property
    def reference_root(self) -> "Certificate":
        """Of those who sign reference manifests."""
        if self._reference_root is None:
            self._reference_root = _built_in(REFERENCE_ROOT)
        return self._reference_root

    def manifest(self, name: str) -> bytes | None:
        """Untrusted. None: it is not here, or too large."""
        return self._read(f"{name}.swidtag")

    def answer(self, certificate: "Certificate") -> bytes | None:
        """The OCSP answer about a certificate, untrusted. None: it is not here, or too large."""
        return self._read(answer_name(certificate))

    def _read(self, name: str) -> bytes | None:
        if self._folder is None or _NAME.fullmatch(name) is None:  # names come from a stranger's report
            return None
        try:
            return read_bounded(self._folder / name)
        except (OSError, ValueError):
            return None


def answer_name(certificate: "Certificate") -> str:
    """The file name of the OCSP answer about a certificate."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return f"{certificate.fingerprint(SHA256()).hex()}.ocsp"


def _built_in(name: str) -> "Certificate":
    from cryptography import x509

    return x509.load_pem_x509_certificate(resource(name).read_bytes())
