"""SIGUSR1 asks the agent to make way: a package manager is about to replace the files that it runs from.

It takes no new requests, completes those that run, ends, and becomes a shell that waits until the package's scripts
have let go (`installers/debian/prerm`, `postinst`); that one starts the new version in its place, with the same process
number, environment and data folder. So the owner's wish goes on, and whoever watches the process sees it live.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

from mulberry.model.places import this_program

HELD = "/run/mulberry/held"  # root's; there while files are being replaced
LONGEST_WAIT_SECONDS = 600  # an upgrade that was broken off must not hold the agent for ever
# Nothing but /bin/sh: our own files are what is being replaced.
WAIT = f'n=0; while [ -e "$1" ] && [ $n -lt {LONGEST_WAIT_SECONDS} ]; do sleep 1; n=$((n+1)); done; shift; exec "$@"'


def successor(arguments: Sequence[str], held: str = HELD) -> tuple[str, ...]:
    """The words of the shell; `arguments` are those that this agent was started with."""
    return ("/bin/sh", "-c", WAIT, "mulberry-waits", held, *this_program(), *arguments)


def make_way_on_signal(make_way: Callable[[Sequence[str]], Awaitable[None]]) -> None:
    """`make_way` is called once, whatever comes after. Nothing on systems without such signals."""
    if sys.platform == "win32":
        return
    loop = asyncio.get_running_loop()
    asked: list[asyncio.Future[None]] = []

    def ask() -> None:
        if not asked:
            asked.append(asyncio.ensure_future(make_way(successor(sys.argv[1:]))))

    loop.add_signal_handler(signal.SIGUSR1, ask)
