"""Small files hold the wish and settings of an owner: whatever lies in their place, nobody waits for it."""

import os
from pathlib import Path

import pytest

from mulberry.model.files import read_bounded


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
