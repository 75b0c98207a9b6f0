"""One application and one theme for all tests of the window, as in the real process."""

from collections.abc import Callable

import pytest
from PySide6.QtWidgets import QApplication

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
