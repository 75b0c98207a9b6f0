"""Everything breaks, again and again, and not a nanoton is lost: what the books say in the end is what was worked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soak.py"
REQUESTS, FAULTS = 800, 15  # one of each kind
SEED = 6


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as Unix does it")
@pytest.mark.timeout(300)
def test_after_every_kind_of_fault_app_proxy_and_chain_agree_to_the_nanoton(tmp_path: Path) -> None:
    words = ["--requests", str(REQUESTS), "--faults", str(FAULTS), "--seed", str(SEED), "--keep", str(tmp_path)]
    done = subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["disagreements"] == []
    assert sum(report["faults"].values()) == len(report["faults"]) == FAULTS, "every kind came once"
    assert report["requests"] == REQUESTS
    assert report["answers"] >= REQUESTS / 2, "between the faults it works"
    assert report["answered_nanoton"] <= report["app"]["earned"] == report["app"]["payable"] == report["app"]["paid"]
    assert report["app"]["paid"] == report["proxy"]["signed"] == report["chain"]["arrived"] > 0
