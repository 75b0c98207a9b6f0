"""Makes tests/vectors/tpm: what a software TPM (swtpm, swtpm_setup) answers to each of our commands.

    PYTHONPATH=app:tests python tools/tpm_vectors.py

`ecc.json` is a TPM with an endorsement key on P-256, certified by our made-up maker; `rsa.json` one that swtpm's own
tools set up, with their certificate and their key kept ready in the TPM.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

import swtpm
from mulberry.attestation import tpm
from mulberry.attestation.tpm.collecting import CHAIN_INDICES
from mulberry.attestation.tpm.keys import EK_ECC, ecc_key
from mulberry.attestation.tpm.wire import read_public
from recorded_tpm import VECTORS
from synthetic_tpm import BOUND_TO, new_maker


def record(name: str, device: swtpm.SwTpm, root: x509.Certificate, root_above: x509.Certificate) -> None:
    """Writes the conversation of a whole attestation."""
    device.boot()
    device.exchanges.clear()
    identity = tpm.identify(device)
    challenge = tpm.challenge(identity.ek_public, identity.ak_public)
    evidence = tpm.collect(device, BOUND_TO, challenge.credential)
    assert evidence.activated == challenge.answer
    content = {
        "bound_to": BOUND_TO.hex(),
        "challenge": {
            "ek_public": challenge.ek_public.hex(),
            "ak_public": challenge.ak_public.hex(),
            "identity": challenge.credential.identity.hex(),
            "secret": challenge.credential.secret.hex(),
            "answer": challenge.answer.hex(),
        },
        "roots": root.public_bytes(Encoding.PEM).decode(),
        "root_above": root_above.public_bytes(Encoding.PEM).decode(),
        "exchanges": [(command.hex(), answer.hex()) for command, answer in device.exchanges],
    }
    (VECTORS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def with_our_maker() -> None:
    root = new_maker()
    issuing = root.issue("Paper TPM Issuing")
    with tempfile.TemporaryDirectory() as state, swtpm.started(Path(state)) as device:
        ek = ecc_key(read_public(tpm.identify(device).ek_public, "the EK"), "the EK")
        device.write_certificate(EK_ECC.certificate_index, issuing.certify(ek))
        device.write_certificate(CHAIN_INDICES[0], issuing.der)
        record("ecc", device, root.certificate, root.certificate)


def with_swtpms_own() -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as state:
        here = Path(folder)
        names = {"signingkey": "signkey.pem", "issuercert": "issuer.pem", "certserial": "serial"}
        authority = [f"statedir = {here}", *(f"{key} = {here / name}" for key, name in names.items())]
        (here / "authority.conf").write_text("\n".join(authority))
        (here / "options").write_text("--platform-manufacturer Paper\n--platform-version 1\n--platform-model Test\n")
        (here / "setup.conf").write_text(
            "create_certs_tool = swtpm_localca\n"
            f"create_certs_tool_config = {here / 'authority.conf'}\n"
            f"create_certs_tool_options = {here / 'options'}\n"
            "active_pcr_banks = sha256\n"
        )
        options = ("--tpm2", "--tpm-state", state, "--config", str(here / "setup.conf"), "--create-ek-cert")
        subprocess.run(["swtpm_setup", *options], check=True, stdout=subprocess.DEVNULL)  # noqa: S607
        issuer = x509.load_pem_x509_certificate((here / "issuer.pem").read_bytes())
        above = x509.load_pem_x509_certificate((here / "swtpm-localca-rootca-cert.pem").read_bytes())
        with swtpm.started(Path(state)) as device:
            record("rsa", device, issuer, above)


if __name__ == "__main__":
    with_our_maker()
    with_swtpms_own()
