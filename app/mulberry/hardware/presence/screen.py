"""Asks the process that talks to the X server (`x11`), and begins it anew when it has ended."""

import json
import subprocess
import sys
from dataclasses import dataclass

from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.time_limit import NotAnsweringError, TimeLimit

ANSWER_SECONDS = 2.0  # of which most is the first start of its interpreter
MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Desk:
    """What the X server said."""

    idle_seconds: Finding[float]
    full_screen: Finding[bool]


class XScreen:
    """Blocking, with a time limit. `close` ends the process."""

    def __init__(self) -> None:
        self._limit = TimeLimit(ANSWER_SECONDS)
        self._process: subprocess.Popen[str] | None = None

    def look(self) -> Desk:
        """Never raises for what a desktop may do."""
        try:
            said = json.loads(self._limit.call(self._ask))
            if "problem" not in said:
                return Desk(Finding(float(said["idle_seconds"]), "X11"), Finding(bool(said["full_screen"]), "X11"))
            why = str(said["problem"])
        except (OSError, ValueError, KeyError, TypeError, NotAnsweringError):
            self.close()
            why = tr("the X server does not answer")
        return Desk(Finding(None, why), Finding(None, why))

    def _ask(self) -> str:
        if self._process is None or self._process.poll() is not None:
            self.close()
            command = [sys.executable, "-P", "-m", "mulberry.hardware.presence.x11"]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise OSError("it has no pipes")
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline(MOST_CHARACTERS)

    def close(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()
