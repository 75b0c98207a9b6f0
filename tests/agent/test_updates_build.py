"""What a packager put into a copy decides whom it believes; nothing there means that nobody is believed."""

import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from mulberry import __version__
from mulberry.agent.updates.build import _installed_by, this_build
from mulberry.agent.updates.feed import FeedRefused, ReleaseKeys
from mulberry.agent.updates.ways import WAYS, Way, for_a_successor, machine
from mulberry.model.encoding import to_json
from mulberry.model.update import Artefact, InstalledBy, Release, Version
from release_feed import KEYS, a_release, two_packages


def package(folder: Path, **files: str) -> Callable[[str], Path]:
    """A packager's `resources`."""
    for name, content in files.items():
        (folder / name.replace("_", "-").replace("-json", ".json")).write_text(content)

    def find(relative: str) -> Path:
        path = folder / relative.removeprefix("updates/")
        if not path.exists():
            raise FileNotFoundError(relative)
        return path

    return find


def test_the_sources_know_no_keys_and_no_feed() -> None:
    build = this_build()
    assert (build.keys, build.feed) == (None, "")
    assert build.version == Version.read(__version__), "a release of Mulberry has three numbers"


def test_a_packagers_word_is_taken(tmp_path: Path) -> None:
    keys = to_json(ReleaseKeys, KEYS).decode()
    feed = "https://releases.example/feed.json\n"
    build = this_build(package(tmp_path, keys_json=keys, feed=feed, installed_by="deb\n"))
    assert (build.installed_by, build.keys) == (InstalledBy.DEB, KEYS)
    assert build.feed == "https://releases.example/feed.json"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"keys_json": "{}"}, "list of release keys"),
        ({"feed": "http://releases.example/feed.json"}, "say https://"),
        ({"feed": "https://name:word@releases.example/"}, "no name or password"),
        ({"installed_by": "magic"}, "magic"),
    ],
)
def test_a_packagers_mistake_is_no_other_word(tmp_path: Path, files: dict[str, str], words: str) -> None:
    with pytest.raises((ValueError, FeedRefused), match=words):
        this_build(package(tmp_path, **files))


@pytest.mark.parametrize(
    ("left", "by"),
    [("pipx_metadata.json", InstalledBy.PIPX), ("uv-receipt.toml", InstalledBy.UV), ("pyvenv.cfg", InstalledBy.PIP)],
)
def test_pythons_own_tools_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str, by: InstalledBy
) -> None:
    (tmp_path / left).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(metadata, "distribution", lambda name: name)
    assert _installed_by() is by


def test_a_checkout_is_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert _installed_by() is InstalledBy.SOURCE


def on(system: str, processor: str, *kinds: str) -> Release:
    return a_release("0.2.0", *(Artefact(kind, system, processor, f"file-{kind}", 1, "0" * 64) for kind in kinds))


@pytest.mark.parametrize(
    ("system", "processor", "release", "fits"),
    [
        ("linux", "x86_64", on("linux", "x86_64", "windows", "deb"), True),
        ("linux", "aarch64", on("linux", "x86_64", "deb"), False),
        ("linux", "x86_64", on("windows", "x86_64", "deb"), False),
        ("linux", "riscv64", on("any", "any", "deb"), True),
        ("linux", "x86_64", on("linux", "x86_64", "wheel", "appimage"), False),
        ("win32", "AMD64", on("windows", "x86_64", "deb"), True),
    ],
)
def test_only_a_file_for_this_kind_of_copy_and_computer_is_taken(
    monkeypatch: pytest.MonkeyPatch, system: str, processor: str, release: Release, fits: bool
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: processor)
    found = WAYS[InstalledBy.DEB].artefact(release)
    assert (found is not None and found.kind == "deb") is fits


def test_a_debian_package_is_taken_for_the_distribution_that_this_one_was_built_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packages for another one want another Python: apt would refuse them, or remove this one."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    build = this_build(package(tmp_path, installed_by="deb ubuntu24.04\n"))
    assert (build.installed_by, build.built_for) == (InstalledBy.DEB, "ubuntu24.04")
    kinds = [Artefact("deb", name, "x86_64", f"{name}.deb", 1, "0" * 64) for name in ("debian12", "ubuntu24.04")]
    way = WAYS[InstalledBy.DEB]
    assert way.artefact(a_release("0.2.0", *kinds), build.built_for) == kinds[1]
    assert way.artefact(a_release("0.2.0", *kinds[:1]), build.built_for) is None
    assert way.artefact(a_release("0.2.0", *kinds)) is None
    assert way.artefact(on("linux", "any", "deb"), build.built_for) is not None, "one that is for all of them"


def test_who_takes_one_file_is_offered_no_artefact_of_several() -> None:
    several = replace(two_packages(), kind="appimage")
    assert WAYS[InstalledBy.APPIMAGE].artefact(a_release("0.2.0", several)) is None
    assert WAYS[InstalledBy.DEB].artefact(a_release("0.2.0", two_packages())) == two_packages()


def test_processors_have_one_name_each(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, ours in (("AMD64", "x86_64"), ("x86_64", "x86_64"), ("arm64", "aarch64"), ("riscv64", "riscv64")):
        monkeypatch.setattr(platform, "machine", lambda name=name: name)
        assert machine() == ours


def test_a_successor_inherits_nothing_that_leads_into_the_old_image() -> None:
    mine = {"HOME": "/home/joerg", "APPIMAGE": "/home/joerg/Mulberry.AppImage", "PATH": "/usr/bin:/bin"}
    image = {
        "APPDIR": "/mnt/image",
        "LD_LIBRARY_PATH": "/mnt/image/usr/lib",
        "PATH": "/mnt/image/usr/bin:/usr/bin:/bin",
    }
    assert for_a_successor(mine | image) == mine
    assert for_a_successor(mine) == mine


def test_a_way_without_a_kind_takes_no_file() -> None:
    assert Way("By hand.").artefact(on("any", "any", "", "deb")) is None


@pytest.mark.skipif(sys.platform == "win32", reason="processes become others on POSIX only")
def test_where_the_successor_cannot_be_started_this_version_goes_on() -> None:
    story = "import sys; sys.argv = ['mulberry', '--version']; from mulberry.agent.main import _make_way_for; "
    command = [sys.executable, "-c", story + "_make_way_for(('/nonexistent/new one', 'agent'))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert done.stdout == f"mulberry {__version__}\n"
