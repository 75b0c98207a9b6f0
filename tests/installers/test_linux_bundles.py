"""AppImage and Flatpak are packed where we are not: the trees that go in must start, and their rights be the least."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from installers.appimage import build as appimage
from installers.epoch import settle
from installers.flatpak import build as flatpak
from installers.linux.desktop_files import write_desktop_files
from installers.project import ROOT, version

MANIFEST = flatpak.MANIFEST.read_text()
RELEASE = pytest.mark.skipif(
    not os.environ.get("MULBERRY_RELEASE"), reason="minutes of unpacking; release builds set MULBERRY_RELEASE"
)
EPOCH = "1700000000"


def finish_args() -> dict[str, str]:
    """Each right that the Flatpak asks for, with the reason above it, or above the right before it."""
    lines = MANIFEST.partition("finish-args:\n")[2].partition("\n\n")[0].splitlines()
    found, reason = {}, ""
    for number, line in enumerate(lines):
        if line.startswith("  # "):
            reason = line[4:] if number and lines[number - 1].startswith("  - ") else f"{reason} {line[4:]}".strip()
        else:
            found[line.removeprefix("  - ")] = reason
    return found


def test_each_right_of_the_flatpak_has_a_reason() -> None:
    rights = finish_args()
    assert len(rights) > 5
    assert all(right.startswith("--") and reason for right, reason in rights.items()), rights


def test_the_flatpak_reaches_no_folder_and_runs_nothing_outside() -> None:
    rights = " ".join(finish_args())
    for too_much in ("--filesystem", "org.freedesktop.Flatpak", "--device=all", "--socket=session-bus", "--persist"):
        assert too_much not in rights


def test_the_flatpak_may_speak_to_whom_the_app_speaks_on_d_bus() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    spoken = set(re.findall(r'"((?:org|com)\.[A-Za-z]+\.[A-Za-z.]+)"', sources))
    spoken -= {flatpak.APP_ID, "org.freedesktop.DBus.Properties"}  # ourselves, and an interface that everybody has
    assert spoken <= {name.partition("name=")[2] for name in finish_args()}


def test_the_manifest_puts_the_packages_where_its_python_looks() -> None:
    minor = flatpak.PYTHON.rpartition(".")[0]
    assert f"/app/lib/mulberry/lib/python{minor}/site-packages" in MANIFEST
    assert set(re.findall(r"python(3\.\d+)", MANIFEST)) == {minor}
    assert f"id: {flatpak.APP_ID}\n" in MANIFEST
    place = Path("/app/bin", flatpak.PLACE_IN_FLATPAK)
    assert f"ln -s /usr/bin/python3 {os.path.normpath(place)}\n" in MANIFEST


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flatpak") / "share"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        write_desktop_files(folder, man_page=folder / "man" / "man1" / "mulberry.1")
    flatpak.under_the_apps_id(folder)
    return folder


def test_what_a_flatpak_shows_is_called_after_its_id(share: Path) -> None:
    entry = (share / "applications" / "org.mulberry.Mulberry.desktop").read_text()
    assert "\nIcon=org.mulberry.Mulberry\n" in entry
    assert "TryExec" not in entry, "the host has no such program"
    icons = {path.name for path in share.glob("icons/hicolor/*/apps/*")}
    assert icons == {"org.mulberry.Mulberry.png", "org.mulberry.Mulberry.svg"}
    metainfo = (share / "metainfo" / "org.mulberry.Mulberry.metainfo.xml").read_text()
    assert '<launchable type="desktop-id">org.mulberry.Mulberry.desktop</launchable>' in metainfo


@pytest.mark.parametrize("command", [("desktop-file-validate",), ("appstreamcli", "validate", "--no-net")])
def test_the_validators_take_the_flatpaks_files(share: Path, command: tuple[str, ...]) -> None:
    tool = shutil.which(command[0])
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    (file,) = share.glob("applications/*" if len(command) == 1 else "metainfo/*")
    checked = subprocess.run([tool, *command[1:], file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_appimages_python_knows_nothing_of_the_users_own(tmp_path: Path) -> None:
    python = tmp_path / "an app" / "usr" / "python" / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@"\nenv | grep ^PYTHON | sort\n')
    python.chmod(0o755)
    start = tmp_path / "an app" / "AppRun"
    shutil.copyfile(appimage.HERE / "AppRun", start)
    start.chmod(0o755)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "/evil", "PYTHONHOME": "/evil", "PYTHONSTARTUP": "/evil"}
    said = subprocess.check_output([start, "status", "--data", "a b"], env=environment, text=True)
    assert said.splitlines() == [
        "-P -m mulberry status --data a b",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONNOUSERSITE=1",
    ]


def test_an_appimage_is_its_runtime_and_an_image_the_same_bytes_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("mksquashfs") is None:
        pytest.skip("squashfs-tools are not installed")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    runtime = tmp_path / "runtime"
    runtime.write_bytes(b"\x7fELF runs what is behind it")
    packed = []
    for name in ("first", "a second, ünï"):
        tree = tmp_path / name / "AppDir"
        for path in ("usr/b", "usr/a", "AppRun"):
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(path)
        settle(tree, int(EPOCH))
        target = tmp_path / name / "Mulberry.AppImage"
        appimage.pack(tree, runtime, target)
        packed.append(target.read_bytes())
        assert os.access(target, os.X_OK)
    assert packed[0] == packed[1]
    assert packed[0].startswith(runtime.read_bytes() + b"hsqs")  # SquashFS's magic number


@RELEASE
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["appimage", "flatpak"])
def test_what_goes_in_starts_earns_and_ends(name: str, tmp_path: Path) -> None:
    """With this Python in place of the one that ships; all else is the same."""
    command = [sys.executable, "-m", f"installers.{name}.build", "--this-python", "--work", str(tmp_path / "work")]
    command += ["--tree-only"] if name == "appimage" else []
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "LD_LIBRARY_PATH": f"{sys.base_prefix}/lib"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    start = tmp_path / "work" / ("AppDir/AppRun" if name == "appimage" else "tree/mulberry")

    def mulberry(*words: str) -> str:
        data = () if words == ("--version",) else ("--data", str(tmp_path / "data"))
        return subprocess.check_output([start, *words, *data], cwd=tmp_path, env=environment, text=True, timeout=300)

    assert mulberry("--version") == f"mulberry {version()}\n"
    assert "first job after" in mulberry("demo", "--headless", "--jobs", "1", "--seed", "1")
    window = subprocess.Popen([start, "desktop", "--data", tmp_path / "data"], cwd=tmp_path, env=environment)
    try:
        said = ""
        while "the window has ended" not in said:
            assert window.poll() is None, "the window ended by itself"
            said = mulberry("leave", "--within", "30")
        assert window.wait(timeout=30) == 0
    finally:
        window.kill()
        mulberry("leave", "--within", "1")
