"""The committed codes must be what the committed sources say: nobody can read a bag of cells."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mulberry.demo import contracts
from mulberry.demo.contracts import load_codes
from mulberry.model.places import resource

TOOL = Path(__file__).resolve().parents[2] / "tools" / "contracts.py"
COMPILER = TOOL.parent.parent / ".venv" / "tolk-js-1.3.0"


def test_the_sources_compile_to_what_is_committed() -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not COMPILER.is_dir():
        pytest.skip("the compiler is not there; `python tools/contracts.py` fetches it")
    run = subprocess.run([sys.executable, TOOL, "--check"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_every_code_is_what_its_hash_says() -> None:
    codes = load_codes()
    assert len({code.hash for code in (codes.root, codes.proxy, codes.worker, codes.client, codes.wallet)}) == 5


def test_a_changed_code_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = json.loads(resource("contracts/compiled.json").read_text())
    compiled["contracts"]["wallet"]["boc"] = compiled["contracts"]["worker"]["boc"]
    changed = tmp_path / "compiled.json"
    changed.write_text(json.dumps(compiled))
    monkeypatch.setattr(contracts, "resource", lambda _: changed)
    with pytest.raises(ValueError, match="the wallet contract is not the one"):
        load_codes()
