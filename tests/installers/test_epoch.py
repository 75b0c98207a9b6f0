"""Two builds of one commit must bear one time and modes that no builder's umask has touched, or their bytes differ."""

import os
from pathlib import Path

import pytest

from installers.epoch import settle, source_date_epoch


def test_a_builder_sets_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1763800000")
    assert source_date_epoch() == 1_763_800_000


@pytest.mark.parametrize("nonsense", ["", "yesterday", "-1", "1e9", "١٧٦٣٨٠٠٠٠٠", "0"])
def test_a_time_that_is_none_fails_the_build(nonsense: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", nonsense)
    with pytest.raises(SystemExit, match="SOURCE_DATE_EPOCH must be"):
        source_date_epoch()


def test_outside_a_checkout_the_time_must_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr("installers.epoch.ROOT", tmp_path)
    with pytest.raises(SystemExit, match="no git checkout"):
        source_date_epoch()


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such modes")
def test_times_and_modes_are_the_same_everywhere(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o700)
    program, data, link = tmp_path / "bin" / "program", tmp_path / "data", tmp_path / "link"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    data.write_text("data")
    data.chmod(0o660)
    link.symlink_to("data")

    settle(tmp_path, 1_763_800_000)

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "bin", program, data)}
    assert modes == {"bin": 0o755, "program": 0o755, "data": 0o644}
    assert {path.lstat().st_mtime for path in (tmp_path, program, data, link)} == {1_763_800_000}
