"""What it takes to verify what a confidential computer shows: a TDX quote, a GPU's report, the collateral for both; and
to state what this computer is."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # for the made-up Intel and NVIDIA

from nacl.signing import SigningKey

import synthetic_gpu_report
import synthetic_tdx
from mulberry.agent.statement import Looked, statement_of
from mulberry.attestation import gpu_report
from mulberry.attestation.collateral import CollateralFolder, file_name
from mulberry.attestation.collateral_check import check_collateral
from mulberry.attestation.manifest import write_statement
from mulberry.attestation.software import read_software
from mulberry.attestation.tdx import TdxVerifier
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.clock import SystemClock

TIMES = 50
GOAL_TDX_MILLISECONDS = 20
GOAL_GPU_MILLISECONDS = 50
GOAL_COLLATERAL_MILLISECONDS = 20
GOAL_MANIFEST_MILLISECONDS = 200


def told(what: str, work: Callable[[], object], goal: float) -> None:
    work()
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    half = statistics.median(times)
    print(f"{what:52} {half:8.2f} ms   goal {goal:g}, ratio {half / goal:.2f}")


def main() -> None:
    intel, nvidia = synthetic_tdx.SyntheticIntel(), synthetic_gpu_report.SyntheticNvidia()
    collateral, quote = intel.collateral(), intel.quote(synthetic_tdx.Guest(bytes(64)))
    fmspc, now = synthetic_tdx.FMSPC, synthetic_tdx.NOW
    evidence, nonce = nvidia.evidence(), synthetic_gpu_report.NONCE
    at = synthetic_gpu_report.NOW
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / str(file_name(fmspc, "platform"))).write_text(collateral, encoding="utf-8")
        nvidia.fill(folder / "nvidia")
        shelf = CollateralFolder(folder)
        told(
            "a TDX quote, met for the first time",
            lambda: TdxVerifier(shelf, intel.root_der).verify(quote, now),
            GOAL_TDX_MILLISECONDS,
        )
        known = TdxVerifier(shelf, intel.root_der)
        told("a TDX quote, met again", lambda: known.verify(quote, now + timedelta(seconds=1)), GOAL_TDX_MILLISECONDS)
        alone, full = nvidia.references(), nvidia.references(folder / "nvidia")
        told(
            "a GPU's report: signature, chain, firmware",
            lambda: gpu_report.verify(evidence, nonce, alone, at),
            GOAL_GPU_MILLISECONDS,
        )
        told(
            "the same with references and revocation",
            lambda: gpu_report.verify(evidence, nonce, full, at),
            GOAL_GPU_MILLISECONDS,
        )
        told(
            "collateral, before it is kept",
            lambda: check_collateral(collateral, fmspc, "platform", now, intel.root_der),
            GOAL_COLLATERAL_MILLISECONDS,
        )

    told("the statement: what is installed, GPUs, host; signed", state_this_computer, GOAL_MANIFEST_MILLISECONDS)


def state_this_computer() -> None:
    """All but the evidence of TPM, TDX and GPU, as the agent does it for each look."""
    clock = SystemClock()
    with closing(Gpus(clock)) as gpus:
        report, host = gpus.read(), read_host(SystemFiles())
        looked = Looked(read_software(), report, host, gpus.confidential(), None, None)
    key = SigningKey.generate()
    key.sign(write_statement(statement_of(looked, bytes(key.verify_key), b"", clock.now())))


if __name__ == "__main__":
    main()
