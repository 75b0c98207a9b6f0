"""What CUDA's driver library does, done without a GPU in the CUDA profile: what it needs must work, the rest must not.

Sources: gVisor's nvproxy, libnvidia-container, reports of CUDA error 304 under Landlock. Not measured on a GPU.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mulberry.runtime.process import JobProcess, child_environment
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.choose import try_out
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import CHILD, SOURCE, Room, Sandbox
from mulberry.runtime.wire import ALL_CANARIES, ProfileName, pack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's sandboxes")

PROGRAM = """
import errno, fcntl, json, mmap, os, socket, sys, threading
sys.path.insert(0, {app!r})
from mulberry.runtime.child.confinement.confine import enter
from mulberry.runtime.child.confinement.root import become
from mulberry.runtime.child.connection import Connection
if len(sys.argv) > 2:
    become(int(sys.argv[2]))
link = socket.socket(fileno=int(sys.argv[1]))
entered = enter(Connection(link).receive(wait=True)[0])

def name_a_thread():
    failures = []
    def rename():
        try:
            with open(f"/proc/self/task/{{threading.get_native_id()}}/comm", "w") as file:
                file.write("cuda-Evt")
        except OSError as problem:
            failures.append(problem)
    thread = threading.Thread(target=rename)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]

def command(number):
    return lambda: fcntl.ioctl(link.fileno(), number, bytes(64))

trials = dict(
    bind=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind("\\0cuda-uvmfd-test"),
    connect=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("\\0cuda-uvmfd-test"),
    datagrams=lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
    name_a_thread=name_a_thread,
    addresses=lambda: mmap.mmap(-1, 256 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000).close(),
    nvidia_command=command(0xC020462A - (1 << 32)),
    uvm_command=command(37),
    drm_command=command(0xC0106400 - (1 << 32)),
    kvm_command=command(0xAE00),
    write=lambda: os.open("/tmp/x", os.O_WRONLY | os.O_CREAT),
    eventfd=lambda: os.eventfd(0),
    own_score=lambda: open("/proc/self/oom_score_adj", "w"),
)
found = dict(canary=entered.passed)
for name, trial in trials.items():
    try:
        trial()
        found[name] = ""
    except OSError as problem:
        found[name] = errno.errorcode[problem.errno]
link.sendall(json.dumps(found).encode())
"""


@pytest.fixture
def program() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cuda-"))
    folder.chmod(0o755)
    path = folder / "program.py"
    path.write_text(PROGRAM.format(app=str(SOURCE)), "utf-8")
    yield path
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["bubblewrap", "landlock"])
async def test_what_cuda_needs_works_and_the_rest_does_not(kind: str, program: Path) -> None:
    sandbox: Sandbox | None = Bubblewrap.find() if kind == "bubblewrap" else LandlockOnly()
    if sandbox is None or (await try_out(sandbox)).confinement is None:
        pytest.skip(f"{kind} does not work here")
    room = Room(CHILD.parent, profile=ProfileName.CUDA, program=program)
    process = await JobProcess.start(sandbox, room, child_environment(os.environ))
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(process.socket, pack(sandbox.order(room), 1 << 20))
        found = json.loads(await loop.sock_recv(process.socket, 1 << 16))
    finally:
        await process.end(grace_seconds=1)
    assert found.pop("canary") == int(ALL_CANARIES)
    assert found == {
        "bind": "",
        "connect": "EPERM",
        "datagrams": "EPERM",
        "name_a_thread": "",
        "addresses": "",
        "nvidia_command": "ENOTTY",  # it reached the kernel, which finds a socket where the driver would be
        "uvm_command": "ENOTTY",
        "drm_command": "EPERM",
        "kvm_command": "EPERM",
        "write": "EACCES",
        "eventfd": "",
        "own_score": "EACCES",
    }
