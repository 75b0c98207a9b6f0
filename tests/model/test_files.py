"""Small files hold the wish and settings of an owner: whatever lies in their place, nobody waits for it."""

import os
from pathlib import Path

import pytest

from mulberry.model.files import read_bounded, write_new


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert read_bounded(path) is None
    path.write_bytes(b"12345")
    assert read_bounded(path, most_bytes=5) == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        read_bounded(path, most_bytes=4)
    with pytest.raises(IsADirectoryError):
        read_bounded(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="a pipe has no place among the files there")
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_bounded(tmp_path / "pipe") == b""


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no endless file here")
def test_an_endless_file_is_left_early() -> None:
    with pytest.raises(ValueError, match="larger than"):
        read_bounded(Path("/dev/zero"))


def test_a_new_file_is_whole_and_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "backup.json"
    write_new(path, b"secret")
    assert path.read_bytes() == b"secret"
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "backup.json", tmp_path / "elsewhere"
    path.write_bytes(b"the only copy")
    with pytest.raises(FileExistsError):
        write_new(path, b"another")
    assert path.read_bytes() == b"the only copy"
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "link", b"led astray")
    assert not elsewhere.exists()


def test_a_new_file_on_a_full_disk_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_new(tmp_path / "backup.json", b"half")
    assert not (tmp_path / "backup.json").exists()
