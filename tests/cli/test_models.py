"""Owners and their scripts bring in models by these commands: each is run as a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostile_models import HOSTILE
from model_server import a_model, with_manifest, write
from mulberry.cli.model_words import of_store
from mulberry.cli.models import _bytes
from mulberry.model.models import StoreStatus
from mulberry.model.places import resource

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="models are inspected in a sandbox of Linux")


def models(data: Path, *words: str, status: int = 0) -> str:
    """What the command said, errors included."""
    command = [sys.executable, "-m", "mulberry", "models", *words]
    environment = os.environ | {"MULBERRY_DATA": str(data)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=50)
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
    assert "No such file" in models(tmp_path, "import", str(tmp_path / "nothing"), status=1)
    assert "https://" in models(tmp_path, "import", "http://example.org/model", status=1)
    for command in ("remove", "inspect"):
        assert "There is no model 'x'" in models(tmp_path, command, "x", status=1)
    assert "Usage" in models(tmp_path, "quota", "much", status=2)


def test_a_model_that_was_changed_is_found_by_inspecting_it(tmp_path: Path) -> None:
    models(tmp_path, "import", str(resource("models/tiny-lm")))
    (weights,) = tmp_path.glob("model_store/models/*/model/model.onnx.data")
    shutil.copyfile("/dev/null", weights)
    assert "model.onnx.data has 0 bytes" in models(tmp_path, "inspect", "mulberry/tiny-lm", status=1)


def test_sizes() -> None:
    assert (_bytes("20GB"), _bytes("1.5 tb"), _bytes("none")) == (20 * 10**9, 1_500_000_000_000, None)
    for text in ("20", "GB", "-1GB", "1e9GB", "inf GB", ""):
        with pytest.raises(ValueError, match="is no size"):
            _bytes(text)


def test_places_that_were_left_are_told(tmp_path: Path) -> None:
    lines = list(of_store(StoreStatus(tmp_path, (), 0, 10**12, None, left_behind=(tmp_path / "old",))))
    assert f"left behind in {tmp_path / 'old'}: `mulberry models collect` removes it" in lines
    assert "no limit" in lines[1] and "1,000.00 GB free" in lines[1]
