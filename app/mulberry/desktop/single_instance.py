"""One window for one data folder: a second start brings the first one forward and ends.

The lock says who is first, and a lock whose owner died counts for nothing. The socket carries one word
(`client.leaving` says the other one), and lies beside the agent's: a relative name would land in the folder for
temporary files, where another user could take it first.
"""

import os
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from mulberry.model.places import LEAVE, DataFolder

TIMEOUT_MILLISECONDS = 1000
COME_FORWARD = b"come forward\n"
LONGEST_WORD_BYTES = 64


class SingleInstance(QObject):
    come_forward = Signal()  # another start asked for the window
    leave = Signal()  # the window should end: its program is about to be replaced

    def __init__(self, folder: DataFolder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = folder.window_address
        self._lock = QLockFile(str(folder.window_lock))
        self._lock.setStaleLockTime(0)  # an old lock is as good as a new one while its owner lives
        self._server: QLocalServer | None = None

    def acquire(self, *, comes_forward: bool = True) -> bool:
        """Whether this is the first. If not, the first one has been asked to come forward, where that is wanted."""
        if not self._lock.tryLock(100):
            if comes_forward:
                self._ask_the_first()
            return False
        if os.name != "nt":
            Path(self._address).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        QLocalServer.removeServer(self._address)  # left by one that was killed
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(lambda server=self._server: self._hear(server))
        self._server.listen(self._address)
        return True

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    def _ask_the_first(self) -> None:
        socket = QLocalSocket()
        socket.connectToServer(self._address)
        if socket.waitForConnected(TIMEOUT_MILLISECONDS):
            socket.write(COME_FORWARD)
            socket.waitForBytesWritten(TIMEOUT_MILLISECONDS)
        socket.abort()

    def _hear(self, server: QLocalServer) -> None:
        while (visitor := server.nextPendingConnection()) is not None:
            visitor.disconnected.connect(visitor.deleteLater)
            visitor.readyRead.connect(lambda visitor=visitor: self._obey(visitor))
            QTimer.singleShot(TIMEOUT_MILLISECONDS, visitor, visitor.abort)  # who says nothing by then
            if visitor.bytesAvailable():
                self._obey(visitor)

    def _obey(self, visitor: QLocalSocket) -> None:
        word = bytes(visitor.readLine(LONGEST_WORD_BYTES).data())
        visitor.readyRead.disconnect()
        visitor.disconnectFromServer()
        if word == LEAVE:
            self.leave.emit()
        else:
            self.come_forward.emit()
