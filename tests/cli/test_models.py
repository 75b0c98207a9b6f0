"""Owners and their scripts bring in models by these commands: each is run as a process of its own."""

import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hostile_models import HOSTILE
from model_server import a_model, with_manifest, write
from mulberry.cli.model_words import ProgressLine, of_store
from mulberry.cli.models import _bytes
from mulberry.model.models import CopyProgress, StoredModel, StoreStatus
from mulberry.model.places import resource
from tiny_encoder import tiny_encoder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="models are inspected in a sandbox of Linux")


def models(data: Path, *words: str, status: int = 0) -> str:
    """What the command said, errors included."""
    command = [sys.executable, "-m", "mulberry", "models", *words]
    environment = os.environ | {"MULBERRY_DATA": str(data)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=150)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_models_life(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "No models are imported." in models(data, "list")
    said = models(data, "import", str(resource("models/tiny-lm")))
    assert "100 %  2.72 MB of 2.72 MB" in said and "is here and may serve" in said
    (listed,) = json.loads(models(data, "list", "--json"))["models"]
    assert listed["name"] == "mulberry/tiny-lm" and listed["problem"] == ""
    assert listed["entry"] in models(data, "list")
    assert "your limit is 1.00 GB" in models(data, "quota", "1GB")
    assert str(tmp_path / "disk") in models(data, "move", str(tmp_path / "disk"))
    assert "nothing against it" in models(data, "inspect", "mulberry/tiny-lm")
    assert "0.00 MB are free again." in models(data, "collect")
    assert "was removed" in models(data, "remove", listed["entry"])
    assert "No models are imported." in models(data, "list")


def test_what_is_refused_is_refused_in_words(tmp_path: Path) -> None:
    hostile = with_manifest(a_model() | {"model.onnx": HOSTILE["Scan"][0]()})
    refused = models(tmp_path, "import", str(write(tmp_path / "m", hostile)), status=1)
    assert "was inspected and refused" in refused and "'Scan' is not allowed" in refused
    assert "no such folder" in models(tmp_path, "import", str(tmp_path / "nothing"), status=1)
    assert "https://" in models(tmp_path, "import", "http://example.org/model", status=1)
    for command in ("remove", "inspect"):
        assert "There is no model 'x'" in models(tmp_path, command, "x", status=1)
    assert "Usage" in models(tmp_path, "quota", "much", status=2)


def test_a_model_that_was_changed_is_found_by_inspecting_it(tmp_path: Path) -> None:
    models(tmp_path, "import", str(resource("models/tiny-lm")))
    (weights,) = tmp_path.glob("model_store/models/*/model/model.onnx.data")
    shutil.copyfile("/dev/null", weights)
    assert "model.onnx.data has 0 bytes" in models(tmp_path, "inspect", "mulberry/tiny-lm", status=1)


def test_a_folder_can_be_inspected_before_it_is_imported(tmp_path: Path) -> None:
    assert "nothing against it" in models(tmp_path, "inspect", str(resource("models/tiny-lm")))
    hostile = with_manifest(a_model() | {"model.onnx": HOSTILE["a loop of 2⁶² rounds"][0]()})
    said = models(tmp_path, "inspect", str(write(tmp_path / "m", hostile)), status=1)
    assert "Refused: model.onnx: Loop has a size or a number of rounds of 4,611,686,018,427,387,904" in said


def test_an_encoder_is_imported_and_nobody_is_told_that_it_serves(tmp_path: Path) -> None:
    said = models(tmp_path, "import", str(tiny_encoder(tmp_path / "m", "classification").path))
    assert "Tiny encoder (mulberry/tiny-encoder, version 1) is here.\n" in said and "may serve" not in said
    assert "mulberry benchmark --model mulberry/tiny-encoder" in said
    assert "classification: sorts texts by labels, which is not sold on Cocoon today" in models(tmp_path, "list")


def test_a_terminal_gets_one_line_that_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: True)
    with ProgressLine(out) as line:
        for done in (0, 1, 500_000, 1_000_000):
            line.tell(CopyProgress("model.onnx", done, 1_000_000))
    written = out.getvalue()
    assert written.count("\r") == 3 and written.endswith("\n") and written.count("\n") == 1
    assert " 50 %  0.50 MB of 1.00 MB  model.onnx" in written


def test_a_model_in_use_and_one_that_cannot_serve_are_told_apart(tmp_path: Path) -> None:
    good = StoredModel(
        "a-0", "maker/a", "1", "A", "MIT", 10**9, datetime(2026, 1, 2, 12, tzinfo=UTC), "/a", in_use=True
    )
    damaged = StoredModel("b-0", "b-0", "", "", "", 5, None, "", in_use=False, problem="Its record is damaged.")
    lines = "\n".join(of_store(StoreStatus(tmp_path, (good, damaged), 10**9, 10**10, 2 * 10**9)))
    assert "maker/a 1: A, in use" in lines and "1.00 GB, licence MIT, imported 2026-01-02" in lines
    assert "cannot be used: Its record is damaged." in lines
    assert "1.00 GB used, your limit is 2.00 GB, 10.00 GB free on the disk" in lines


def test_sizes() -> None:
    assert (_bytes("20GB"), _bytes("1.5 tb"), _bytes("none")) == (20 * 10**9, 1_500_000_000_000, None)
    for text in ("20", "GB", "-1GB", "1e9GB", "inf GB", ""):
        with pytest.raises(ValueError, match="is no size"):
            _bytes(text)


def test_places_that_were_left_are_told(tmp_path: Path) -> None:
    lines = list(of_store(StoreStatus(tmp_path, (), 0, 10**12, None, left_behind=(tmp_path / "old",))))
    assert f"left behind in {tmp_path / 'old'}: `mulberry models collect` removes it" in lines
    assert "no limit" in lines[1] and "1,000.00 GB free" in lines[1]
