"""The real window in a process of its own, pressed and read by a test."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).parent
OFFSCREEN = {"QT_QPA_PLATFORM": "offscreen"}  # a desktop without a tray
WAIT_SECONDS = 40
END_SECONDS = 20
LOOK_EVERY_SECONDS = 0.1


@dataclass(frozen=True)
class Look:
    """What a screen reader is told: all names, and that of what has the keyboard."""

    texts: list[str]
    focus: str

    def says(self, words: str) -> bool:
        return any(words in text for text in self.texts)


class OpenWindow:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def press(self, button: str) -> None:
        self._ask("press", button)

    def key(self, keys: str) -> None:
        """As Qt writes them: Return, Tab, Ctrl+1."""
        self._ask("key", keys)

    def close(self) -> None:
        """As its owner does; what becomes of it is the window's decision."""
        self._ask("close")

    def look(self) -> Look:
        return Look(**self._ask("look"))

    def wait_until(self, condition: Callable[[Look], bool]) -> Look:
        """The first look that it holds for: its agent is another process, and nobody can say when."""
        until = time.monotonic() + WAIT_SECONDS
        while not condition(look := self.look()):
            assert time.monotonic() < until, f"the window says only {look}"
            time.sleep(LOOK_EVERY_SECONDS)
        return look

    def wait_for(self, words: str) -> Look:
        return self.wait_until(lambda look: look.says(words))

    def wait_for_end(self) -> int:
        """The exit status."""
        return self._process.wait(END_SECONDS)

    def _ask(self, verb: str, word: str = "") -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, word]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the window has ended"
        answer = json.loads(line)
        assert "problem" not in answer, answer["problem"]
        return answer["done"]


@contextmanager
def open_window(
    root: Path, program: str = "pressed_window.py", desktop: Mapping[str, str] = OFFSCREEN
) -> Iterator[OpenWindow]:
    """Of that data folder, by one of the programs here. It is ended in the end, if it has not ended by itself."""
    environment = os.environ | desktop
    command = [sys.executable, str(PROGRAMS / program), str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield OpenWindow(process)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
