"""Traps of our materials that cost hours when they are met for the first time at an owner's."""

import ast
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

import mulberry.desktop
from mulberry.desktop import qt_language

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


def test_where_qt_lacks_a_language_it_speaks_in_our_words(
    qtbot: QtBot, qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(qt_language.OWN_WORDS, "Cancel", "Batal")
    words = qt_language.OwnWords()
    assert qapp.installTranslator(words)
    try:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        qtbot.addWidget(box)
        assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "Batal"
        assert QCoreApplication.translate("QShortcut", "Ctrl") == "Ctrl"
    finally:
        qapp.removeTranslator(words)


def test_our_words_are_those_that_qts_dialogs_and_fields_say(qtbot: QtBot) -> None:
    files, line, box = QFileDialog(), QLineEdit("typed"), QDialogButtonBox()
    for widget in (files, line, box):
        qtbot.addWidget(widget)
    menu = line.createStandardContextMenu()
    qtbot.addWidget(menu)
    kinds = QDialogButtonBox.StandardButton
    said = {box.addButton(kind).text() for kind in (kinds.Close, kinds.Cancel, kinds.Save)}
    said |= {action.text().partition("\t")[0] for action in menu.actions() if action.text()}
    files.setOption(QFileDialog.Option.DontUseNativeDialog)
    said |= {label.text() for label in files.findChildren(QLabel) if label.text()}
    said |= {button.text() for button in files.findChildren(QPushButton)}
    assert len(said) > 12
    assert said <= qt_language.OWN_WORDS.keys()
