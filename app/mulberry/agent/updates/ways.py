"""How a copy of Mulberry is replaced by a newer one: that depends on who installed it, and each way is a row here.

Mulberry never asks for an administrator's password. Where one is needed, its owner gets the command to run.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mulberry.agent.updates.fetching import is_whole
from mulberry.agent.updates.words import changed_since, no_image
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.update import ANY, Artefact, InstalledBy, Release, ReleaseFile

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # names that systems have for the same processors


@dataclass(frozen=True, slots=True)
class Way:
    """`kind` is the artefact that is fetched; without one its updates come from elsewhere.

    `command` is what its owner runs, made of the fetched files: one, unless it `takes_several`. `begin`, where there is
    one, makes Mulberry do it by itself, when no request runs: it is called with the checked file and what that must be,
    and gives the words of the program that takes this process's place when it has given everything back.
    """

    how: str
    kind: str = ""
    command: Callable[[Sequence[str]], Sequence[str]] | None = None
    begin: Callable[[Path, ReleaseFile], Sequence[str]] | None = None
    takes_several: bool = False

    def artefact(self, release: Release, built_for: str = "") -> Artefact | None:
        """That of the release for this computer, and for the distribution that this copy was `built_for`."""
        systems = (sys.platform.replace("win32", "windows"), built_for, ANY)
        for each in release.artefacts:
            is_for_here = each.system in systems and each.machine in (machine(), ANY)
            is_for_this = self.kind and each.kind == self.kind and (self.takes_several or not each.also)
            if is_for_here and is_for_this:
                return each
        return None


def machine() -> str:
    name = platform.machine().lower()
    return MACHINES.get(name, name)


def command_line(words: Sequence[str]) -> str:
    """As it can be pasted into a terminal."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def for_a_successor(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what leads into the old AppImage, which is closed when its last program has ended."""
    inside = environment.get("APPDIR")
    if not inside:
        return dict(environment)
    kept = {}
    for name, value in environment.items():
        elsewhere = [part for part in value.split(os.pathsep) if inside not in part]
        if elsewhere:
            kept[name] = os.pathsep.join(elsewhere)
    return kept


def _run_setup(installer: Path, file: ReleaseFile) -> Sequence[str]:
    """It asks nothing, waits for what still runs, and starts the agent again (installers/windows)."""
    return (str(installer), "/S", "/RESTART")


def _swap_image(image: Path, file: ReleaseFile) -> Sequence[str]:
    """Puts the new file in the old one's place, at once or not at all, and starts it with the words of this agent.

    Others may write into that folder: what was copied is what is checked, and no link there is followed.
    """
    named = os.environ.get("APPIMAGE")  # set by the AppImage's own runtime, also for what it starts
    if not named:
        raise no_image()
    present = Path(named)
    new = present.with_name(f".{present.name}.new")
    try:
        new.unlink(missing_ok=True)
        with image.open("rb") as source, new.open("xb") as copy:
            shutil.copyfileobj(source, copy)
            copy.flush()
            os.fsync(copy.fileno())
        new.chmod(present.stat().st_mode)
        if not is_whole(new, file):
            raise changed_since()
        new.replace(present)
    except (OSError, UserFacingError):
        new.unlink(missing_ok=True)
        raise
    return (str(present), *sys.argv[1:])


WAYS = {
    InstalledBy.DEB: Way(
        tr("It was installed as a Debian package, so your system replaces it: that needs an administrator."),
        "deb",
        command=lambda files: ("sudo", "apt", "install", *files),
        takes_several=True,
    ),
    InstalledBy.WINDOWS: Way(
        tr("It was installed for you alone, so it can replace itself when no request runs."),
        "windows",
        begin=_run_setup,
    ),
    InstalledBy.APPIMAGE: Way(
        tr("It is one file of yours, which it replaces by itself when no request runs."), "appimage", begin=_swap_image
    ),
    InstalledBy.FLATPAK: Way(tr("It was installed by Flatpak, which replaces it: say `flatpak update`.")),
    InstalledBy.PIP: Way(
        tr("It was installed by pip, which replaces it."),
        "wheel",
        command=lambda files: (sys.executable, "-m", "pip", "install", "--upgrade", *files),
    ),
    InstalledBy.PIPX: Way(
        tr("It was installed by pipx, which replaces it."),
        "wheel",
        command=lambda files: ("pipx", "install", "--force", *files),
    ),
    InstalledBy.UV: Way(
        tr("It was installed by uv, which replaces it."),
        "wheel",
        command=lambda files: ("uv", "tool", "install", "--force", *files),
    ),
    InstalledBy.SOURCE: Way(tr("It runs from its sources: fetch the newer ones with git.")),
}
