"""Windows: an AppContainer, which has no network and reads only what names it, inside a job object. NOT YET RUN.

Written after Microsoft's documentation of `CreateAppContainerProfile`, `UpdateProcThreadAttribute` and
`SetInformationJobObject`. It is not offered (`choose.candidates`) before somebody has run it: the canary knows Linux
only, and CUDA in an AppContainer is unproven. What can be tested elsewhere is apart from what calls Windows.
"""

import ctypes
import struct
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from mulberry.runtime.sandbox.provider import Limits, Room

if sys.platform == "win32":
    import asyncio
    import msvcrt
    import os
    import socket
    from dataclasses import replace

    from mulberry.runtime.sandbox.provider import Started, Tier, an_order
    from mulberry.runtime.wire import Enter, ProfileName

    INFINITE = 0xFFFF_FFFF

CONTAINER = "Mulberry.Job"
ALREADY_THERE = 0x800700B7  # HRESULT of ERROR_ALREADY_EXISTS

# CreateProcess: suspended until it is in the job object, with attributes, no console, a Unicode environment.
CREATION_FLAGS = 0x0000_0004 | 0x0008_0000 | 0x0800_0000 | 0x0000_0400
HANDLE_LIST, SECURITY_CAPABILITIES, CHILD_PROCESS_POLICY = 0x0002_0002, 0x0002_0009, 0x0002_000E
NO_CHILD_PROCESSES = 1

EXTENDED_LIMITS, UI_RESTRICTIONS = 9, 4  # classes of information of a job object


@dataclass(frozen=True, slots=True)
class JobLimit:
    """A bit of `JOBOBJECT_BASIC_LIMIT_INFORMATION.LimitFlags` and why it is set."""

    bit: int
    reason: str


JOB_LIMITS = (
    JobLimit(0x0000_2000, "the last handle's end is the job's end: a dead agent leaves nothing behind"),
    JobLimit(0x0000_0008, "one process: it starts no other"),
    JobLimit(0x0000_0200, "memory of all of the job's processes"),
    JobLimit(0x0000_0400, "a crash asks nobody and waits for nobody"),
)
ALL_OF_THE_DESKTOP = 0xFF  # handles, clipboard, settings, display, atoms, desktops, shutdown: all forbidden


def extended_limits(limits: Limits) -> bytes:
    """`JOBOBJECT_EXTENDED_LIMIT_INFORMATION` of a 64-bit Windows, 144 bytes."""
    flags = sum(limit.bit for limit in JOB_LIMITS)
    basic = struct.pack("=qqIxxxxQQIxxxxQII", 0, 0, flags, 0, 0, 1, 0, 0, 0)
    counters = bytes(48)
    return basic + counters + struct.pack("=4Q", 0, limits.memory_bytes, 0, 0)


def environment_block(environment: Mapping[str, str]) -> str:
    """As CreateProcess reads it: sorted, each ended by a NUL, and one more. Raises `ValueError`: it cannot be said."""
    for name, value in environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError("a variable of the environment that cannot be said")
    lines = (f"{name}={environment[name]}\0" for name in sorted(environment, key=str.upper))
    return "".join(lines) + "\0"


def command_line(room: Room) -> str:
    """The socket's description comes through standard input, for a socket is shared with a process that exists."""
    return subprocess.list2cmdline([*room.command, "stdin"])


def grants(room: Room, sid: str) -> list[list[str]]:
    """What gives the container's `sid` its reading rights: everything else has none for it."""
    folders = [*room.code, room.model]
    return [["icacls", str(folder), "/grant", f"*{sid}:(OI)(CI)RX", "/T", "/C", "/Q"] for folder in folders]


class SecurityCapabilities(ctypes.Structure):
    """`SECURITY_CAPABILITIES` without any: above all without a network."""

    _fields_ = (
        ("container", ctypes.c_void_p),
        ("capabilities", ctypes.c_void_p),
        ("count", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    )


class StartupInfo(ctypes.Structure):
    """`STARTUPINFOEXW`."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("reserved", ctypes.c_void_p),
        ("desktop", ctypes.c_void_p),
        ("title", ctypes.c_void_p),
        ("place_and_size", ctypes.c_uint32 * 7),
        ("flags", ctypes.c_uint32),
        ("show", ctypes.c_uint16),
        ("reserved_size", ctypes.c_uint16),
        ("reserved_bytes", ctypes.c_void_p),
        ("stdin", ctypes.c_void_p),
        ("stdout", ctypes.c_void_p),
        ("stderr", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
    )


class ProcessInformation(ctypes.Structure):
    """`PROCESS_INFORMATION`."""

    _fields_ = (
        ("process", ctypes.c_void_p),
        ("thread", ctypes.c_void_p),
        ("process_id", ctypes.c_uint32),
        ("thread_id", ctypes.c_uint32),
    )


if sys.platform == "win32":

    def container_sid() -> ctypes.c_void_p:
        """The container's, made when it is not there yet. Raises `OSError`."""
        userenv = ctypes.WinDLL("userenv")
        sid = ctypes.c_void_p()
        result = userenv.CreateAppContainerProfile(CONTAINER, CONTAINER, CONTAINER, None, 0, ctypes.byref(sid))
        if result & 0xFFFF_FFFF == ALREADY_THERE:
            result = userenv.DeriveAppContainerSidFromAppContainerName(CONTAINER, ctypes.byref(sid))
        if result:
            raise ctypes.WinError(result)
        return sid

    def start_suspended(
        room: Room, environment: Mapping[str, str], handles: tuple[int, int, int]
    ) -> ProcessInformation:
        """In the container, with the three standard `handles` and no others. Raises `OSError`."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        capabilities = SecurityCapabilities(container_sid().value, None, 0, 0)
        inherited = (ctypes.c_void_p * 3)(*handles)
        policy = ctypes.c_uint32(NO_CHILD_PROCESSES)
        needed = ctypes.c_size_t()
        kernel.InitializeProcThreadAttributeList(None, 3, 0, ctypes.byref(needed))
        attributes = ctypes.create_string_buffer(needed.value)
        _check(kernel.InitializeProcThreadAttributeList(attributes, 3, 0, ctypes.byref(needed)))
        for name, value in (
            (SECURITY_CAPABILITIES, capabilities),
            (HANDLE_LIST, inherited),
            (CHILD_PROCESS_POLICY, policy),
        ):
            size = ctypes.c_size_t(ctypes.sizeof(value))
            place = ctypes.byref(value)
            number = ctypes.c_size_t(name)
            _check(kernel.UpdateProcThreadAttribute(attributes, 0, number, place, size, None, None))
        startup = StartupInfo(size=ctypes.sizeof(StartupInfo), flags=0x100, attributes=ctypes.addressof(attributes))
        startup.stdin, startup.stdout, startup.stderr = handles
        started = ProcessInformation()
        block = ctypes.create_unicode_buffer(environment_block(environment))
        line = ctypes.create_unicode_buffer(command_line(room))
        try:
            _check(
                kernel.CreateProcessW(
                    *(None, line, None, None, True, CREATION_FLAGS, block, "C:\\"),
                    *(ctypes.byref(startup), ctypes.byref(started)),
                )
            )
        finally:
            kernel.DeleteProcThreadAttributeList(attributes)
        return started

    def lock_in(started: ProcessInformation, limits: Limits) -> int:
        """Puts the suspended process into a job object and lets it run. The handle keeps it alive. Raises `OSError`."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.CreateJobObjectW.restype = ctypes.c_void_p
        job = ctypes.c_void_p(kernel.CreateJobObjectW(None, None))
        _check(job.value)
        extended = extended_limits(limits)
        forbidden = ctypes.c_uint32(ALL_OF_THE_DESKTOP)
        _check(kernel.SetInformationJobObject(job, EXTENDED_LIMITS, extended, len(extended)))
        _check(kernel.SetInformationJobObject(job, UI_RESTRICTIONS, ctypes.byref(forbidden), 4))
        _check(kernel.AssignProcessToJobObject(job, ctypes.c_void_p(started.process)))
        if kernel.ResumeThread(ctypes.c_void_p(started.thread)) == -1:
            raise ctypes.WinError(ctypes.get_last_error())
        return job.value or 0

    def _check(result: int | None) -> None:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())

    class LockedIn:
        """See `provider.Started`."""

        def __init__(self, started: ProcessInformation, job: int, errors: int) -> None:
            self.pid: int = started.process_id
            self.stderr: asyncio.StreamReader | None = asyncio.StreamReader()
            self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
            self._process = ctypes.c_void_p(started.process)
            self._job = ctypes.c_void_p(job)
            self._listener = asyncio.create_task(self._listen(self.stderr, errors))

        def kill(self) -> None:
            self._kernel.TerminateJobObject(self._job, 1)

        async def wait(self) -> int:
            await asyncio.to_thread(self._kernel.WaitForSingleObject, self._process, INFINITE)
            status = ctypes.c_uint32()
            _check(self._kernel.GetExitCodeProcess(self._process, ctypes.byref(status)))
            return status.value

        async def _listen(self, reader: asyncio.StreamReader, errors: int) -> None:
            with open(errors, "rb", buffering=0) as pipe:  # noqa: ASYNC230 - read in a thread
                while words := await asyncio.to_thread(pipe.read, 4096):
                    reader.feed_data(words)
            reader.feed_eof()

    class AppContainer:
        """See `provider.Sandbox`."""

        tier = Tier.APP_CONTAINER

        async def start(self, room: Room, theirs: socket.socket, environment: Mapping[str, str]) -> Started:
            sid = ctypes.c_wchar_p()
            _check(ctypes.WinDLL("advapi32").ConvertSidToStringSidW(container_sid(), ctypes.byref(sid)))
            for command in grants(room, sid.value or ""):
                await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
            its_input, our_input = os.pipe()
            our_errors, its_errors = os.pipe()
            nowhere = os.open("NUL", os.O_WRONLY)
            try:
                for end in (its_input, nowhere, its_errors):
                    os.set_inheritable(end, True)
                handles = [msvcrt.get_osfhandle(end) for end in (its_input, nowhere, its_errors)]
                started = start_suspended(room, environment, (handles[0], handles[1], handles[2]))
            finally:
                for end in (its_input, nowhere, its_errors):
                    os.close(end)
            os.write(our_input, theirs.share(started.process_id))
            os.close(our_input)
            return LockedIn(started, lock_in(started, room.limits), our_errors)

        def order(self, room: Room) -> Enter:
            """The process itself has nothing to give up: Windows took it before."""
            order = an_order(room, model=room.model.resolve(), processes=None, user=None)
            return replace(order, profile=ProfileName.NONE)
