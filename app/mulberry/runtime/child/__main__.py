"""The job process: `python -I <this file> <socket number>`. Started by `runtime.process`, never by hand.

Isolated mode keeps the user's environment and working folder out of `sys.path`, and our own packages with them,
so the source root is put back by this file's own place.
"""

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType

POLITENESS = 5  # added to the process's niceness: the owner's programs go first


def _say_where_never_what(kind: type[BaseException], problem: BaseException, trace: TracebackType | None) -> None:
    """Exception texts may quote a customer's prompt; the places of a traceback never do."""
    sys.stderr.write("".join(traceback.format_tb(trace)) + kind.__name__ + "\n")


def main() -> None:
    sys.excepthook = _say_where_never_what
    if os.environ.get("ORT_DISABLE_TELEMETRY") != "1":
        raise SystemExit("onnxruntime's telemetry is not switched off")
    if hasattr(os, "nice"):
        os.nice(POLITENESS)  # on Windows the priority is set by whoever starts us
    source_root = str(Path(__file__).resolve().parents[3])
    if source_root not in sys.path:
        sys.path.insert(0, source_root)
    from mulberry.runtime.child.connection import AgentGone, Connection, inherited_socket
    from mulberry.runtime.child.service import serve

    with inherited_socket(sys.argv[1], sys.stdin.buffer) as ours:
        try:
            serve(Connection(ours))
        except AgentGone:
            return


if __name__ == "__main__":
    main()
