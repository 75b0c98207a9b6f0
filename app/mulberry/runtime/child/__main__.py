"""The job process: `python -I <this file> <socket number> [<user number>]`. Started by `runtime.process` only.

With a user number it was started as root, which it gives up for that user before it does anything else.

Isolated mode keeps the user's environment and working folder out of `sys.path`, and our own packages with them,
so the source root is put back by this file's own place.
"""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mulberry.runtime.child.connection import Connection

POLITENESS = 5  # added to the process's niceness: the owner's programs go first


def _say_where_never_what(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    """Exception texts may quote a customer's prompt; the places of a traceback never do."""
    sys.stderr.write("".join(traceback.format_tb(trace)) + kind.__name__ + "\n")


def main() -> None:
    sys.excepthook = _say_where_never_what
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        raise SystemExit("onnxruntime's telemetry is not switched off")
    source_root = str(Path(__file__).resolve().parents[3])
    if source_root not in sys.path:
        sys.path.insert(0, source_root)
    _, link, *user = sys.argv
    if user:
        from mulberry.runtime.child.confinement.root import become

        become(int(user[0]))
    if hasattr(os, "nice"):
        os.nice(POLITENESS)  # on Windows the priority is set by whoever starts us
    from mulberry.runtime.child.connection import AgentGone, Connection, inherited_socket

    with inherited_socket(link, sys.stdin.buffer) as ours:
        try:
            _work(Connection(ours))
        except AgentGone:
            return


def _work(connection: "Connection") -> None:
    from mulberry.runtime.child.confinement.confine import enter
    from mulberry.runtime.child.confinement.system import ConfinementFailed
    from mulberry.runtime.frames import WireError
    from mulberry.runtime.wire import Enter, LoadFailed

    order, *early = connection.receive(wait=True)
    if not isinstance(order, Enter) or early:
        raise WireError("the first message is what to give up")
    try:
        report = enter(order)
    except ConfinementFailed as problem:
        connection.send(LoadFailed(f"The sandbox does not close: {problem}."))
        connection.receive(wait=True)
        return
    from mulberry.runtime.child.service import serve  # imported already, inside

    connection.send(report)
    serve(connection)


if __name__ == "__main__":
    main()
