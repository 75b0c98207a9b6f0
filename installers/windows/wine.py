"""A Windows to try the installer on: Wine with a folder of its own, so that nothing of the user's is touched."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

LONGEST_SECONDS = 300.0
SETTLED_SECONDS = 15.0  # an uninstaller goes on in a copy of itself after the one that was called has ended
LOOK_SECONDS = 0.05


class TrialFailedError(Exception):
    """Something did not hold."""


def demand(holds: bool, what: str) -> None:
    """Raises `TrialFailedError`."""
    if not holds:
        raise TrialFailedError(what)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Raises `TrialFailedError`: it did not come true in time."""
    end = time.monotonic() + SETTLED_SECONDS
    while not holds():
        demand(time.monotonic() < end, f"not within {SETTLED_SECONDS:.0f} seconds: {what}")
        time.sleep(LOOK_SECONDS)


def wine_program() -> str | None:
    return shutil.which("wine64") or shutil.which("wine")


@dataclass(frozen=True, slots=True)
class Computer:
    """`home` is a folder for everything of it."""

    home: Path

    @property
    def drive(self) -> Path:
        return self.home / "wine" / "drive_c"

    @property
    def user(self) -> Path:
        (user,) = (path for path in (self.drive / "users").iterdir() if path.name != "Public")
        return user

    @property
    def temp(self) -> Path:
        return self.user / "Temp"

    @property
    def data(self) -> Path:
        """Where Mulberry would store what it stores."""
        return self.user / "AppData" / "Local" / "mulberry"

    @property
    def shortcut(self) -> Path:
        return self.user / "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Mulberry.lnk"

    def here(self, path: PureWindowsPath) -> Path:
        """Where a path on drive C: lies."""
        return self.drive.joinpath(*path.parts[1:])

    def name_of(self, path: Path) -> str:
        """What Windows calls a file of the real computer; without spaces, or the line that runs it needs quotes."""
        return "Z:" + str(path).replace("/", "\\")

    def become_windows(self, version: str) -> None:
        """`win7`, `win10`, … as winecfg calls them."""
        demand(self.run("winecfg", "/v", version) == 0, f"Wine does not pass for {version}")

    def run(self, *words: str) -> int:
        """The exit code. What `words` start and leave running is not waited for."""
        environment = {name: os.environ[name] for name in ("PATH", "DISPLAY") if name in os.environ} | {
            "HOME": str(self.home),
            "WINEPREFIX": str(self.home / "wine"),
            "WINEARCH": "win64",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml=d",  # no entries in the user's menus, no downloads
            "LC_ALL": "C.UTF-8",
        }
        command = [str(wine_program()), *words]
        nothing = subprocess.DEVNULL
        return subprocess.run(
            command,
            env=environment,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            timeout=LONGEST_SECONDS,
            check=False,
        ).returncode

    def run_line(self, line: str) -> int:
        """The exit code of a whole command line: in single words, Wine would quote what NSIS wants without quotes."""
        return self.run("cmd", "/c", line)

    def end(self) -> None:
        """Nothing of it runs any more."""
        self.run("wineboot", "--kill")

    def registry(self, key: str) -> dict[str, str]:
        """The texts and numbers (as the export writes them) of a key; none where there is no key."""
        exported = self.drive / "exported.reg"
        if self.run("reg", "export", key, "C:\\exported.reg", "/y"):
            return {}
        rows = re.findall(r'^"(.*?)"="?(.*?)"?$', exported.read_text("utf-16"), re.MULTILINE)
        return {name: value.replace('\\"', '"').replace("\\\\", "\\") for name, value in rows}
