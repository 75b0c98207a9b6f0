"""Two traps of our materials that cost hours when they are met for the first time at an owner's."""

import ast
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

import mulberry.desktop

SOURCES = sorted(Path(mulberry.desktop.__file__).parent.glob("*.py"))


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_qt_does_not_steal_references_to_none() -> None:
    # PySide6 6.12.0 takes one with every call that returns None; after some seconds Python 3.11 aborts.
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(20_000):
        thing.setObjectName("name")
    assert abs(sys.getrefcount(None) - before) < 500


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_no_dialog_runs_a_loop_of_its_own(source: Path) -> None:
    # exec() inside a coroutine loses the wake-ups of all other tasks; open() and signals do not.
    calls = (node.func for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call))
    names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    static = {"question", "information", "warning", "critical", "getText", "getOpenFileName", "getSaveFileName"}
    assert not names & ({"exec", "exec_", "processEvents"} - ({"processEvents"} if source.name == "app.py" else set()))
    assert not names & static
