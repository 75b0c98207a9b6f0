"""One application and one theme for all tests of the window, as in the real process."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from mulberry.desktop.theme import Scheme, Theme


@pytest.fixture(scope="session")
def theme(qapp: QApplication) -> Theme:
    qapp.setQuitOnLastWindowClosed(False)
    return Theme(qapp, Scheme.DARK)


@pytest.fixture
def settle(qapp: QApplication) -> Callable[[], None]:
    """Lets layouts and paints that are due happen."""

    def process() -> None:
        for _ in range(5):
            qapp.sendPostedEvents()
            qapp.processEvents()

    return process


@pytest.fixture(autouse=True)
def no_key_stays_down(qapp: QApplication) -> None:
    """After a click with Shift QTest leaves Shift down for the tests that follow, where it changes what is selected."""
    QTest.keyRelease(QWidget(), Qt.Key.Key_Shift)
    assert qapp.keyboardModifiers() == Qt.KeyboardModifier.NoModifier
