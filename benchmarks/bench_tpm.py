"""What a TPM's part of an attestation costs, with swtpm. TPMs on boards are slower by far."""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # for the TPM in software

import swtpm
from mulberry.attestation import tpm
from mulberry.attestation.tpm.keys import EK_ECC, ecc_key
from mulberry.attestation.tpm.wire import read_public
from synthetic_tpm import BOUND_TO, NOW, new_maker

ROUNDS = 50
GOAL_MILLISECONDS = 100

Value = TypeVar("Value")


def told(what: str, work: Callable[[], Value]) -> Value:
    result, took = work(), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    value = median(took)
    print(f"{what:30} {value:8.3f} ms           goal {GOAL_MILLISECONDS}, ratio {value / GOAL_MILLISECONDS:.2f}")
    return result


def main() -> None:
    if swtpm.SWTPM is None:
        print("no swtpm: nothing measured")
        return
    maker = new_maker()
    with tempfile.TemporaryDirectory() as state, swtpm.started(Path(state)) as device:
        device.boot()
        key = ecc_key(read_public(tpm.identify(device).ek_public, "the EK"), "the EK")
        device.write_certificate(EK_ECC.certificate_index, maker.certify(key))
        identity = told("the TPM's keys and certificate", lambda: tpm.identify(device))
        asked = told("a challenge", lambda: tpm.challenge(identity.ek_public, identity.ak_public))
        evidence = told("a whole quote, with its answer", lambda: tpm.collect(device, BOUND_TO, asked.credential))
        verified = told("verified", lambda: tpm.verify(evidence, BOUND_TO, (maker.certificate,), NOW, asked))
    assert verified.is_genuine


if __name__ == "__main__":
    main()
