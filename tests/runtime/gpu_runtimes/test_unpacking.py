"""The hash of a wheel is trusted and its entries still are not: none may land outside, grow on its way or be a link."""

import io
import stat
import struct
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import Wheel
from mulberry.runtime.gpu_runtimes.unpacking import Stopped, unpack
from mulberry.runtime.store.disk import Disk
from wheel_samples import packed, wheel_of

NAME = "evil-1.0-py3-none-any.whl"


def unpacked(folder: Path, content: bytes, expected: Wheel | None = None) -> Path:
    (folder / NAME).write_bytes(content)
    target = folder / "target"
    target.mkdir(exist_ok=True)
    unpack(folder / NAME, expected or wheel_of(NAME, content), target, Disk(), lambda done: None, threading.Event())
    return target


def refused(folder: Path, content: bytes, expected: Wheel | None = None) -> str:
    """Why. Nothing lies outside the target then."""
    with pytest.raises(UserFacingError) as problem:
        unpacked(folder, content, expected)
    assert sorted(path.name for path in folder.iterdir()) == [NAME, "target"]
    return problem.value.detail


@pytest.mark.parametrize(
    "name",
    [
        "../outside.py",
        "/etc/outside.py",
        "inside/../../outside.py",
        "..",
        "C:/outside.py",
        "inside\\..\\..\\outside.py",
        "file.py:stream",
        "a\x1b[2Jb",
        "x" * 300,
    ],
)
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    assert "file" in refused(tmp_path, packed({"a.py": b"1", name: b"2"}))
    assert not list((tmp_path / "target").iterdir()), "nothing of such a wheel is unpacked"


def test_a_link(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        link = zipfile.ZipInfo("onnxruntime")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        wheel.writestr(link, "/etc")
        wheel.writestr("onnxruntime/passwd", "x")
    assert "link" in refused(tmp_path, content.getvalue())


def test_a_file_that_comes_twice_in_other_letters(tmp_path: Path) -> None:
    assert "twice" in refused(tmp_path, packed({"a/File.py": b"1", "a/file.py": b"2"}))


def test_two_wheels_with_two_opinions_of_a_file(tmp_path: Path) -> None:
    unpacked(tmp_path, packed({"nvidia/__init__.py": b""}))
    unpacked(tmp_path, packed({"nvidia/__init__.py": b"", "nvidia/more.py": b"1"}))
    assert "another part" in refused(tmp_path, packed({"nvidia/more.py": b"2"}))


def test_other_sizes_than_the_table_says(tmp_path: Path) -> None:
    content = packed({"a.py": b"123"})
    expected = wheel_of(NAME, content)
    wrong = Wheel(NAME, expected.size_bytes, expected.unpacked_bytes + 1, expected.sha256)
    assert "another size" in refused(tmp_path, content, wrong)


def test_a_file_that_is_larger_than_its_entry_says(tmp_path: Path) -> None:
    """A zip bomb says little and unpacks much."""
    content = bytearray(packed({"a.py": bytes(100_000)}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(signature) + place, 10)
    assert refused(tmp_path, bytes(content), replace(wheel_of(NAME, bytes(content)), unpacked_bytes=10))
    written = [path for path in (tmp_path / "target").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) <= 10


@pytest.mark.parametrize("place", range(30, 300, 10))
def test_bytes_that_were_changed_since_the_hash_was_right(tmp_path: Path, place: int) -> None:
    """By a disk or by somebody: the very file that is unpacked is compared. A broken stream is no bug of ours."""
    content = packed({"a.py": bytes(range(256)) * 4})
    changed = bytearray(content)
    changed[place] ^= 0xFF
    assert refused(tmp_path, bytes(changed), wheel_of(NAME, content)) == "its SHA-256 is another one"
    assert not list((tmp_path / "target").iterdir())


def test_a_method_of_packing_that_wheels_do_not_use(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as wheel:
        wheel.writestr("a.py", "1")
    assert "another way" in refused(tmp_path, content.getvalue())


@given(st.binary(max_size=400))
def test_whatever_comes_it_is_a_wheel_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    refused(tmp_path_factory.mktemp("any"), content, wheel_of(NAME, content))


def test_a_wheel_itself_is_not_followed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(packed({"a.py": b"1"}))
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    expected = wheel_of(NAME, (tmp_path / "elsewhere").read_bytes())
    with pytest.raises(OSError, match="link"):
        unpack(tmp_path / NAME, expected, tmp_path, Disk(), lambda done: None, threading.Event())


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    content, stop = packed({"a.py": b"1", "b.py": b"2"}), threading.Event()
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(Stopped):
        unpack(tmp_path / NAME, wheel_of(NAME, content), tmp_path, Disk(), lambda done: stop.set(), stop)
    assert (tmp_path / "a.py").exists() and not (tmp_path / "b.py").exists()
