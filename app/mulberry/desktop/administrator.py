"""Runs one command as administrator: the system asks the owner for the password, and we never see it.

Source: pkexec(1) of polkit. Its exit status is 126 when the question was put aside, 127 when it was not allowed or
could not be asked; else it is the command's own. On Windows and macOS, and without polkit, there is nothing that asks.
"""

import os
import shutil
import sys
from enum import Enum, auto

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

FOLDERS = ("/usr/bin", "/bin", "/usr/sbin", "/sbin", "/run/wrappers/bin", "/run/current-system/sw/bin")  # root's own
LONGEST_MILLISECONDS = 120_000  # to find the password
LONGEST_ANSWER = 300  # characters
PUT_ASIDE, NOT_ALLOWED = 126, 127


class Ending(Enum):
    DONE = auto()
    PUT_ASIDE = auto()  # by the owner, who was asked
    NOT_ALLOWED = auto()
    FAILED = auto()
    TOO_LONG = auto()


class Administrator(QObject):
    """One command at a time. Programs are looked for in `folders` only, whatever the environment says."""

    ended = Signal(object, str)  # Ending, and what the command said

    def __init__(
        self,
        folders: tuple[str, ...] = FOLDERS,
        longest_milliseconds: int = LONGEST_MILLISECONDS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folders = os.pathsep.join(folders)
        self._is_awaited = False
        self._process = QProcess(self)
        self._process.setStandardInputFile(QProcess.nullDevice())
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self._process.finished.connect(self._finished)
        self._process.errorOccurred.connect(self._not_started)
        self._limit = QTimer(self, interval=longest_milliseconds, singleShot=True)
        self._limit.timeout.connect(self._give_up)

    @property
    def is_busy(self) -> bool:
        """Whether a command waits or runs; one that was given up may do so for a moment longer."""
        return self._process.state() is not QProcess.ProcessState.NotRunning

    def can_run(self, program: str) -> bool:
        """Whether somebody here asks for the password, and the program is there."""
        return sys.platform == "linux" and self._find("pkexec") is not None and self._find(program) is not None

    def run(self, words: tuple[str, ...]) -> None:
        """`words` are a program's name and its arguments; no shell reads them. `ended` comes later, once."""
        pkexec, program = self._find("pkexec"), self._find(words[0])
        if self.is_busy or pkexec is None or program is None:
            return
        self._is_awaited = True
        self._limit.start()
        self._process.start(pkexec, ["--disable-internal-agent", program, *words[1:]])

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._folders)

    def _finished(self, status: int, how: QProcess.ExitStatus) -> None:
        said = bytes(self._process.read(LONGEST_ANSWER).data()).decode(errors="replace").strip()
        known = {0: Ending.DONE, PUT_ASIDE: Ending.PUT_ASIDE, NOT_ALLOWED: Ending.NOT_ALLOWED}
        ended_itself = how is QProcess.ExitStatus.NormalExit
        self._end(known.get(status, Ending.FAILED) if ended_itself else Ending.FAILED, said)

    def _not_started(self, problem: QProcess.ProcessError) -> None:
        if problem is QProcess.ProcessError.FailedToStart:  # others end with `finished`
            self._end(Ending.FAILED, self._process.errorString())

    def _give_up(self) -> None:
        """What root runs by now cannot be ended by us; it takes a moment only."""
        self._end(Ending.TOO_LONG, "")
        self._process.kill()

    def _end(self, ending: Ending, said: str) -> None:
        if self._is_awaited:
            self._is_awaited = False
            self._limit.stop()
            self.ended.emit(ending, said)
