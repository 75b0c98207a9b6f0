"""The filter decides in the kernel, where nobody can look. So its instructions are run here, one call at a time."""

import os
import re
import runpy
import struct
from pathlib import Path

import pytest

from mulberry.runtime.child.confinement.calls import MACHINES
from mulberry.runtime.child.confinement.landlock import Access
from mulberry.runtime.child.confinement.profiles import CPU, CUDA, PROFILES, Profile
from mulberry.runtime.child.confinement.seccomp import Verdict, compile_filter

X86, ARM = MACHINES["x86_64"], MACHINES["aarch64"]
CLONE_VM_THREAD = 0x0001_0100
AF_UNIX, AF_INET, AF_NETLINK, AF_VSOCK = 1, 2, 16, 40
SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_CLOEXEC = 1, 2, 5, 0o2000000
O_WRONLY, O_TRUNC, O_CLOEXEC = 1, 0o1000, 0o2000000
WRITABLE = {"/dev/null", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/proc/self/task"}
OWN_PROCESS, AGENT = 4711, 4710
POINTER = 0x7FFF_1234_0000_0000  # its lower half is zero


def verdict(program: bytes, number: int, *arguments: int, architecture: int = X86.architecture) -> Verdict:
    """What the kernel's machine for classic BPF would answer (`kernel/seccomp.c`, `net/core/filter.c`)."""
    data = struct.pack("=iIQ6Q", number, architecture, 0, *(*arguments, 0, 0, 0, 0, 0, 0)[:6])
    at = accumulator = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        match code:
            case 0x20:
                (accumulator,) = struct.unpack_from("=I", data, value)
            case 0x54:
                accumulator &= value
            case 0x15:
                at += if_true if accumulator == value else if_false
            case 0x35:
                at += if_true if accumulator >= value else if_false
            case 0x06:
                return Verdict(value)
            case _:
                raise AssertionError(f"an instruction that no filter of ours has: {code:#x}")


def ask(profile: Profile, name: str, *arguments: int) -> Verdict:
    number = X86.numbers[name]
    assert number is not None
    return verdict(compile_filter(profile.rules_of(OWN_PROCESS), profile.otherwise, X86), number, *arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "cpu", "cuda"),
    [
        ("read", (), True, True),
        ("openat", (), True, True),
        ("clone", (CLONE_VM_THREAD,), True, True),
        ("clone", (0x11,), False, False),  # a process
        ("clone", (CLONE_VM_THREAD | 0x1000_0000,), False, False),  # with a user namespace
        ("fork", (), False, False),
        ("execve", (), False, False),
        ("execveat", (), False, False),
        ("kill", (1, 9), False, False),
        ("tgkill", (OWN_PROCESS, 2, 6), True, True),  # abort
        ("tgkill", (AGENT, AGENT, 9), False, False),
        ("fcntl", (3, 4), True, True),  # F_SETFL
        ("fcntl", (3, 1030), True, True),  # F_DUPFD_CLOEXEC
        ("fcntl", (3, 8, AGENT), False, False),  # F_SETOWN: to whom a signal goes …
        ("fcntl", (3, 10, 9), False, False),  # … and which: F_SETSIG
        ("fcntl", (3, 15), False, False),  # F_SETOWN_EX
        ("ptrace", (), False, False),
        ("unshare", (0x1000_0000,), False, False),
        ("io_uring_setup", (), False, False),
        ("keyctl", (), False, False),
        ("prctl", (15,), True, True),
        ("prctl", (22,), False, False),
        ("prlimit64", (0, 7, 0, POINTER), True, True),
        ("prlimit64", (0, 7, POINTER, 0), False, False),
        ("socket", (AF_INET, SOCK_STREAM), False, False),
        ("socket", (AF_NETLINK, 3), False, False),
        ("socket", (AF_VSOCK, SOCK_STREAM), False, False),
        ("socket", (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC), False, True),
        ("socket", (AF_UNIX, SOCK_STREAM), False, True),
        ("socket", (AF_UNIX, SOCK_DGRAM), False, False),
        ("socketpair", (AF_UNIX, SOCK_DGRAM), False, False),
        ("bind", (), False, True),
        ("connect", (), False, False),
        ("sendto", (4, POINTER, 8, 0, 0), True, True),
        ("sendto", (4, POINTER, 8, 0, POINTER), True, False),  # the CPU's has no socket but the agent's
        ("ioctl", (3, 0xC020_462A), False, True),  # NV_ESC_RM_CONTROL
        ("ioctl", (3, 37), False, True),  # UVM_REGISTER_GPU
        ("ioctl", (3, 0x3000_0001), False, True),  # UVM_INITIALIZE
        ("ioctl", (3, 0x5412), False, False),  # TIOCSTI
        ("ioctl", (3, 0xAE00), False, False),  # KVM_GET_API_VERSION
        ("ioctl", (3, 0xC010_6400), False, False),  # DRM
        ("ioctl", (3, 0x5401), True, True),  # TCGETS
        ("ioctl", (3, 0x1_0000_5401), True, True),  # the kernel takes the lower half only
        ("chmod", (), False, False),
        ("openat", (3, POINTER, O_CLOEXEC), True, True),
        ("openat", (3, POINTER, O_TRUNC), False, False),  # empties what it may read, unseen by Landlock before 6.2
        ("openat", (3, POINTER, O_TRUNC | 3), False, False),
        ("openat", (3, POINTER, O_TRUNC | O_WRONLY), True, True),  # Landlock judges it
        ("open", (POINTER, O_TRUNC), False, False),
        ("open", (POINTER, O_CLOEXEC), False, True),
        ("truncate", (), False, False),
        ("shmat", (), False, False),
        ("msgrcv", (), False, False),
        ("semop", (), False, False),
        ("utimensat", (), False, False),
        ("removexattr", (), False, False),
        ("io_setup", (), False, False),
        ("bpf", (), False, False),
        ("userfaultfd", (), False, False),
    ],
)
def test_what_a_profile_says_to_a_call(name: str, arguments: tuple[int, ...], cpu: bool, cuda: bool) -> None:
    for profile, allowed in ((CPU, cpu), (CUDA, cuda)):
        assert ask(profile, name, *arguments) is (Verdict.ALLOW if allowed else Verdict.REFUSE)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=[str(name) for name in PROFILES])
def test_clone3_and_newer_calls_seem_not_to_be_there_and_other_tables_kill(profile: Profile) -> None:
    program = compile_filter(profile.rules_of(OWN_PROCESS), profile.otherwise, X86)
    assert verdict(program, 435) is Verdict.UNKNOWN
    assert verdict(program, 452) is Verdict.UNKNOWN  # fchmodat2, and all that is newer than the table
    assert verdict(program, 0x3FFF_FFFF) is Verdict.UNKNOWN
    assert verdict(program, 0x4000_0000 | 1) is Verdict.KILL  # x32's write
    assert verdict(program, 4, architecture=0x4000_0003) is Verdict.KILL  # 32-bit write
    on_arm = compile_filter(profile.rules_of(OWN_PROCESS), profile.otherwise, ARM)
    assert verdict(on_arm, 221, architecture=ARM.architecture) is Verdict.REFUSE  # execve
    assert verdict(on_arm, 63, architecture=ARM.architecture) is Verdict.ALLOW  # read


@pytest.mark.parametrize("profile", PROFILES.values(), ids=[str(name) for name in PROFILES])
def test_every_line_has_a_reason_and_no_call_has_two_lines(profile: Profile) -> None:
    names = [rule.name for rule in profile.rules_of(OWN_PROCESS)]
    assert len(set(names)) == len(names)
    assert all(line.reason for line in profile.calls)
    assert all(path.reason for path in profile.paths)


def test_the_page_shows_the_profiles_as_they_are() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "security.md").read_text("utf-8")
    tables = runpy.run_path(str(root / "tools" / "probe_table.py"))
    for name in ("paths", "calls"):
        assert tables[name]() in page, f"run tools/probe_table.py {name}"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=[str(name) for name in PROFILES])
def test_nothing_but_devices_and_names_of_threads_may_be_written(profile: Profile) -> None:
    for granted in profile.paths:
        path, access = granted.grant.path, granted.grant.access
        assert not access & ~(Access.READ_FILE | Access.READ_DIR | Access.EXECUTE) or path in WRITABLE, path
        assert Access.IOCTL_DEV not in access or path.startswith("/dev/")
        assert not re.fullmatch(r"/dev/nvidia\d+", path), "which card is not the profile's business"


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        (X86, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (ARM, "/usr/include/asm-generic/unistd.h"),
    ],
    ids=["x86_64", "aarch64"],
)
def test_numbers_are_the_kernels_own(machine: object, header: str) -> None:
    if not os.path.exists(header):  # noqa: PTH110
        pytest.skip("the kernel's headers are not installed")
    text = Path(header).read_text("utf-8")
    given = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    given.setdefault("newfstatat", given.get("fstatat", -1))
    ours = X86 if machine is X86 else ARM
    for name, number in ours.numbers.items():
        if name in given or number is not None:
            assert number == given[name], name
