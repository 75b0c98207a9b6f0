"""The program of `open_window`: the real window's process, and a hand that does what the standard input says.

`desktop.app.run` runs as always. Each line in is a JSON array, a verb and its word; each line out is the answer.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSocketNotifier, Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from accessible_walk import interactive, walk
from mulberry.desktop import app
from mulberry.desktop.desktop import Desktop

READ_BYTES = 65536


class Hand:
    """Touches what is in front: a dialog where one is open, else the window."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self._heard = b""
        self._notifier = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._listen)

    def press(self, name: str) -> None:
        """The button of that name, with the mouse."""
        found = [told.widget for told in interactive(self._front) if told.name == name and told.widget is not None]
        [button] = [widget for widget in found if widget.isEnabled()]
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def key(self, keys: str) -> None:
        """As Qt writes them: Return, Tab, Ctrl+1."""
        QTest.keySequence(QApplication.focusWidget() or self._front, QKeySequence(keys))
        QApplication.processEvents()  # they come by way of the window system

    def close(self, _: str) -> None:
        """The window, by its own cross."""
        self._front.close()

    def look(self, _: str) -> dict[str, Any]:
        """What a screen reader is told."""
        focused = QAccessible.queryAccessibleInterface(QApplication.focusWidget() or self._front)
        texts = [told.name for told in walk(self._front) if told.name.strip()]
        return {"texts": texts, "focus": focused.text(QAccessible.Text.Name)}

    @property
    def _front(self) -> QWidget:
        return QApplication.activeModalWidget() or self._window

    def _listen(self) -> None:
        self._heard += (read := os.read(sys.stdin.fileno(), READ_BYTES))
        if not read:
            self._notifier.setEnabled(False)
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            verb, word = json.loads(line)
            try:
                answer = {"done": getattr(self, verb)(word)}
            except ValueError as problem:  # there is no such button, or there are two
                answer = {"problem": f"{verb} {word}: {problem}"}
            os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")


def main() -> int:
    live = app.live

    async def live_with_a_hand(desktop: Desktop, root: Path, network: str) -> None:
        hand = Hand(desktop.window)
        await live(desktop, root, network)
        del hand

    app.live = live_with_a_hand
    return app.run(Path(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(main())
