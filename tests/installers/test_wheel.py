"""A wheel without its resources installs and does not start; one that differs each time cannot be checked."""

import email
import re
import shutil
import tarfile
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from installers import wheel
from installers.project import ROOT, version

EPOCH = 1_763_800_000
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", ".cache", "__pycache__", "build", "dist"
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("a folder with späces") / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_SOURCE)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
        return wheel.build(tmp_path_factory.mktemp("first"), checkout)


@pytest.fixture(scope="module")
def contents(built: tuple[Path, Path]) -> zipfile.Path:
    return zipfile.Path(built[1])


def metadata(contents: zipfile.Path) -> Message:
    return email.message_from_string((contents / f"mulberry-{version()}.dist-info" / "METADATA").read_text())


def test_another_folder_another_clock_and_other_modes_give_the_same_bytes(
    checkout: Path, built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(checkout, moved, copy_function=shutil.copy)  # new times
    for path in moved.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)  # the umask of somebody careful
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    again = wheel.build(tmp_path / "second", moved)
    assert [path.name for path in again] == [path.name for path in built]
    for first, second in zip(built, again, strict=True):
        assert first.read_bytes() == second.read_bytes(), f"{first.name} differs"


def test_who_builds_from_a_checkout_gets_the_same_wheel(
    checkout: Path, built: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    assert wheel.hatchling(checkout, "wheel", tmp_path).read_bytes() == built[1].read_bytes()


def test_the_wheel_holds_every_resource_and_every_module(contents: zipfile.Path, checkout: Path) -> None:
    for source, target in ((checkout / "resources", "mulberry/resources"), (checkout / "app/mulberry", "mulberry")):
        files = [path for path in source.rglob("*") if path.is_file() and path.suffix != ".po"]
        assert len(files) > 30
        for path in files:
            packed = contents.joinpath(target, path.relative_to(source).as_posix())
            assert packed.read_bytes() == path.read_bytes()


def test_the_wheel_installs_the_command_for_any_system(contents: zipfile.Path) -> None:
    folder = contents / f"mulberry-{version()}.dist-info"
    assert "mulberry = mulberry.cli.main:main" in (folder / "entry_points.txt").read_text()
    assert "Tag: py3-none-any" in (folder / "WHEEL").read_text()
    assert {"LICENSE", "NOTICE"} <= {path.name for path in (folder / "licenses").iterdir()}
    top = {path.name for path in contents.iterdir()}
    beside = {f"mulberry-{version()}.dist-info", f"mulberry-{version()}.data"}
    assert top == {"mulberry", *beside}, "something lands beside mulberry in site-packages"


def test_after_a_users_install_the_menu_has_it(contents: zipfile.Path) -> None:
    share = contents / f"mulberry-{version()}.data" / "data" / "share"
    entry = (share / "applications" / "mulberry.desktop").read_text()
    icon = re.search(r"^Icon=(\w+)$", entry, re.MULTILINE)
    assert icon
    assert (share / "icons/hicolor/scalable/apps" / f"{icon[1]}.svg").exists()
    assert "\nTryExec=mulberry\n" in entry  # shown only where the command is found


def test_its_metadata_says_what_pyproject_says(contents: zipfile.Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = metadata(contents)
    assert told["Version"] == version()
    assert told["License-Expression"] == "Apache-2.0"
    required = {re.split(r"[<>=;\s]", line)[0].lower() for line in told.get_all("Requires-Dist", [])}
    asked = {re.split(r"[<>=;\s]", line)[0].lower() for line in project["dependencies"]}
    assert asked <= required


def test_the_source_distribution_holds_what_a_packager_needs(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        owners = {(member.uid, member.gid, member.mtime) for member in archive.getmembers()}
    assert {"pyproject.toml", "requirements.lock", "briefcase.toml", "dev.py", "LICENSE", "CHANGELOG.md"} <= names
    assert {"installers/README.md", "tests/installers/test_wheel.py", "docs/packaging.md"} <= names
    assert owners == {(0, 0, EPOCH)}, "the builder shows"


def test_a_build_that_fails_says_whose_words_to_read(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(SystemExit, match="hatchling could not build the sdist"):
        wheel.hatchling(tmp_path, "sdist", tmp_path / "out")
