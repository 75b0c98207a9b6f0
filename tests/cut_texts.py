"""A text that a window cuts off is worse than none: half an amount is another amount."""

from PySide6.QtWidgets import QLabel, QScrollArea


def assert_nothing_is_cut(page: QScrollArea) -> None:
    """Every text of the page has the room that it needs, and the page is no wider than its place."""
    for label in page.findChildren(QLabel):
        if label.isVisible() and label.text() and not label.wordWrap():
            assert label.width() >= label.sizeHint().width(), label.text()
        elif label.isVisible() and label.text():
            assert label.height() >= label.heightForWidth(label.width()), label.text()
    sheet = page.widget()
    assert sheet is not None
    assert sheet.width() <= page.viewport().width()
