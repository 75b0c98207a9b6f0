"""Whether Mulberry starts when its owner logs in. The system keeps that, not we: it is read and written there.

Linux: a file in the autostart folder (XDG Autostart and Desktop Entry specifications). Windows: a value of the
registry's Run key, which the Task Manager can switch off in StartupApproved. macOS: a LaunchAgent. Elsewhere no place.
"""

import os
import plistlib
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol
from xml.parsers.expat import ExpatError

from mulberry.client.desktop_entry import entry, exec_words, value_of
from mulberry.model.errors import UserFacingError
from mulberry.model.files import read_bounded, write_whole
from mulberry.model.language import tr
from mulberry.model.places import lasting_program

NAME = "mulberry"
HIDDEN = "--hidden"
RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED_KEY = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"


class Starts(StrEnum):
    """What starts when the owner logs in. The agent then goes on with what was wished last."""

    NOTHING = "off"
    AGENT = "agent"  # without a window
    WINDOW = "window"  # hidden in the tray; it starts the agent


WORDS = {
    Starts.NOTHING: tr("Nothing of Mulberry starts when you log in."),
    Starts.AGENT: tr("The agent starts when you log in, and goes on with what you wished last."),
    Starts.WINDOW: tr("The agent starts when you log in, with the window hidden in the tray."),
}


class Place(Protocol):
    """Where the system keeps it. `where` is for the owner to look there. Each raises `OSError`."""

    @property
    def where(self) -> str: ...

    def read(self) -> tuple[str, ...]:
        """The command's words, () where nothing of ours starts."""
        ...

    def write(self, words: tuple[str, ...]) -> None: ...

    def remove(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Autostart:
    """How it is now. `problem` is a sentence where it is on and would not work, else ""."""

    starts: Starts
    where: str
    problem: str = ""


def autostart(place: Place | None = None) -> Autostart:
    """Raises `UserFacingError`: this system has no place for it, or it cannot be read."""
    place = place or system_place()
    try:
        words = place.read()
    except OSError as problem:
        raise UserFacingError(
            what=tr("Whether Mulberry starts when you log in is not known."),
            why=tr("{where} cannot be read: {reason}.", where=place.where, reason=problem.strerror or problem),
            next_step=tr("Look there, then try again."),
        ) from problem
    if not words:
        return Autostart(Starts.NOTHING, place.where)
    starts = Starts.WINDOW if HIDDEN in words else Starts.AGENT
    is_there = Path(words[0]).exists()
    missing = "" if is_there else tr("{program} is no longer there. Switch it on anew.", program=words[0])
    return Autostart(starts, place.where, missing)


def start_at_login(starts: Starts, root: Path, network: str, place: Place | None = None) -> Autostart:
    """From the next login on; `NOTHING` removes all of it. Raises `UserFacingError`: it could not be written."""
    place = place or system_place()
    try:
        if starts is Starts.NOTHING:
            place.remove()
        else:
            place.write(command(starts, root, network))
    except OSError as problem:
        raise UserFacingError(
            what=tr("What starts when you log in was not changed."),
            why=f"{place.where}: {problem.strerror or problem}.",
            next_step=tr("Look whether you may write there, then try again."),
        ) from problem
    return autostart(place)


def command(starts: Starts, root: Path, network: str) -> tuple[str, ...]:
    """What the system runs."""
    verb = ("desktop", HIDDEN) if starts is Starts.WINDOW else ("agent",)
    program = lasting_program()
    if sys.platform == "win32":  # or a terminal opens with it
        program[0] = str(Path(program[0]).with_name("pythonw.exe"))
    return (*program, *verb, "--network", network, "--data", str(root))


def system_place(platform: str = sys.platform, environment: Mapping[str, str] = os.environ) -> Place:
    """Raises `UserFacingError`: this system has none."""
    if platform == "win32":
        return RunKey(WindowsRegistry())
    if platform == "darwin":
        return LaunchAgent(Path.home() / "Library" / "LaunchAgents")
    if platform == "linux" and environment.get("FLATPAK_ID"):
        raise UserFacingError(
            what=tr("Mulberry cannot start by itself here."),
            why=tr("It was installed by Flatpak, in which no app can write what starts when you log in."),
            next_step=tr("Have your system run `mulberry agent`."),
        )
    if platform == "linux":
        named = environment.get("XDG_CONFIG_HOME", "")
        folder = Path(named) if Path(named).is_absolute() else Path.home() / ".config"
        return AutostartFolder(folder / "autostart")
    raise UserFacingError(
        what=tr("Mulberry cannot start by itself here."),
        why=tr("It knows no place on {platform} that says what starts when you log in.", platform=platform),
        next_step=tr("Have your system run `mulberry agent`."),
    )


class AutostartFolder:
    """A Desktop Entry in the autostart folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{NAME}.desktop"

    @property
    def where(self) -> str:
        return str(self._path)

    def read(self) -> tuple[str, ...]:
        text = _text(self._path)
        if value_of(text, "Hidden") == "true" or value_of(text, "X-GNOME-Autostart-enabled") == "false":
            return ()  # switched off by the desktop's own settings
        return exec_words(value_of(text, "Exec"))

    def write(self, words: tuple[str, ...]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        comment = "Lends your NVIDIA GPU to Cocoon and earns Toncoin"
        write_whole(self._path, entry("Mulberry", comment, words).encode())

    def remove(self) -> None:
        _remove(self._path)


class LaunchAgent:
    """A property list that launchd reads at login."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{NAME}.plist"

    @property
    def where(self) -> str:
        return str(self._path)

    def read(self) -> tuple[str, ...]:
        untrusted = _content(self._path)
        if untrusted is None:
            return ()
        try:
            said = plistlib.loads(untrusted)
            words = said["ProgramArguments"]
        except (ValueError, KeyError, TypeError, ExpatError):
            return ()
        return tuple(map(str, words)) if isinstance(words, list) and not said.get("Disabled") else ()

    def write(self, words: tuple[str, ...]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        said = {"Label": NAME, "ProgramArguments": list(words), "RunAtLoad": True, "ProcessType": "Interactive"}
        write_whole(self._path, plistlib.dumps(said))

    def remove(self) -> None:
        _remove(self._path)


class Registry(Protocol):
    """The current user's part of the Windows registry. Each raises `OSError`."""

    def get(self, key: str) -> str | bytes | None: ...

    def set(self, key: str, value: str) -> None: ...

    def delete(self, key: str) -> None: ...


class RunKey:
    """A value of the Run key. The Task Manager's switch is another one, whose first byte is odd where it is off."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @property
    def where(self) -> str:
        return rf"HKEY_CURRENT_USER\{RUN_KEY}\{NAME}"

    def read(self) -> tuple[str, ...]:
        line, approved = self._registry.get(RUN_KEY), self._registry.get(APPROVED_KEY)
        if not isinstance(line, str) or (isinstance(approved, bytes) and approved and approved[0] & 1):
            return ()
        return _windows_words(line)

    def write(self, words: tuple[str, ...]) -> None:
        self._registry.set(RUN_KEY, subprocess.list2cmdline(words))
        self._registry.delete(APPROVED_KEY)

    def remove(self) -> None:
        self._registry.delete(RUN_KEY)
        self._registry.delete(APPROVED_KEY)


class WindowsRegistry:
    """`Registry` on Windows; every value is called `NAME`."""

    def get(self, key: str) -> str | bytes | None:
        import winreg

        with suppress(FileNotFoundError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, key) as opened:  # type: ignore[attr-defined]
            value: str | bytes = winreg.QueryValueEx(opened, NAME)[0]  # type: ignore[attr-defined]
            return value
        return None

    def set(self, key: str, value: str) -> None:
        import winreg

        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, key) as opened:  # type: ignore[attr-defined]
            winreg.SetValueEx(opened, NAME, 0, winreg.REG_SZ, value)  # type: ignore[attr-defined]

    def delete(self, key: str) -> None:
        import winreg

        access = winreg.KEY_SET_VALUE  # type: ignore[attr-defined]
        with suppress(FileNotFoundError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, key, access=access) as opened:  # type: ignore[attr-defined]
            winreg.DeleteValue(opened, NAME)  # type: ignore[attr-defined]


def _windows_words(untrusted_line: str) -> tuple[str, ...]:
    """As `subprocess.list2cmdline` writes them; names of files have no quotation marks on Windows."""
    return tuple(quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', untrusted_line))


def _text(path: Path) -> str:
    untrusted = _content(path)
    return "" if untrusted is None else untrusted.decode("utf-8", "replace")


def _content(path: Path) -> bytes | None:
    """None too for what is too large to be ours."""
    with suppress(ValueError):
        return read_bounded(path)
    return None


def _remove(path: Path) -> None:
    """And its folder, where nothing else is in it."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
