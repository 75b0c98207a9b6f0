"""The Windows installer is made where no Windows is: what can be known of it here must hold, or nobody knows it."""

import re
import shutil
import struct
import tomllib
import zipfile
from contextlib import suppress
from pathlib import Path

import pip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from installers.base_requirements import TARGETS, base_requirements
from installers.epoch import settle
from installers.project import ROOT
from installers.stage import stage
from installers.windows.build import SCRIPT, file_lines, four_numbers, make_setup
from installers.windows.dll_imports import BadLibraryError, imports, missing_libraries
from installers.windows.tree import pinned_python, put_python, refuse_missing_libraries, target_of
from mulberry.agent.keys import SERVICE
from mulberry.agent.updates.build import this_build
from mulberry.cli.main import application
from mulberry.client import autostart
from mulberry.desktop.app import WINDOWS_APP_ID
from mulberry.model.places import DataFolder

WINDOWS = ROOT / "installers" / "windows"
SCRIPTS = {path.name: path.read_text() for path in WINDOWS.glob("*.ns?")}
ALL_SCRIPTS = "\n".join(SCRIPTS.values())
# Real programs for Windows that lie in every pip: launchers for 64 and for 32 bits.
LAUNCHERS = Path(pip.__file__).parent / "_vendor" / "distlib"
LAUNCHER = (LAUNCHERS / "t64.exe").read_bytes()


def defined(name: str) -> str:
    """What a script has `!define`d."""
    (value,) = re.findall(rf'^!define {name} "(.*?)"', ALL_SCRIPTS, re.MULTILINE)
    return str(value)


# What a library wants


def test_a_real_program_says_what_it_wants() -> None:
    assert set(imports(LAUNCHER)) == {"kernel32.dll", "shlwapi.dll"}  # as `objdump -p` reads it


def test_a_program_for_32_bits_is_refused() -> None:
    with pytest.raises(BadLibraryError, match="64-bit"):
        imports((LAUNCHERS / "t32.exe").read_bytes())


@given(st.integers(0, 4096), st.binary(max_size=64))
@settings(max_examples=300, deadline=None)
def test_a_damaged_library_is_refused_or_read_never_more(at: int, bytes_there: bytes) -> None:
    damaged = LAUNCHER[:at] + bytes_there + LAUNCHER[at + len(bytes_there) :]
    for untrusted in (damaged, damaged[:at]):
        with suppress(BadLibraryError):
            assert all(len(name) < 256 for name in imports(untrusted))


def test_what_is_missing_is_named_with_who_wants_it(tmp_path: Path) -> None:
    wanted = LAUNCHER.replace(b"SHLWAPI.dll", b"NOWHERE.dll")
    assert wanted != LAUNCHER
    (tmp_path / "some.pyd").write_bytes(wanted)
    assert missing_libraries(tmp_path) == {"nowhere.dll": ("some.pyd",)}
    assert missing_libraries(tmp_path, given=frozenset({"nowhere.dll"})) == {}
    with pytest.raises(SystemExit, match=r"nowhere\.dll, which some\.pyd"):
        refuse_missing_libraries(tmp_path, pinned_python())
    (tmp_path / "Nowhere.DLL").write_bytes(LAUNCHER)
    assert missing_libraries(tmp_path) == {}


# Python for Windows


def test_pythons_address_and_version_are_of_one_file() -> None:
    python = pinned_python()
    assert python.url == f"https://www.python.org/ftp/python/{python.version}/python-{python.version}-embed-amd64.zip"
    assert re.fullmatch("[0-9a-f]{64}", python.sha256)


def test_its_version_is_one_that_mulberry_takes() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    oldest, newest = re.findall(r"\d+\.(\d+)", wanted)
    assert int(oldest) <= int(pinned_python().version.split(".")[1]) < int(newest)


def test_windows_gets_its_own_packages_and_not_those_of_linux() -> None:
    names = {locked.name for locked in base_requirements(target_of(pinned_python()))}
    assert {"onnxruntime", "pywin32-ctypes", "colorama", "pyside6-essentials"} <= names
    assert not {"onnxruntime-gpu", "uvloop", "secretstorage", "jeepney"} & names


def test_python_looks_for_modules_in_our_folders_alone(tmp_path: Path) -> None:
    archive = tmp_path / "python.zip"
    with zipfile.ZipFile(archive, "w") as content:
        content.writestr("python.exe", b"MZ")
        content.writestr("python314._pth", "python314.zip\r\n.\r\n#import site\r\n")
    put_python(pinned_python(), archive, tmp_path / "python")
    found = (tmp_path / "python" / "python314._pth").read_bytes()
    assert found == b"python314.zip\r\n.\r\n..\\packages\r\n..\\pip\r\n..\\app\r\n"


# What the scripts repeat of the app


def test_the_scripts_call_things_as_the_app_does() -> None:
    assert defined("APP_ID") == WINDOWS_APP_ID
    assert defined("RUN_KEY") == autostart.RUN_KEY
    assert defined("APPROVED_KEY") == autostart.APPROVED_KEY
    assert defined("RUN_VALUE") == autostart.NAME
    assert defined("KEY_ITEMS") == SERVICE
    folder = DataFolder(Path("data"))
    for path in (folder.demo_key, folder.sealed_key, folder.seen_key):
        assert path.name.startswith(defined("KEY_FILES"))
    assert defined("DATA") == r"$LOCALAPPDATA\mulberry"  # platformdirs' user_data_dir on Windows, without an author


@pytest.mark.parametrize("words", [("leave", "--within"), ("desktop", "--hidden")])
def test_the_scripts_say_to_mulberry_what_it_understands(words: tuple[str, str]) -> None:
    command, option = words
    assert re.search(rf"-m mulberry {command} {option}\b", ALL_SCRIPTS)
    told = CliRunner().invoke(application, [command, "--help"])
    assert told.exit_code == 0
    assert option in told.output


def said() -> list[tuple[str, ...]]:
    """Each text: its name, then what it says in each language."""
    text = r'"((?:[^"$]|\$\\"|\$.)*)"'
    return re.findall(r"^\$\{SAY\} (\w+)" + rf" \\\n  {text}" * 4 + "$", SCRIPTS["texts.nsh"], re.MULTILINE)


def test_windows_has_a_candidate_before_its_release() -> None:
    ordered = [
        four_numbers(one) for one in ("0.9.0", "1.0.0a1", "1.0.0b1", "1.0.0rc1", "1.0.0rc2", "1.0.0", "1.0.1rc1")
    ]
    compared = [tuple(int(number) for number in one.split(".")) for one in ordered]
    assert compared == sorted(set(compared))
    assert all(len(one) == 4 and max(one) < 2**16 for one in compared), "Windows has 16 bits for each"
    with pytest.raises(SystemExit, match=r"it is 1\.0"):
        four_numbers("1.0")


def test_room_on_a_disk_of_many_terabytes_is_counted_in_numbers_that_nsis_can_compare() -> None:
    """In kilobytes, 32 bits end at 2 TB: whoever had more free was told that the disk is full."""
    (looked,) = re.findall(r'\$\{DriveSpace\} .* "/D=F /S=(\w)" \$1', SCRIPT.read_text())
    assert looked == "M"
    assert "${If} $1 < ${MEGABYTES}" in SCRIPT.read_text()


def test_every_text_is_said_in_four_languages_and_used() -> None:
    texts = said()
    assert len(texts) == SCRIPTS["texts.nsh"].count("\n${SAY} ")
    for name, *languages in texts:
        assert len(set(languages)) == 4, f"{name} is not translated"
        assert f"$({name})" in ALL_SCRIPTS, f"nobody says {name}"
        for translated in languages[1:]:
            places = re.findall(r"\$\w+", languages[0].replace(r"$\r$\n", ""))
            assert sorted(re.findall(r"\$\w+", translated.replace(r"$\r$\n", ""))) == sorted(places), name


def test_the_first_page_says_that_windows_is_for_the_demo_network_only() -> None:
    (welcome,) = (languages for name, *languages in said() if name == "WELCOME")
    for languages, words in zip(
        welcome, ("demo network only", "nur für das Demo", "jaringan demo", "демонстрационной"), strict=True
    ):
        assert words in languages


def test_a_windows_host_with_briefcase_finds_all_that_it_needs(tmp_path: Path) -> None:
    staged = stage(tmp_path / "staged", target=TARGETS["windows-3.12"], installed_by="")
    app = tomllib.loads((staged / "pyproject.toml").read_text())["tool"]["briefcase"]["app"]["mulberry"]
    assert app["windows"] == {"system_installer": False}
    assert (staged / f"{app['icon']}.ico").is_file()
    assert "pywin32-ctypes==" in (staged / "requirements.lock").read_text()
    assert this_build(lambda name: staged / "app/mulberry/resources" / name).installed_by not in ("deb", "windows")


# The installer itself


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows") / "program"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "$x ünï.txt").write_text("one")
    (folder / "a.txt").write_text("two")
    shutil.copyfile(LAUNCHERS / "t64.exe", folder / "b.exe")
    from installers.windows.pictures import write_icon

    write_icon(ROOT / "resources" / "icons" / "mulberry.svg", folder / "mulberry.ico")
    settle(folder, 1_700_000_000)
    return folder


def test_files_are_listed_in_their_own_order_and_a_dollar_is_no_variable(program: Path) -> None:
    assert list(file_lines(program)) == [
        r'SetOutPath "$INSTDIR\program"',
        f'File "{program}/a.txt"',
        r'SetOutPath "$INSTDIR\program\app"',
        f'File "{program}/app/$x ünï.txt"',
        r'SetOutPath "$INSTDIR\program"',
        f'File "{program}/b.exe"',
        f'File "{program}/mulberry.ico"',
    ]


def test_the_icon_has_every_size_that_windows_asks_for(program: Path) -> None:
    icon = (program / "mulberry.ico").read_bytes()
    kind, count = struct.unpack_from("<xxHH", icon)
    entries = [struct.unpack_from("<BB6xII", icon, 6 + 16 * number) for number in range(count)]
    assert kind == 1
    assert {width or 256 for width, *_ in entries} >= {16, 24, 32, 48, 256}
    for _, _, length, offset in entries:
        assert icon[offset : offset + 8] == b"\x89PNG\r\n\x1a\n"
        assert icon[offset : offset + length].endswith(b"IEND\xaeB`\x82")


@pytest.mark.skipif(shutil.which("makensis") is None, reason="NSIS is not installed")
def test_two_builds_in_two_folders_are_the_same_bytes(program: Path, tmp_path: Path) -> None:
    built = []
    for name in ("first", "a second, ünï"):
        folder = tmp_path / name
        shutil.copytree(program, folder / "program")
        setup = folder / "mulberry-1.2.3.exe"
        make_setup(setup, folder / "program", folder, "1.2.3", is_trial=True, is_draft=False)
        built.append(setup.read_bytes())
    assert built[0] == built[1]
    assert b'requestedExecutionLevel level="asInvoker"' in built[0], "no administrator is asked for"
