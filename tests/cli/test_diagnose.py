"""Who asks for help types one command, sees everything that would be handed on, and decides."""

import asyncio
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mulberry.cli.diagnose import diagnosis_of
from mulberry.client import control
from mulberry.model.diagnosis import DiagnosisWish, preview
from mulberry.model.places import DataFolder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def diagnose(data: Path, *words: str, typed: str = "", status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mulberry", "diagnose", "--data", str(data), *words],
        input=typed,
        capture_output=True,
        text=True,
        timeout=150,
        env=os.environ | {"USER": "anneliese"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_all_is_shown_and_nothing_saved_without_a_yes(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "d.zip"
    said = diagnose(data, "--output", str(file), typed="n\n", status=1)
    assert "===== README.txt =====" in said and "===== agent.log =====" in said
    assert "Save all this, and no more, as" in said
    assert not file.exists()
    assert not data.exists(), "looking changes nothing"


def test_it_is_saved_after_a_yes_and_never_over_another_file(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "d.zip"
    log = data / "demo" / "agent.log"
    log.parent.mkdir(parents=True)
    log.write_text("2026-11-22 12:00:00,000 INFO mulberry.agent.main: hello Anneliese\n")
    assert "It was not sent anywhere" in diagnose(data, "--output", str(file), "--yes")
    with zipfile.ZipFile(file) as archive:
        text = archive.read("agent.log").decode()
    assert text == "2026-11-22 12:00:00,000 INFO mulberry.agent.main: hello [user]\n"
    before = file.read_bytes()
    assert "is there already" in diagnose(data, "--output", str(file), "--yes", status=1)
    assert file.read_bytes() == before


def test_a_preview_asks_nothing(data: Path) -> None:
    said = diagnose(data, "--preview", "--with-addresses", "--with-earnings")
    assert "The agent is not running" in said and "Save all" not in said
    assert "Addresses on TON ARE in it" in said and "Amounts of money ARE in it" in said


@pytest.mark.skipif(os.name == "nt", reason="the agent listens on a pipe there")
async def test_an_agent_that_hangs_is_told_of_and_gone_without(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "DIAGNOSIS_SECONDS", 0.05)
    folder = DataFolder.of_network(data, "demo")
    folder.create()
    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_unix_server(lambda _, writer: silent.append(writer), folder.control_address)
    diagnosis = await diagnosis_of(folder, DiagnosisWish())
    server.close()
    for writer in silent:
        writer.close()
    assert "The agent does not answer. It was silent for 0.05 seconds." in preview(diagnosis)
    assert diagnosis.files[1].text.startswith("{")
