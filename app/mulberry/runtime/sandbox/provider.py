"""What a sandbox is to the rest of the agent, and what a job process finds in it.

Half of a sandbox is what the provider puts around the process, the other half is what the process gives up by itself
(`runtime.child.confinement`). Neither is believed: the process tries to get out at every start, and its report decides.
"""

import asyncio
import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from mulberry.model.language import tr
from mulberry.model.node import NO_SANDBOX
from mulberry.runtime.wire import ALL_CANARIES, Canary, Enter, Entered, ProfileName

NOBODY = 65534
CHILD = Path(__file__).parent.parent / "child" / "__main__.py"
SOURCE = CHILD.parents[3]

# Isolated from the user's own packages and settings. The source root comes from the script's own place.
INTERPRETER = (sys.executable, "-I")


class Tier(StrEnum):
    """What stands around a job, the strongest first. Strangers' jobs run in the first three only."""

    BUBBLEWRAP = "bubblewrap, Landlock and seccomp"
    LANDLOCK = "Landlock and seccomp"
    APP_CONTAINER = "AppContainer and job object (not yet run on Windows)"
    NONE = NO_SANDBOX

    @property
    def in_words(self) -> str:
        """For its owner."""
        return TIERS[self]


TIERS = {
    Tier.BUBBLEWRAP: tr("bubblewrap, Landlock and seccomp"),
    Tier.LANDLOCK: tr("Landlock and seccomp"),
    Tier.APP_CONTAINER: tr("AppContainer and job object (not yet run on Windows)"),
    Tier.NONE: tr("no sandbox"),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_bytes` of a job process: resident, and what it may map beyond; `scratch_bytes` of its private /tmp."""

    memory_bytes: int = 8 << 30
    processes: int = 64  # threads count
    open_files: int = 64
    scratch_bytes: int = 32 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """What a job process is given: folders to read and run code from, one model to read, devices, limits.

    `program` is the job process's own, or a test's. `libraries` are the GPU runtime's, which come before the others.
    """

    model: Path
    profile: ProfileName = ProfileName.CPU
    devices: tuple[str, ...] = ()
    limits: Limits = Limits()
    program: Path = CHILD
    libraries: Path | None = None

    @property
    def code(self) -> tuple[Path, ...]:
        return code_folders(self.program, self.libraries)

    @property
    def command(self) -> tuple[str, ...]:
        return (*INTERPRETER, str(self.program))


class Started(Protocol):
    """A process as `asyncio.subprocess` has them. `kill` and `wait` mean the job process, whatever is around it."""

    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    async def wait(self) -> int: ...


class Sandbox(Protocol):
    """One way to lock a job process in."""

    @property
    def tier(self) -> Tier: ...

    async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
        """Starts the job process and hands it its end of the socket pair. Raises `OSError`."""
        ...

    def order(self, room: Room) -> Enter:
        """What the process is told to give up, in its own view of the computer."""
        ...


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a job process reported of itself, and whether that is enough for strangers' jobs."""

    tier: Tier
    passed: Canary
    landlock: int
    user: int

    @classmethod
    def of(cls, tier: Tier, untrusted: Entered) -> "Confinement":
        """Unknown bits count for nothing."""
        return cls(tier, Canary(untrusted.passed & int(ALL_CANARIES)), untrusted.landlock, untrusted.user)

    @property
    def missed(self) -> Canary:
        return ALL_CANARIES & ~self.passed

    @property
    def holds(self) -> bool:
        return self.tier is not Tier.NONE and not self.missed

    def __str__(self) -> str:
        if self.tier is Tier.NONE:
            return str(self.tier)
        tier, passed, checks = self.tier.in_words, len(self.passed), len(ALL_CANARIES)
        return tr("{tier}: {passed} of {checks} checks passed", tier=tier, passed=passed, checks=checks)


def code_folders(program: Path, libraries: Path | None = None) -> tuple[Path, ...]:
    """The interpreter's, the wheels' and ours, as they are named and as they are; none inside another."""
    onnxruntime = importlib.util.find_spec("onnxruntime")
    wheels = [Path(onnxruntime.origin).parent.parent] if onnxruntime and onnxruntime.origin else []
    named = [Path(sys.base_prefix), Path(sys.base_exec_prefix), Path(sys.prefix), *wheels, SOURCE, program.parent]
    named += [libraries] if libraries else []
    found = {folder for name in named for folder in (name.absolute(), name.resolve())}
    return tuple(sorted(folder for folder in found if not any(other in folder.parents for other in found)))


def an_order(room: Room, *, model: Path, processes: int | None, user: int | None) -> Enter:
    """The order that all of Linux's tiers give; `model` is its place in the process's view."""
    return Enter(
        profile=room.profile,
        readable=tuple(str(folder) for folder in room.code),
        devices=room.devices,
        model=str(model),
        user=user,
        address_space_bytes=room.limits.memory_bytes * 2,
        processes=processes,
        open_files=room.limits.open_files,
        home=_home(),
        agent=os.getpid(),
        libraries=str(room.libraries.absolute()) if room.libraries else "",
    )


def _home() -> str:
    """Of the owner. Users without a name, as containers have them, have none, and then there is nothing to hide."""
    try:
        return str(Path.home())
    except RuntimeError:
        return "/nonexistent"


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
