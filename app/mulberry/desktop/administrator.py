"""Runs one command as administrator: the system asks the owner for the password, and we never see it.

Source: pkexec(1) of polkit. Its exit status is 126 when the question was put aside, 127 when it was not allowed or
could not be asked; else it is the command's own. On Windows and macOS, and without polkit, there is nothing that asks.
"""

import os
import shutil
import sys
from enum import Enum, auto
from functools import partial

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
        self, parent: QObject, folders: tuple[str, ...] = FOLDERS, longest_milliseconds: int = LONGEST_MILLISECONDS
    ) -> None:
        super().__init__(parent)
        self._folders = os.pathsep.join(folders)
        self._process: QProcess | None = None
        self._limit = QTimer(self, interval=longest_milliseconds, singleShot=True)
        self._limit.timeout.connect(self._give_up)

    @property
    def is_asking(self) -> bool:
        return self._process is not None

    def can_run(self, program: str) -> bool:
        """Whether somebody here asks for the password, and the program is there."""
        return sys.platform == "linux" and self._find("pkexec") is not None and self._find(program) is not None

    def run(self, words: tuple[str, ...]) -> None:
        """`words` are a program's name and its arguments; no shell reads them. `ended` comes later, once."""
        pkexec, program = self._find("pkexec"), self._find(words[0])
        if self._process is not None or pkexec is None or program is None:
            return
        process = self._process = QProcess(self)
        process.setStandardInputFile(QProcess.nullDevice())
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.finished.connect(partial(self._finished, process))
        process.errorOccurred.connect(partial(self._not_started, process))
        self._limit.start()
        process.start(pkexec, ["--disable-internal-agent", program, *words[1:]])

    def _find(self, program: str) -> str | None:
        return shutil.which(program, path=self._folders)

    def _finished(self, process: QProcess, status: int, how: QProcess.ExitStatus) -> None:
        said = bytes(process.read(LONGEST_ANSWER).data()).decode(errors="replace").strip()
        known = {0: Ending.DONE, PUT_ASIDE: Ending.PUT_ASIDE, NOT_ALLOWED: Ending.NOT_ALLOWED}
        well = how is QProcess.ExitStatus.NormalExit
        self._end(process, known.get(status, Ending.FAILED) if well else Ending.FAILED, said)
        process.deleteLater()

    def _not_started(self, process: QProcess, problem: QProcess.ProcessError) -> None:
        if problem is QProcess.ProcessError.FailedToStart:  # others end with `finished`
            self._end(process, Ending.FAILED, process.errorString())
            process.deleteLater()

    def _give_up(self) -> None:
        """What root runs by now cannot be ended by us; it takes a moment only."""
        if self._process is not None:
            process = self._process
            self._end(process, Ending.TOO_LONG, "")
            process.kill()

    def _end(self, process: QProcess, ending: Ending, said: str) -> None:
        if process is self._process:
            self._process = None
            self._limit.stop()
            self.ended.emit(ending, said)
