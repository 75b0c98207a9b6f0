"""The same numbers as a chart's, as a table: for screen readers, and for whoever wants to know exactly."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from mulberry.desktop.cards import plain_button
from mulberry.desktop.export import CSV, PICTURE, ask_where, save_picture, save_table
from mulberry.model.language import tr

OPEN_KEYS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


def number_table(
    parent: QWidget, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], chart: QWidget | None = None
) -> QDialog:
    """A window with `rows` under `headings`, not shown yet, gone when closed. They and `chart` can be saved."""
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(title)
    table = QTableWidget(len(rows), len(headings), dialog)
    table.setHorizontalHeaderLabels(list(headings))
    table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    table.verticalHeader().hide()
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)  # half an amount is another amount
    header.setStretchLastSection(True)
    table.setAccessibleName(title)
    for row, texts in enumerate(rows):
        for column, text in enumerate(texts):
            table.setItem(row, column, QTableWidgetItem(text))
    whole = QVBoxLayout(dialog)
    whole.addWidget(table)
    whole.addLayout(_ways_out(dialog, title, lambda path: save_table(dialog, path, headings, rows), chart))
    return dialog


def _ways_out(dialog: QDialog, title: str, save_numbers: Callable[[Path], None], chart: QWidget | None) -> QHBoxLayout:
    """Save the numbers, save the picture, close."""
    name = "-".join(re.findall(r"\w+", title.lower()))
    row = QHBoxLayout()
    as_csv = plain_button(tr("Save as CSV…"))
    as_csv.clicked.connect(lambda: ask_where(dialog, title, f"{name}.csv", CSV, save_numbers))
    row.addWidget(as_csv)
    if chart is not None:
        as_picture = plain_button(tr("Save the picture…"))
        picture = chart.grab()
        as_picture.clicked.connect(
            lambda: ask_where(dialog, title, f"{name}.png", PICTURE, lambda path: save_picture(dialog, path, picture))
        )
        row.addWidget(as_picture)
    row.addStretch()
    close = plain_button(tr("Close"))
    close.clicked.connect(dialog.accept)
    row.addWidget(close)
    return row


class OpensTable(QObject):
    """Makes a click on `chart`, or Enter and Space while it has the focus, open what `make_table` makes."""

    def __init__(self, chart: QWidget, make_table: Callable[[], QDialog]) -> None:
        super().__init__(chart)
        self._make_table = make_table
        chart.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        chart.setCursor(Qt.CursorShape.PointingHandCursor)
        chart.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(watched, QWidget) or not _asks(watched, event):
            return False
        self._make_table().open()
        return True


def _asks(chart: QWidget, event: QEvent) -> bool:
    if event.type() is QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
        return event.key() in OPEN_KEYS
    if event.type() is QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
        return event.button() is Qt.MouseButton.LeftButton and chart.rect().contains(event.position().toPoint())
    return False
