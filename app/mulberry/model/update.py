"""Releases of Mulberry, and what its faces know of a newer one. The feed that tells of them: docs/updates.md."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mulberry.model.language import number

VERSION = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})", re.ASCII)
NAME = r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}"  # Debian's package of the engine has 123 letters
PATH = re.compile(rf"{NAME}(/{NAME}){{0,3}}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
LARGEST_FILE_BYTES = 2 * 2**30
MOST_FILES = 8  # of an artefact
MOST_RELEASES = 32
MOST_ARTEFACTS = 32
ANY = "any"  # of an artefact's system or machine


@dataclass(frozen=True, order=True, slots=True)
class Version:
    """Three numbers, compared one after the other. There is nothing else: what is no release has no version here."""

    major: int
    minor: int
    patch: int

    @classmethod
    def read(cls, untrusted: str) -> "Version":
        """Raises `ValueError`."""
        found = VERSION.fullmatch(untrusted)
        if found is None:
            raise ValueError("a version is three numbers with points between them")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class InstalledBy(StrEnum):
    """Who put this copy of Mulberry here, and so who may replace it."""

    DEB = "deb"
    WINDOWS = "windows"
    APPIMAGE = "appimage"
    FLATPAK = "flatpak"
    PIP = "pip"
    PIPX = "pipx"
    UV = "uv"
    SOURCE = "source"  # it runs from a checkout


@dataclass(frozen=True, slots=True)
class ReleaseFile:
    """`path` begins at the feed's folder. `size` in bytes."""

    path: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        if not PATH.fullmatch(self.path):
            raise ValueError("an artefact's path leads out of the feed's folder, or has strange letters")
        if not 0 < self.size <= LARGEST_FILE_BYTES:
            raise ValueError(f"an artefact's file has 1 to {LARGEST_FILE_BYTES:,} bytes")
        if not SHA256.fullmatch(self.sha256):
            raise ValueError("a SHA-256 has 64 hexadecimal digits, in lower case")

    @property
    def name(self) -> str:
        """On this computer. A Debian package has a short one: its owner reads the command, and apt looks inside."""
        name = self.path.rpartition("/")[2]
        return name.removesuffix(".deb").partition("_")[0] + ".deb" if name.endswith(".deb") else name


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a copy is replaced with: a file, and `also` those that are installed with it in one step.

    `kind` is "deb", "windows", "appimage", "wheel" or a newer one; `system` is `linux`, `windows`, a release of a
    distribution as `debian12`, or "any"; `machine` is `x86_64`, `aarch64` or "any".
    """

    kind: str
    system: str
    machine: str
    path: str
    size: int
    sha256: str
    also: tuple[ReleaseFile, ...] = ()

    def __post_init__(self) -> None:
        names = {file.name for file in self.files}
        if not len(names) == 1 + len(self.also) <= MOST_FILES:
            raise ValueError(f"an artefact has at most {MOST_FILES} files, each of another name")

    @property
    def files(self) -> tuple[ReleaseFile, ...]:
        return (ReleaseFile(self.path, self.size, self.sha256), *self.also)

    @property
    def takes_bytes(self) -> int:
        """All of them."""
        return sum(file.size for file in self.files)

    @property
    def known_by(self) -> str:
        """The SHA-256 of each file."""
        return " ".join(file.sha256 for file in self.files)


@dataclass(frozen=True, slots=True)
class Release:
    """`notes` are the maintainers' words, as text without markup; whoever shows them cuts them."""

    version: str
    released: date
    notes: str
    artefacts: tuple[Artefact, ...]

    def __post_init__(self) -> None:
        Version.read(self.version)
        if len(self.artefacts) > MOST_ARTEFACTS:
            raise ValueError(f"a release has at most {MOST_ARTEFACTS} artefacts")

    @property
    def number(self) -> Version:
        return Version.read(self.version)


class UpdateWork(StrEnum):
    """What is being done about updates at this moment."""

    NOTHING = "nothing"
    CHECKING = "checking"
    FETCHING = "fetching"
    DRAINING = "waiting for running requests"
    HANDED_OVER = "the installer begins"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the last thing that was tried did not work: the parts of a `UserFacingError`."""

    what: str
    why: str
    next_step: str


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """What is known of newer versions. `offered` is the newest one that its owner has not skipped.

    `feed` is the host that is asked, "" where there is none; `cannot_check` says why nobody can be. `how` says how this
    copy is updated: `by_itself`, or by `command`, which its owner runs, "" while nothing is ready for it. `checks`: its
    owner wants it to ask once a day. `takes_bytes` is what would be fetched, `received_bytes` how much of it is here.
    """

    version: str
    installed_by: InstalledBy
    as_of: datetime
    feed: str = ""
    cannot_check: str = ""
    how: str = ""
    by_itself: bool = False
    checks: bool = False
    work: UpdateWork = UpdateWork.NOTHING
    offered: Release | None = None
    takes_bytes: int = 0
    received_bytes: int = 0
    command: str = ""
    skipped: tuple[str, ...] = ()
    checked_at: datetime | None = None
    quiet_until: datetime | None = None
    problem: Problem | None = None


def in_megabytes(size: int) -> str:
    """Of a file that is fetched."""
    return number(f"{size / 1e6:,.1f} MB")


class UpdateVerb(StrEnum):
    CHECK = "check"  # now, whether or not it is done once a day; what was skipped is offered again
    APPLY = "apply"  # fetches and checks it; where Mulberry may, it is installed when the running requests are done
    SKIP = "skip"  # says no more of this version
    LATER = "later"  # says no more of it for some days
    CANCEL = "cancel"  # what is under way; what was fetched is kept


@dataclass(frozen=True, slots=True)
class UpdateOrder:
    """`POST /v1/update`. `version` is the one that its owner was shown, for APPLY, SKIP and LATER. `even_if_metered`:
    fetch also over a network that the system calls metered."""

    verb: UpdateVerb
    version: str = ""
    even_if_metered: bool = False
