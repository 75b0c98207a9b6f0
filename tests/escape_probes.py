"""Ways out of the sandbox, tried from the inside: the program that `escape_harness` starts in place of the job process.

`facts.json` beside it says what there is to be found outside. Each probe returns what it got, or raises `OSError`
where it was held back. The numbers of system calls are x86-64's. Nothing here does lasting harm where it succeeds.
"""

import ctypes
import errno
import json
import mmap
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text("utf-8"))
LIBC = ctypes.CDLL(None, use_errno=True)
PARENT: int = FACTS["pid"]
HOME = Path(FACTS["home"])
MANY = 100
TGKILL = 234  # which ends a process as well as kill does, and which abort() needs
DEVICES = (
    *("kvm", "vda", "kmsg", "fuse", "vsock", "mem", "tty0"),
    *("loop0", "userfaultfd", "cpu_dma_latency", "console", "nvidiactl", "nvidia0", "dri/card0"),
)
PROBES: dict[str, Callable[[], Any]] = {}


def probe(name: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        PROBES[name] = function
        return function

    return register


def held_back(why: str) -> OSError:
    return OSError(errno.EPERM, why)


def checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def call(number: int, *arguments: Any) -> int:
    passed = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return checked(LIBC.syscall(ctypes.c_long(number), *passed))


def opened(path: str | Path, how: int = os.O_RDONLY) -> str:
    os.close(os.open(path, how | os.O_NONBLOCK | os.O_NOCTTY))
    return "opened"


def in_a_fork(action: Callable[[], Any]) -> str:
    child = os.fork()
    if not child:
        try:
            action()
        except OSError as problem:
            os._exit(problem.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(abs(code), "in a fork")
    return "done"


# Files


@probe("read a secret key in the home folder")
def _() -> str:
    return (HOME / ".ssh" / "id_ed25519").read_text("utf-8")


@probe("list the home folder")
def _() -> list[str]:
    return os.listdir(HOME)  # noqa: PTH208


@probe("read /etc/shadow")
def _() -> str:
    return opened("/etc/shadow")


@probe("read /etc/passwd")
def _() -> str:
    return opened("/etc/passwd")


@probe("see files of others in /tmp")
def _() -> str:
    if FACTS["in_tmp"] not in os.listdir("/tmp"):  # noqa: PTH208, S108
        raise held_back("not there")
    return "seen"


@probe("write to the model")
def _() -> str:
    return opened(f"{FACTS['model']}/model.onnx", os.O_RDWR)


def write_in(folder: str | Path) -> str:
    path = Path(folder) / ".probe"
    opened(path, os.O_WRONLY | os.O_CREAT)
    path.unlink()
    return "written"


for place, named in (("/usr", "/usr"), (HOME, "the home folder"), ("/tmp", "/tmp")):  # noqa: S108
    probe(f"write in {named}")(lambda place=place: write_in(place))  # type: ignore[misc]


@probe("write 64 MiB to /tmp")
def _() -> str:
    path = Path("/tmp/.probe-large")  # noqa: S108
    try:
        with path.open("wb") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
    finally:
        path.unlink(missing_ok=True)
    return "written"


# Programs and processes


@probe("run a program that it wrote")
def _() -> str:
    path = Path("/tmp/.probe-program")  # noqa: S108
    path.write_bytes(Path("/usr/bin/true").read_bytes())
    path.chmod(0o755)
    try:
        return in_a_fork(lambda: os.execv(path, ["true"]))  # noqa: S606
    finally:
        path.unlink()


@probe("run a shell")
def _() -> str:
    return in_a_fork(lambda: os.execv("/bin/sh", ["sh", "-c", "exit 0"]))  # noqa: S606


@probe("run a program from memory")
def _() -> str:
    descriptor = os.memfd_create("program")
    os.write(descriptor, Path("/usr/bin/true").read_bytes())
    return in_a_fork(lambda: os.execve(descriptor, ["true"], {}))  # noqa: S606


@probe(f"start {MANY} processes")
def _() -> int:
    children = []
    try:
        for _ in range(MANY):
            child = os.fork()
            if not child:
                while True:
                    threading.Event().wait()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return len(children)


@probe(f"start {MANY} threads")
def _() -> int:
    over = threading.Event()
    threads: list[threading.Thread] = []
    try:
        for _ in range(MANY):
            threads.append(threading.Thread(target=over.wait, daemon=True))
            threads[-1].start()
    except RuntimeError:
        raise held_back(f"after {len(threads)}") from None
    finally:
        over.set()
    return len(threads)


@probe("reserve 256 GiB of addresses")
def _() -> str:
    mmap.mmap(-1, 256 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000).close()
    return "reserved"


# Networks


def tcp(address: Any, family: int = socket.AF_INET) -> str:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.5)
        probe.connect(address)
    return "connected"


probe("connect to a TCP port of this computer")(lambda: tcp(("127.0.0.1", FACTS["tcp"])))
probe("connect to a Unix socket")(lambda: tcp(FACTS["unix"], socket.AF_UNIX))
probe("connect to an abstract Unix socket")(lambda: tcp(f"\0{FACTS['abstract']}", socket.AF_UNIX))


@probe("send a datagram to this computer")
def _() -> str:
    """The harness says whether it came: within a network of its own sending succeeds and reaches nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"probe", ("127.0.0.1", FACTS["udp"]))
    return "sent"


@probe("find a route to the internet")
def _() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("8.8.8.8", 53))
        return str(probe.getsockname())


for family, kind, named in ((16, 3, "netlink"), (17, 3, "raw packet"), (40, 1, "VM"), (38, 5, "kernel crypto")):
    probe(f"make a {named} socket")(lambda family=family, kind=kind: socket.socket(family, kind).close())  # type: ignore[misc]


# Other processes

probe("see the agent in /proc")(lambda: opened(f"/proc/{PARENT}/comm"))
probe("read the agent's environment")(lambda: Path(f"/proc/{PARENT}/environ").read_bytes()[:1])
probe("open the agent's memory")(lambda: opened(f"/proc/{PARENT}/mem"))


@probe("signal the agent")
def _() -> str:
    try:
        os.kill(PARENT, 0)
    except OSError:
        call(TGKILL, PARENT, PARENT, 0)
    return "it could be ended"


@probe("trace the agent")
def _() -> str:
    call(101, 0x4206, PARENT, 0, 0)
    return "traced"


@probe("copy from the agent's memory")
def _() -> int:
    here = ctypes.create_string_buffer(8)
    local = struct.pack("PN", ctypes.addressof(here), 8)
    remote = struct.pack("PN", FACTS["address"], 8)
    return call(310, PARENT, ctypes.create_string_buffer(local), 1, ctypes.create_string_buffer(remote), 1, 0)


@probe("take a file of the agent's")
def _() -> int:
    return call(438, call(434, PARENT, 0), 0, 0)


# The kernel


@probe("mount a file system")
def _() -> int:
    checked(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None))
    return checked(LIBC.umount2(b"/tmp", 2))


probe("make a user namespace")(lambda: in_a_fork(lambda: checked(LIBC.unshare(0x1000_0000))))
probe("enter the agent's network namespace")(lambda: call(308, os.open(f"/proc/{PARENT}/ns/net", os.O_RDONLY), 0))
probe("change the root folder")(lambda: in_a_fork(lambda: os.chroot("/tmp")))  # noqa: S108
probe("open the session's keyring")(lambda: call(250, 0, -3, 1, 0, 0))
probe("add a key to it")(lambda: call(248, b"user", b"probe", b"value", 5, -3))
probe("load a program into the kernel (bpf)")(lambda: call(321, 5, ctypes.create_string_buffer(128), 128))
probe("handle page faults itself (userfaultfd)")(lambda: call(323, 0))
probe("make system calls through io_uring")(lambda: call(425, 8, ctypes.create_string_buffer(120)))
probe("switch address randomisation off")(lambda: call(135, 0x0040000))
probe("read the kernel's messages")(lambda: call(103, 3, ctypes.create_string_buffer(64), 64))
probe("become root")(lambda: os.setuid(0))


@probe("count the processor's events (perf)")
def _() -> int:
    attributes = struct.pack("II", 1, 112) + bytes(104)
    return call(298, ctypes.create_string_buffer(attributes, 112), 0, -1, -1, 0)


@probe("open a file by its number")
def _() -> int:
    handle = struct.pack("Ii", 8, 1) + b"\2" + bytes(7)
    return call(304, os.open("/", os.O_RDONLY), ctypes.create_string_buffer(handle), 0)


@probe("make a device file")
def _() -> str:
    os.mknod("/tmp/.probe-device", 0o60660, os.makedev(254, 0))  # noqa: S108
    Path("/tmp/.probe-device").unlink()  # noqa: S108
    return "made"


@probe("choose the program that handles crashes (core_pattern)")
def _() -> str:
    return opened("/proc/sys/kernel/core_pattern", os.O_WRONLY)


@probe("write to /sys")
def _() -> str:
    return opened("/sys/power/state", os.O_WRONLY)


@probe("type into the terminal")
def _() -> int:
    return checked(LIBC.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x"))


@probe("have a capability")
def _() -> str:
    status = Path("/proc/self/status").read_text("utf-8")
    held = status.partition("CapEff:")[2].split()[0]
    if not int(held, 16):
        raise held_back("none")
    return held


for device in DEVICES:
    probe(f"open /dev/{device}")(lambda device=device: opened(f"/dev/{device}"))  # type: ignore[misc]


def main() -> None:
    sys.path.insert(0, FACTS["source"])
    from mulberry.runtime.child.confinement import confine, landlock
    from mulberry.runtime.child.confinement.root import become
    from mulberry.runtime.child.connection import Connection
    from mulberry.runtime.wire import Enter

    if len(sys.argv) > 2:
        become(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as link:
        (order,) = Connection(link).receive(wait=True)
        assert isinstance(order, Enter)
        if FACTS["without"] == "Landlock":
            confine.give_up_everything_but = lambda grants: 0  # type: ignore[attr-defined]
        elif FACTS["without"] == "seccomp":
            confine.give_up_calls = lambda program, on: None  # type: ignore[attr-defined]
        elif FACTS["without"] == "newer Landlock":
            landlock.NEWEST_ABI = 1  # as Linux 5.13 has it
        confine.enter(order)
        found = {}
        for name, attempt in PROBES.items():
            try:
                found[name] = [True, str(attempt())[:60]]
            except OSError as problem:
                found[name] = [False, errno.errorcode.get(problem.errno or 0, str(problem))]
            except (MemoryError, OverflowError) as problem:
                found[name] = [False, type(problem).__name__]
        link.sendall(json.dumps(found).encode())


if __name__ == "__main__":
    main()
