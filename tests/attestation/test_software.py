"""The statement's hash of our own files is worth something only if every change of them changes it."""

import hashlib
from pathlib import Path

import pytest

from mulberry import __version__
from mulberry.attestation import software
from mulberry.attestation.software import read_software


def test_it_says_what_is_installed_here() -> None:
    found = read_software()
    assert found.mulberry == __version__
    packages = {package.name.lower(): package for package in found.packages}
    assert packages["pydantic"].record is not None
    assert found.onnxruntime.startswith("onnxruntime")
    assert found.python.startswith("CPython 3.")
    assert read_software() == found


def test_a_gpu_runtime_that_serves_is_named_in_place_of_what_came_with_mulberry(tmp_path: Path) -> None:
    own = tmp_path / "onnxruntime_gpu-9.9.9.dist-info"
    own.mkdir()
    (own / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 9.9.9\n", "utf-8")
    found = read_software(tmp_path)
    assert "onnxruntime-gpu 9.9.9" in found.onnxruntime
    assert [each.version for each in found.packages if each.name == "onnxruntime-gpu"] == ["9.9.9"]
    assert "pydantic" in {each.name for each in found.packages}


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small Mulberry: two files and a resource."""
    package, resources = tmp_path / "mulberry", tmp_path / "resources"
    for path, text in (
        (package / "a.py", "1"),
        (package / "b" / "c.py", "2"),
        (resources / "networks" / "x.json", "3"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(software, "PACKAGE", package)
    monkeypatch.setattr(software, "resource", lambda name: resources / name)
    return tmp_path


def test_the_hash_is_the_one_of_the_docs(ours: Path) -> None:
    """By hand, as `sha256sum` writes its lines but for one space."""
    lines = "".join(
        f"{hashlib.sha256(text).hexdigest()} {name}\n"
        for name, text in (("a.py", b"1"), ("b/c.py", b"2"), ("resources/networks/x.json", b"3"))
    )
    assert read_software().files == hashlib.sha256(lines.encode()).hexdigest()


def test_every_change_shows_and_what_python_writes_does_not(ours: Path) -> None:
    before = read_software().files
    cache = ours / "mulberry" / "__pycache__"
    cache.mkdir()
    (cache / "a.cpython-311.pyc").write_bytes(b"compiled")
    assert read_software().files == before
    seen = {before}
    (ours / "mulberry" / "a.py").write_text("1 ")
    seen.add(read_software().files)
    (ours / "mulberry" / "d.py").write_text("")
    seen.add(read_software().files)
    (ours / "mulberry" / "d.py").rename(ours / "mulberry" / "b" / "d.py")
    seen.add(read_software().files)
    (ours / "resources" / "networks" / "x.json").unlink()
    seen.add(read_software().files)
    assert len(seen) == 5


def test_resources_count_alike_inside_the_package(ours: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel has them within; its hash must be the checkout's."""
    before = read_software().files
    (ours / "resources").rename(ours / "mulberry" / "resources")
    monkeypatch.setattr(software, "resource", lambda name: ours / "mulberry" / "resources" / name)
    assert read_software().files == before
