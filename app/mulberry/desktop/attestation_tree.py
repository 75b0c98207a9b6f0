"""The evidence as a tree: each check with how it ended, what was seen, and whose word it is.

One stop of the Tab key: up and down go from check to check, right opens one and left closes it, as in every tree. Parts
are made when they are first opened. What failed, is missing or is a TEST is open from the start.
"""

from collections.abc import Iterator, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from mulberry.desktop import attestation_wording
from mulberry.desktop.cards import Text, clear, in_reading_order, narrow, tab_after
from mulberry.desktop.eligibility_cards import SignLabel
from mulberry.desktop.theme import Theme
from mulberry.model.language import tr
from mulberry.model.proof import Check

INDENT = 24
OPEN, CLOSED, LEAF = "▾", "▸", ""
Path = tuple[int, ...]  # the places of a check and of those it is a part of


class CheckRow(QFrame):
    """One check; it can have the keyboard."""

    pressed = Signal(int)  # a key
    clicked = Signal()

    def __init__(self, theme: Theme, check: Check) -> None:
        super().__init__()
        self.check = check
        self.setProperty("look", "check")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        look = attestation_wording.OUTCOMES[check.outcome]
        self.arrow = Text(LEAF, "source")
        self.arrow.setFixedWidth(theme.px(12))
        self.outcome = Text(look.words, attestation_wording.TEXT_LOOKS[look.role])
        self.outcome.setMinimumWidth(theme.px(60))
        self.whose = narrow(Text(attestation_wording.whose(check), "source", wraps=True))
        self.whose.setAlignment(Qt.AlignmentFlag.AlignRight)
        grid = QGridLayout(self)
        grid.setContentsMargins(4, 3, 4, 3)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(2, 3)
        grid.setColumnStretch(3, 2)
        head = (
            self.arrow,
            SignLabel(theme, look),
            narrow(Text(check.name, "strong", wraps=True)),
            self.whose,
            self.outcome,
        )
        for column, widget in enumerate(head):
            widget.setAlignment(widget.alignment() & Qt.AlignmentFlag.AlignHorizontal_Mask | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(widget, 0, column)
        grid.addWidget(narrow(Text(check.told, "value", wraps=True)), 1, 2, 1, 3)

    def show_open(self, is_open: bool) -> None:
        check = self.check
        self.arrow.say((OPEN if is_open else CLOSED) if check.parts else LEAF)
        state = (tr("open") if is_open else tr("closed")) if check.parts else ""
        self.setAccessibleName(f"{check.name}: {self.outcome.text()}. {check.told}")
        self.setAccessibleDescription(", ".join(part for part in (self.whose.text(), state) if part))
        if check.parts:
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in KEYS:
            self.pressed.emit(event.key())
        else:
            super().keyPressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() is Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()


class EvidenceTree(QWidget):
    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._checks: tuple[Check, ...] = ()
        self.nodes: dict[Path, _Node] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.setAccessibleName(tr("Evidence"))

    def show_checks(self, checks: Sequence[Check]) -> None:
        """What was opened or closed by hand stays so where the tree has the same shape."""
        if tuple(checks) == self._checks:
            return
        was = {path: node.is_open for path, node in self.nodes.items()}
        focused = next((path for path, node in self.nodes.items() if node.row.hasFocus()), None)
        self._checks = tuple(checks)
        clear(self._column)
        self.nodes = {}
        for place, check in enumerate(self._checks):
            self._add((place,), check, self._column, was)
        if self._checks:
            self._go(focused if focused in self.nodes else (0,), takes_focus=focused is not None)

    @property
    def in_sight(self) -> list[Path]:
        """From top to bottom, without the parts of what is closed."""
        return list(self._below(()))

    def _below(self, path: Path) -> Iterator[Path]:
        parts = self.nodes[path].row.check.parts if path else self._checks
        for place in range(len(parts)):
            part = (*path, place)
            yield part
            if self.nodes[part].is_open:
                yield from self._below(part)

    def _add(self, path: Path, check: Check, column: QVBoxLayout, was: dict[Path, bool]) -> None:
        node = self.nodes[path] = _Node(CheckRow(self._theme, check))
        node.row.pressed.connect(lambda key: self._pressed(path, key))
        node.row.clicked.connect(lambda: self._clicked(path))
        column.addWidget(node)
        tab_after(self, node.row)  # one of the rows is reached by it
        wants_open = any(map(attestation_wording.needs_a_look, check.parts))
        self._open(path, is_open=bool(check.parts) and was.get(path, wants_open), was=was)

    def _open(self, path: Path, *, is_open: bool, was: dict[Path, bool] | None = None) -> None:
        node = self.nodes[path]
        if is_open and not node.is_made:
            node.is_made = True
            for place, part in enumerate(node.row.check.parts):
                self._add((*path, place), part, node.parts, was or {})
        node.is_open = is_open
        node.body.setVisible(is_open)
        node.row.show_open(is_open)

    def _clicked(self, path: Path) -> None:
        if self.nodes[path].row.check.parts:
            self._open(path, is_open=not self.nodes[path].is_open)
        self._go(path)

    def _pressed(self, path: Path, key: int) -> None:
        node, rows = self.nodes[path], self.in_sight
        has_parts, here = bool(node.row.check.parts), rows.index(path)
        if key == Qt.Key.Key_Right and has_parts and not node.is_open:
            self._open(path, is_open=True)
        elif key == Qt.Key.Key_Left and node.is_open:
            self._open(path, is_open=False)
        elif key == Qt.Key.Key_Left and len(path) > 1:
            self._go(path[:-1])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and has_parts:
            self._open(path, is_open=not node.is_open)
        elif key in ENDS:
            self._go(rows[ENDS[Qt.Key(key)]])
        elif key in STEPS:
            self._go(rows[min(max(here + STEPS[Qt.Key(key)], 0), len(rows) - 1)])

    def _go(self, path: Path, *, takes_focus: bool = True) -> None:
        for one, node in self.nodes.items():
            node.row.setFocusPolicy(Qt.FocusPolicy.StrongFocus if one == path else Qt.FocusPolicy.ClickFocus)
        if takes_focus:
            self.nodes[path].row.setFocus(Qt.FocusReason.OtherFocusReason)


STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_Right: 1}
ENDS = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: -1}
KEYS = {*STEPS, *ENDS, Qt.Key.Key_Left, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}


class _Node(QWidget):
    """A row, and below it the parts, further to the right."""

    def __init__(self, row: CheckRow) -> None:
        super().__init__()
        self.row = row
        self.body = QWidget()
        self.is_open = False
        self.is_made = False
        self.parts = QVBoxLayout(self.body)
        self.parts.setContentsMargins(in_reading_order(self, INDENT, 0, 0, 0))
        self.parts.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(row)
        column.addWidget(self.body)
