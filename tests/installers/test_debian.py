"""The package's scripts run as root on strangers' computers, and its launcher is the first thing that they start."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import dev
from installers.base_requirements import TARGETS, base_requirements
from installers.deb import (
    APP,
    DRAFT,
    ENGINE,
    ENGINE_PARTS,
    PACKAGES,
    Binary,
    System,
    Versions,
    control_file,
    depends,
    engine_version,
    pack,
    split,
)
from installers.project import ROOT
from installers.stage import TEMPLATE
from made_up_packages import install

BOOKWORM = System("debian", "12", "bookworm", "3.11")
VERSIONS = Versions("0.1.0", "1.31.1+numpy2.4.6", BOOKWORM.suffix)
FORMAT = ROOT / TEMPLATE / "{{ cookiecutter.format }}"
DEBIAN = ROOT / "installers" / "debian"
SHOW = """
import json, os, sys
print(json.dumps({
    "words": sys.argv[1:], "path": sys.path, "executable": sys.executable, "prefix": sys.base_prefix,
    "site": "site" in sys.modules, "utf8": sys.flags.utf8_mode, "safe": sys.flags.safe_path,
    "isolated": sys.flags.isolated, "encoding": sys.getfilesystemencoding(),
}))
"""


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


SCRIPTS = APP.scripts


def small_tree(folder: Path) -> Path:
    """What `pack` is given, with next to nothing in it."""
    library = folder / "tree" / "usr" / "lib" / "mulberry"
    library.mkdir(parents=True)
    (library / "python").write_text("#!/bin/sh\n")
    (library / "python").chmod(0o755)
    (library / "data").write_text("x" * 5000)
    return folder / "tree"


# The package


def test_two_folders_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("dpkg-deb")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    packed = []
    for name, umask in (("one", 0o022), ("ünï cöde", 0o077)):
        before = os.umask(umask)
        try:
            (tmp_path / name).mkdir()
            deb = pack(small_tree(tmp_path / name), APP, BOOKWORM, VERSIONS, DRAFT)
        finally:
            os.umask(before)
        packed.append(deb.read_bytes())
    assert packed[0] == packed[1]


def test_dpkg_reads_what_was_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    deb = pack(small_tree(tmp_path), APP, BOOKWORM, VERSIONS, DRAFT)
    told = subprocess.check_output([tool("dpkg-deb"), "--info", deb], text=True)
    assert "Package: mulberry\n" in told
    assert "Version: 0.1.0-1~debian12\n" in told
    assert all(f" {script} " in told for script in SCRIPTS)
    listed = subprocess.check_output([tool("dpkg-deb"), "--contents", deb], text=True)
    assert "root/root" in listed
    assert "-rwxr-xr-x root/root" in next(line for line in listed.splitlines() if line.endswith("/python"))


@pytest.mark.parametrize("binary", (APP, ENGINE), ids=lambda binary: binary.name)
def test_a_field_never_spills_into_the_next(binary: Binary, tmp_path: Path) -> None:
    for line in control_file(small_tree(tmp_path), binary, BOOKWORM, VERSIONS, "amd64").splitlines():
        assert re.match(r"^([A-Z][A-Za-z-]+: \S| \S)", line), line


def test_the_app_wants_the_engine_that_it_was_built_with(tmp_path: Path) -> None:
    told = control_file(small_tree(tmp_path), APP, BOOKWORM, VERSIONS, "amd64")
    assert "\nDepends: mulberry-engine (= 1.31.1+numpy2.4.6-1~debian12), libc6" in told


def test_only_processes_of_their_own_import_what_the_engine_package_brings() -> None:
    imported = re.compile(r"^\s*(?:import|from) (\w+)", re.MULTILINE)
    for path in (ROOT / "app" / "mulberry").rglob("*.py"):
        if "runtime" not in path.parts and "emulator" not in path.parts:
            found = {name.replace("google", "protobuf") for name in imported.findall(path.read_text())}
            assert not found & set(ENGINE_PARTS), path
    assert {locked.name for locked in base_requirements(TARGETS["debian-12"])} >= set(ENGINE_PARTS)


def test_a_newer_engine_is_newer_to_dpkg() -> None:
    parts = dict.fromkeys(ENGINE_PARTS, "2.9.1")
    older = engine_version(parts)
    for part in ENGINE_PARTS:
        newer = engine_version(parts | {part: "2.10.0"})
        compared = [tool("dpkg"), "--compare-versions", f"{newer}-1~debian12", "gt", f"{older}-1~debian12"]
        assert subprocess.run(compared, check=False).returncode == 0, newer


def test_a_distribution_moves_whole_and_leaves_nothing(tmp_path: Path) -> None:
    tree, engine = tmp_path / "tree", tmp_path / "engine"
    packages = tree / PACKAGES
    install(packages, "numpy", files={"numpy/core/a.py": b"", "numpy.libs/b.so": b""})
    install(packages, "aiohttp", files={"aiohttp/__init__.py": b""})
    before = {path.relative_to(tree) for path in tree.rglob("*") if path.is_file()}
    split(tree, engine, ENGINE_PARTS)
    moved = {path.relative_to(engine) for path in engine.rglob("*") if path.is_file()}
    left = {path.relative_to(tree) for path in tree.rglob("*") if path.is_file()}
    assert moved | left == before
    assert {path.parts[4].partition("-")[0] for path in moved} == {"numpy", "numpy.libs"}
    assert not list(packages.glob("numpy*"))


def test_it_depends_on_each_library_that_qt_opens_and_on_one_python() -> None:
    wanted = depends(BOOKWORM)
    for tables in (dev.QT_LIBRARIES, dev.QT_X11_LIBRARIES, dev.QT_WAYLAND_LIBRARIES):
        assert set(tables.values()) <= set(wanted)
    assert {"libpython3.11", "python3 (>= 3.11~)", "python3 (<< 3.12~)", "hicolor-icon-theme"} <= set(wanted)
    assert len(wanted) == len(set(wanted))


def test_a_release_is_newer_to_dpkg_than_its_candidates() -> None:
    ordered = ["0.9.0", "1.0.0a1", "1.0.0b1", "1.0.0rc1", "1.0.0rc2", "1.0.0", "1.0.1rc1"]
    packaged = [Versions(one, one, BOOKWORM.suffix).of(APP) for one in ordered]
    assert packaged[3] == "1.0.0~rc1-1~debian12"
    for older, newer in pairwise(packaged):
        assert subprocess.run([tool("dpkg"), "--compare-versions", older, "lt", newer], check=False).returncode == 0


def test_the_list_of_packages_is_for_the_python_that_they_will_run_with() -> None:
    later = System("debian", "13", "trixie", "3.13")
    numpy = [
        next(one for one in base_requirements(system.target) if one.name == "numpy") for system in (BOOKWORM, later)
    ]
    assert numpy[0].version != numpy[1].version  # the lock has one for each side of Python 3.12


def test_the_app_sees_to_what_was_compiled_when_the_engine_alone_is_replaced(tmp_path: Path) -> None:
    """The engine's prerm removes bytecode and has agents wait; only the app's postinst ends both."""
    pack(small_tree(tmp_path), APP, BOOKWORM, VERSIONS, DRAFT)
    assert "prerm" in ENGINE.scripts
    assert (tmp_path / "tree" / "DEBIAN" / "triggers").read_text() == f"interest-noawait /{PACKAGES}\n"
    assert re.search(r"configure \| triggered [^;]*\n +compile ", (DEBIAN / "postinst").read_text())


def test_a_later_release_of_the_system_has_the_newer_package() -> None:
    later = System("debian", "13", "trixie", "3.13")
    compared = [tool("dpkg"), "--compare-versions", f"0.1.0{BOOKWORM.suffix}", "lt", f"0.1.0{later.suffix}"]
    assert subprocess.run(compared, check=False).returncode == 0


def test_the_packaging_tool_is_locked_and_no_part_of_mulberry() -> None:
    lock = (ROOT / "installers" / "requirements-briefcase.lock").read_text()
    assert re.search(r"^briefcase==0\.4\.7 ", lock, re.MULTILINE)
    assert "briefcase" not in {locked.name for locked in base_requirements(TARGETS["debian-12"])}


# Its scripts


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_one_that_every_shell_reads(script: str) -> None:
    assert (DEBIAN / script).read_text().startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", DEBIAN / script], check=True)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_refuses_words_that_dpkg_never_says(script: str) -> None:
    done = subprocess.run(["/bin/sh", DEBIAN / script, "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "unknown argument 'nonsense'" in done.stderr


def test_nothing_is_killed_that_may_be_answering() -> None:
    for script in SCRIPTS:
        text = (DEBIAN / script).read_text()
        assert not re.search(r"SIGKILL|kill -9|-s KILL|killall|pkill", text), script


def test_the_scripts_never_look_into_a_home() -> None:
    for script in SCRIPTS:
        assert not re.search(r"/home|\$HOME|~/|\.local", (DEBIAN / script).read_text()), script


def test_no_override_stands_without_its_reason() -> None:
    lines = [
        line for each in (APP, ENGINE) for line in (DEBIAN / f"{each.name}.lintian-overrides").read_text().splitlines()
    ]
    overrides = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    assert overrides
    for number in overrides:
        assert lines[number - 1].startswith(("#", "mulberry")), lines[number]


# Its unit and its profile


def test_the_unit_leaves_bubblewrap_what_it_needs() -> None:
    unit = (FORMAT / "{{ cookiecutter.app_name }}-{{ cookiecutter.version }}/usr/lib/systemd/user").joinpath(
        "mulberry-agent.service"
    )
    options = dict(line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#")
    assert options["ExecStart"] == "/usr/bin/mulberry agent"
    assert not {"RestrictNamespaces", "ProtectSystem", "ProtectHome", "PrivateTmp", "MemoryDenyWriteExecute"} & set(
        options
    )


# Its launcher


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher, compiled, in a tree of its own with a program that shows what it was given."""
    if not sys.platform.startswith("linux") or not Path("/usr/bin/python3-config").exists():
        pytest.skip("python3-dev is not installed")
    tool("gcc")
    tree = tmp_path_factory.mktemp("launcher") / "with spaces and ünïcode"
    shutil.copytree(FORMAT / "bootstrap", tree / "bootstrap")
    package = tree / "mulberry-0" / "usr" / "lib" / "mulberry" / "app" / "mulberry"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(SHOW)
    subprocess.run([tool("make"), "-s", "-C", tree / "bootstrap", "install"], check=True)
    return tree / "mulberry-0" / "usr"


def shown(*command: str | Path, **environment: str) -> dict[str, object]:
    said = subprocess.check_output(command, text=True, env={"PATH": "/usr/bin", **environment}, cwd="/")
    told: dict[str, object] = json.loads(said)
    return told


def test_the_launcher_hands_on_its_words_and_finds_its_own_folder(launched: Path) -> None:
    told = shown(launched / "bin" / "mulberry", "status", "--json", "-m", "ünï")
    library = launched / "lib" / "mulberry"
    assert told["words"] == ["status", "--json", "-m", "ünï"]
    assert told["executable"] == str(library / "python")
    assert isinstance(told["path"], list)
    assert told["path"][-2:] == [str(library / "app"), str(library / "app_packages")]
    assert told["prefix"] == "/usr"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_files_are_named_in_utf8_whatever_the_locale(launched: Path, locale: str) -> None:
    told = shown(launched / "bin" / "mulberry", LC_ALL=locale)
    assert (told["utf8"], told["encoding"], told["safe"]) == (1, "utf-8", True)


def test_nobody_elses_python_gets_in(launched: Path, tmp_path: Path) -> None:
    (tmp_path / "mulberry.py").write_text("raise SystemExit('taken over')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('taken over')")
    told = shown(launched / "bin" / "mulberry", PYTHONPATH=str(tmp_path), PYTHONHOME="/nonexistent", HOME=str(tmp_path))
    assert not told["site"]
    assert not [path for path in told["path"] if "dist-packages" in path or str(tmp_path) in path]  # type: ignore[attr-defined]


def test_the_inner_python_is_a_python(launched: Path) -> None:
    python = launched / "lib" / "mulberry" / "python"
    told = shown(python, "-P", "-m", "mulberry", "agent")
    assert (told["words"], told["executable"]) == (["agent"], str(python))
    assert shown(python, "-I", "-c", SHOW, "x")["isolated"] == 1


def test_without_its_folder_the_launcher_says_so(launched: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(launched / "bin" / "mulberry", tmp_path / "bin")
    done = subprocess.run([tmp_path / "bin" / "mulberry"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Mulberry cannot start: its folder lib/mulberry is not beside it\n")
