"""Runs `escape_probes` in one sandbox and prints what they found: `python escape_harness.py a|b|bare WITHOUT cpu|cuda`.

WITHOUT is "Landlock", "seccomp" or "newer Landlock" (than the first): what the process does not apply this time, to see
what the other walls hold; or "". The last word is the profile.

A program of its own, so that it can be run as an ordinary user where the tests run as root. What the probes look for is
made here first: a home with a secret key, servers of all kinds, a secret in this process's memory.
"""

import asyncio
import ctypes
import json
import os
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "app"))

from mulberry.runtime.process import child_environment
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.bubblewrap import Bubblewrap
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import SOURCE, Room, Sandbox
from mulberry.runtime.wire import ProfileName, pack

PROBES = Path(__file__).with_name("escape_probes.py")
DATAGRAM = "send a datagram to this computer"
SECONDS = 50


def sandbox_called(name: str) -> Sandbox:
    if name == "a":
        found = Bubblewrap.find()
        assert found is not None, "bubblewrap is not installed"
        return found
    return LandlockOnly() if name == "b" else NoSandbox()


def open_to_all(folder: Path) -> None:
    """Only the sandbox is to hold anybody back, never a file's mode."""
    for made in (folder, *folder.rglob("*")):
        made.chmod(0o777)


async def run(sandbox: Sandbox, folder: Path, without: str, profile: ProfileName) -> dict[str, list[object]]:
    """What each probe found: whether it got through, and what or why not."""
    home, model, program = folder / "home", folder / "model", folder / "program"
    for made in (home / ".ssh", model, program):
        made.mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text("secret", "utf-8")
    (model / "model.onnx").write_bytes(b"model")
    os.environ["HOME"] = str(home)
    await asyncio.to_thread(open_to_all, folder)
    secret = ctypes.create_string_buffer(b"the agent's secret")
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(folder / "socket"))
        unix.listen()
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0{folder.name}")
        abstract.listen()
        (folder / "socket").chmod(0o777)
        room = Room(model, profile, program=Path(shutil.copy(PROBES, program)))
        order = sandbox.order(room)
        facts = {
            "pid": os.getpid(),
            "address": ctypes.addressof(secret),
            "home": str(home),
            "in_tmp": folder.name,
            "model": order.model,
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(folder / "socket"),
            "abstract": folder.name,
            "source": str(SOURCE),
            "without": without,
        }
        (program / "facts.json").write_text(json.dumps(facts), "utf-8")
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = await sandbox.start(room, theirs, child_environment(os.environ))
            ours.settimeout(SECONDS)
            ours.sendall(pack(order, 1 << 20))
            said = b""
            while more := ours.recv(1 << 16):
                said += more
        assert process.stderr is not None
        words = await process.stderr.read()
        await process.wait()
        if not said:
            raise SystemExit(f"the probes did not run: {words.decode(errors='replace')}")
        found: dict[str, list[object]] = json.loads(said)
        try:
            udp.recv(16)
        except BlockingIOError:
            found[DATAGRAM] = [False, f"{found[DATAGRAM][1]}, reached nobody"]
    return found


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="escape-"))
    try:
        _, name, without, profile = sys.argv
        found = asyncio.run(run(sandbox_called(name), folder, without, ProfileName(profile)))
        sys.stdout.write(json.dumps(found))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
