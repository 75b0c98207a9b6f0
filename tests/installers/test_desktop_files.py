"""Menus, software centres, man and Tab are where people meet Mulberry first; a broken file is left out in silence."""

import configparser
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from installers.linux.commands import Command, command_line
from installers.linux.completions import completions
from installers.linux.desktop_files import HERE, METAINFO, write_metainfo
from installers.linux.man_pages import escaped, man_pages
from installers.project import ROOT, version

PROGRAM = command_line()
COMMANDS = [command for command in PROGRAM.all() if command is not PROGRAM]


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def checked(*command: str | Path, text: str = "") -> str:
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_entry_is_what_the_specification_wants() -> None:
    checked(tool("desktop-file-validate"), HERE / "mulberry.desktop")


def test_the_entry_starts_the_program_and_says_what_the_configuration_says() -> None:
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(HERE / "mulberry.desktop")
    main = entry["Desktop Entry"]
    assert main["Exec"].split()[0] == main["TryExec"] == "mulberry"
    assert f'description = "{main["Comment"]}"' in (ROOT / "briefcase.toml").read_text()


def test_the_entry_bears_the_name_that_the_window_gives_itself() -> None:
    app = (ROOT / "app" / "mulberry" / "desktop" / "app.py").read_text()
    assert re.search(r'setDesktopFileName\(.*"mulberry"\)', app)


def test_the_metainfo_is_what_appstream_wants(tmp_path: Path) -> None:
    write_metainfo(tmp_path / METAINFO)
    checked(tool("appstreamcli"), "validate", "--no-net", "--pedantic", tmp_path / METAINFO)


def test_the_metainfo_tells_of_this_version_and_shows_pictures_that_exist(tmp_path: Path) -> None:
    write_metainfo(tmp_path / METAINFO)
    root = ET.parse(tmp_path / METAINFO).getroot()  # noqa: S314 - our own file
    first = root.find("releases/release")
    assert first is not None
    assert first.get("version") == version()
    assert first.findall("description/ul/li")
    for image in root.iter("image"):
        assert (ROOT / "docs" / "images" / Path(image.text or "").name).is_file(), image.text


def test_every_command_has_a_page_that_man_prints_without_a_warning(tmp_path: Path) -> None:
    pages = man_pages(PROGRAM, version(), 1_700_000_000)
    assert set(pages) == {"mulberry.1", *(f"mulberry-{command.name}.1" for command in PROGRAM.commands)}
    groff = tool("groff")
    for name, page in pages.items():
        assert not checked(groff, "-Kutf8", "-man", "-Tutf8", "-ww", "-z", text=page), name


def test_the_overview_names_every_command_with_a_sentence() -> None:
    page = man_pages(PROGRAM, version(), 0)["mulberry.1"]
    for command in PROGRAM.commands:
        assert f".BR {escaped(f'mulberry-{command.name}')} (1)\n{escaped(command.summary)}" in page
        assert len(command.summary) > 10, command.words


def test_a_page_tells_of_every_option() -> None:
    pages = man_pages(PROGRAM, version(), 0)
    for command in COMMANDS:
        page = pages[f"mulberry-{command.words[1]}.1"]
        for option in command.options:
            assert all(escaped(word) in page for word in option.words), (command.words, option.words)


def test_a_page_calls_each_argument_what_its_usage_calls_it() -> None:
    for command in COMMANDS:
        for argument in command.arguments:
            assert re.search(rf"[\[{{]{re.escape(argument.name)}[\]}}]", command.usage, re.I), command.words


@pytest.mark.parametrize(
    ("text", "printed"), [("a-b", r"a\-b"), (".TH", r"\&.TH"), ("'x", r"\&'x"), ("C:\\x", r"C:\ex"), ("", "")]
)
def test_no_word_of_ours_is_read_as_a_request(text: str, printed: str) -> None:
    assert escaped(text) == printed


BASH = """
source /dev/stdin <<'SCRIPT'
{script}
SCRIPT
COMP_WORDS=({words}) COMP_CWORD={last}
_mulberry
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def offered(*words: str) -> set[str]:
    """What bash offers for the last of `words`."""
    script = completions(PROGRAM)["bash-completion/completions/mulberry"]
    quoted = " ".join(f"'{word}'" for word in words)
    return set(checked(tool("bash"), "-c", BASH.format(script=script, words=quoted, last=len(words) - 1)).split())


def test_bash_offers_commands_their_commands_and_their_options() -> None:
    assert {"status", "start", "models"} <= offered("mulberry", "")
    assert offered("mulberry", "stat") == {"status"}
    assert {command.name for command in named("models").commands} <= offered("mulberry", "models", "")
    assert "--json" in offered("mulberry", "jobs", "--")


def test_bash_offers_files_where_a_folder_is_asked_for() -> None:
    assert {"/etc", "/usr"} <= offered("mulberry", "models", "import", "/")


def test_bash_offers_the_values_of_an_option_and_nothing_else() -> None:
    assert offered("mulberry", "demo", "--transport", "") == {"plain", "ratls", "socks5"}
    assert offered("mulberry", "demo", "--jobs", "") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_can_read_its_completions(shell: str, tmp_path: Path) -> None:
    scripts = {Path(name).suffix[1:] or Path(name).parts[0].partition("-")[0]: text for name, text in ALL.items()}
    (tmp_path / "script").write_text(scripts[shell])
    checked(tool(shell), "-n", tmp_path / "script")


ALL = completions(PROGRAM)


@pytest.mark.parametrize("name", sorted(ALL))
def test_completions_know_every_command(name: str) -> None:
    for command in COMMANDS:
        assert re.search(rf"\b{re.escape(command.name)}\b", ALL[name]), command.words


def named(name: str) -> Command:
    return next(command for command in PROGRAM.commands if command.name == name)
