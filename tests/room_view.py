"""What a process finds of the computer around its room: started by `room_harness` in place of the job process.

`facts.json` beside it says what there is to be found. With `"all walls"` it gives up first what a job gives up.
"""

import ctypes
import json
import os
import platform
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

FACTS = json.loads((Path(__file__).parent / "facts.json").read_text("utf-8"))
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.shmat.restype = ctypes.c_ssize_t
READ_ONLY, NEW_USER_NAMESPACE = 0o10000, 0x1000_0000
TO_CHANGE_USER = 1 << 6 | 1 << 7  # CAP_SETGID, CAP_SETUID


def capabilities() -> int:
    held = re.search(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
    return int(held[1], 16) if held else 0


def connects() -> bool:
    with socket.create_connection(("127.0.0.1", FACTS["tcp"]), timeout=1):
        return True


LOOKS: dict[str, Callable[[], bool]] = {
    "see other processes": lambda: {f.name for f in Path("/proc").glob("[0-9]*")} > {str(os.getpid()), "1"},
    "connect to this computer": connects,
    "read others' shared memory": lambda: LIBC.shmat(FACTS["shared memory"], None, READ_ONLY) != -1,
    "see where its limits are set": lambda: any(
        not line.endswith(":/") for line in Path("/proc/self/cgroup").read_text("utf-8").split()
    ),
    "be in the session of who started it": lambda: os.getsid(0) not in (os.getpid(), 1),
    "read the computer's name": lambda: platform.node() == FACTS["name"],
    "read the agent's environment": lambda: "MULBERRY_SECRET" in os.environ,
    "know who started it": lambda: os.getuid() == FACTS["user"],
    "share its room with another process": lambda: os.getpid() != 1,
    "make a user namespace": lambda: LIBC.unshare(NEW_USER_NAMESPACE) == 0,
}


def seen() -> list[str]:
    found = []
    for name, look in LOOKS.items():
        try:
            if look():
                found.append(name)
        except OSError:
            continue
    return found


def main() -> None:
    sys.path.insert(0, FACTS["source"])
    from mulberry.runtime.child.confinement.confine import enter
    from mulberry.runtime.child.confinement.root import become
    from mulberry.runtime.child.connection import Connection
    from mulberry.runtime.wire import Enter

    powers = capabilities() & ~TO_CHANGE_USER
    if len(sys.argv) > 2:
        become(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as link:
        (order,) = Connection(link).receive(wait=True)
        assert isinstance(order, Enter)
        if FACTS["all walls"]:
            enter(order)
            powers = capabilities()
        link.sendall(json.dumps(seen() + ["have powers of root's"] * bool(powers)).encode() + b"\n")
        link.recv(1)  # stays until the other end is closed


if __name__ == "__main__":
    main()
