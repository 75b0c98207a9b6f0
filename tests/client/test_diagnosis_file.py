"""What was previewed is what is saved, for its owner's eyes, and nothing of theirs is lost by it."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from mulberry.client.diagnosis_file import packed, save
from mulberry.model.diagnosis import Diagnosis, DiagnosisFile, preview
from mulberry.model.errors import UserFacingError
from samples import NOON

DIAGNOSIS = Diagnosis((DiagnosisFile("README.txt", "Read me.\n"), DiagnosisFile("agent.log", "é " * 2_000)), NOON)


def test_the_file_holds_exactly_what_was_previewed(tmp_path: Path) -> None:
    save(DIAGNOSIS, tmp_path / "d.zip")
    with zipfile.ZipFile(tmp_path / "d.zip") as archive:
        files = tuple(DiagnosisFile(name, archive.read(name).decode()) for name in archive.namelist())
    assert files == DIAGNOSIS.files
    shown = preview(DIAGNOSIS)
    assert all(file.text in shown and file.name in shown for file in files)


def test_it_tells_nothing_of_who_packed_it_and_when() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(DIAGNOSIS))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 11, 22, 12, 0, 0)}
    assert packed(DIAGNOSIS) == packed(DIAGNOSIS)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    save(DIAGNOSIS, tmp_path / "d.zip")
    assert (tmp_path / "d.zip").stat().st_mode & 0o777 == 0o600


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "d.zip").write_text("the only copy")
    with pytest.raises(UserFacingError, match="is there already"):
        save(DIAGNOSIS, tmp_path / "d.zip")
    assert (tmp_path / "d.zip").read_text() == "the only copy"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="No such file or directory"):
        save(DIAGNOSIS, tmp_path / "nowhere" / "d.zip")


@pytest.mark.skipif(os.name == "nt", reason="Windows limits no file's size")
def test_a_full_disk_is_said_and_no_half_of_it_stays(tmp_path: Path) -> None:
    import resource  # which Windows has not

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(UserFacingError, match="was not saved"):
            save(DIAGNOSIS, tmp_path / "d.zip")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "d.zip").exists()
