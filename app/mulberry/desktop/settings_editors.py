"""How a setting's value is shown and changed, by its shape. An editor sends what its owner has finished typing; what is
still being typed is never taken away.
"""

from PySide6.QtCore import QEvent, QObject, Qt, QTime, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QSpinBox,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop import settings_wording
from mulberry.desktop.cards import Text, plain_button
from mulberry.model.json_value import JsonValue
from mulberry.model.settings import Setting, shown, typed
from mulberry.model.text import plain
from mulberry.model.week import DayTimes

WIDEST = 2**31 - 1  # of Qt's numbers
LIST_ROWS = 5
LIST_MARGIN = 12  # pixels
TEXT_MARGIN = 4


class Editor(QWidget):
    """`edited` carries a value of the setting's JSON, `mistaken` why what was typed is none."""

    edited = Signal(object)
    tried = Signal(object)  # while the mouse is still down
    mistaken = Signal(str)
    is_wide = False  # needs the whole width of its card

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self._is_frozen = False
        self._unsent: tuple[JsonValue] | None = None

    @property
    def is_being_typed(self) -> bool:
        """Whether something stands there that was not sent yet."""
        return self._unsent is not None

    def show_setting(self, setting: Setting) -> None:
        """Shows its value, whatever stood there."""
        raise NotImplementedError

    def freeze(self, frozen: bool) -> None:
        """Read-only; what was being typed stays, and is sent when it is no longer so."""
        self._is_frozen = frozen
        self.setEnabled(not frozen)
        if not frozen and self._unsent is not None:
            (value,), self._unsent = self._unsent, None
            self.edited.emit(value)

    def send(self, value: JsonValue) -> None:
        """Its owner has finished."""
        if self._is_frozen:  # to be switched off ends typing too
            self._unsent = (value,)
        else:
            self.edited.emit(value)

    def follow(self, before: QWidget) -> None:
        """Is reached by Tab after it; those that never make new widgets are so by themselves."""

    def tell(self, name: str, description: str) -> None:
        """For screen readers, to the widgets that take the keyboard."""
        raise NotImplementedError


class SwitchEditor(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.switch = QCheckBox()
        self.switch.clicked.connect(self.send)
        self.switch.toggled.connect(self._say)
        _row(self, self.switch)
        self.show_setting(setting)

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self.switch.setChecked(setting.value is True)
        self._say()

    def tell(self, name: str, description: str) -> None:
        self.switch.setAccessibleName(name)
        self.switch.setAccessibleDescription(description)

    def _say(self) -> None:
        self.switch.setText(settings_wording.on_or_off(self.switch.isChecked()))


class _CalmWheel(QObject):
    """A page is scrolled over what it watches without changing it, unless that has the keyboard."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()  # so that the page gets it
            return True
        return False


def calm(widget: QWidget) -> None:
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel gives it no keyboard either
    widget.installEventFilter(_CalmWheel(widget))


class CalmSpinBox(QSpinBox):
    """Typing is sent when it is finished."""

    def __init__(self) -> None:
        super().__init__()
        calm(self)
        self.setKeyboardTracking(False)
        self.setGroupSeparatorShown(True)
        self.lineEdit().setTextMargins(TEXT_MARGIN, 0, 0, 0)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)

    @property
    def is_being_typed(self) -> bool:
        return self.lineEdit().isModified() and self.text() != self.textFromValue(self.value())


class NumberEditor(Editor):
    """A whole number with its unit; a switch before it where it may be off.

    Switched on where nothing is suggested, it waits for a number: none is sent that nobody has chosen.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._waits = False
        self.switch = QCheckBox()
        self.number = CalmSpinBox()
        self.number.setRange(setting.smallest or 0, min(setting.largest or WIDEST, WIDEST))
        self.number.setSuffix(f" {setting.unit}" if setting.unit else "")
        self.number.valueChanged.connect(self._chosen)
        self.number.editingFinished.connect(self._finished)
        self.switch.clicked.connect(self._switched)
        _row(self, self.switch, self.number)
        self.switch.setVisible(setting.may_be_off)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        return super().is_being_typed or self._waits or self.number.is_being_typed

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self._waits = False
        self._show_switch(setting.value is not None)
        if isinstance(setting.value, int):
            silently(self.number, setting.value)

    def tell(self, name: str, description: str) -> None:
        self.switch.setAccessibleName(name)
        self.number.setAccessibleName(settings_wording.value_of(name))
        for widget in (self.switch, self.number):
            widget.setAccessibleDescription(description)

    def _show_switch(self, is_on: bool) -> None:
        self.switch.setChecked(is_on)
        self.switch.setText(settings_wording.on_or_off(is_on))
        self.number.setVisible(is_on or not self.setting.may_be_off)

    def _switched(self, is_on: bool) -> None:
        was_waiting, self._waits = self._waits, False
        self._show_switch(is_on)
        if is_on and self.setting.value is None:
            if not isinstance(self.setting.suggested, int):
                self._waits = True
                self.number.setFocus()
                self.number.selectAll()
                return
            silently(self.number, self.setting.suggested)
        if not was_waiting:
            self.send(self.number.value() if is_on else None)

    def _chosen(self, value: int) -> None:
        self._waits = False
        self.send(value)

    def _finished(self) -> None:
        """With Enter what stands there is chosen; who goes elsewhere in the window has chosen nothing."""
        if self._waits and self.number.hasFocus():
            self._chosen(self.number.value())
        elif self._waits and self.isActiveWindow():
            self._waits = False
            self._show_switch(False)


class ChoiceEditor(Editor):
    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = QComboBox()
        calm(self.box)
        for choice in setting.choices:
            self.box.addItem(plain(settings_wording.choice(choice)), choice)
        self.box.activated.connect(lambda row: self.send(self.box.itemData(row)))
        _row(self, self.box)
        self.show_setting(setting)

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self.box.setCurrentIndex(self.box.findData(setting.value))

    def tell(self, name: str, description: str) -> None:
        self.box.setAccessibleName(name)
        self.box.setAccessibleDescription(description)


class TextEditor(Editor):
    """One line in the words of the command line; sent with Enter, or when the keyboard goes elsewhere."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = QLineEdit()
        self.line.setPlaceholderText(settings_wording.placeholder(setting))
        self.line.editingFinished.connect(self._commit)
        _row(self, self.line)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        return super().is_being_typed or self.line.isModified()

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        text = "" if setting.value is None else plain(shown(setting))
        if text != self.line.text():
            self.line.setText(text)
        self.line.setModified(False)
        self.line.setCursorPosition(0)

    def tell(self, name: str, description: str) -> None:
        self.line.setAccessibleName(name)
        self.line.setAccessibleDescription(description)

    def _commit(self) -> None:
        if not self.line.isModified():
            return
        text = self.line.text()
        try:
            value = None if self.setting.may_be_off and not text.strip() else typed(self.setting, text)
        except ValueError as mistake:
            self.mistaken.emit(settings_wording.mistake(self.setting, mistake))
            return
        self.line.setModified(False)
        self.send(value)


class TimesEditor(Editor):
    """From one time of the day until another."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.switch = QCheckBox()
        self.times = (QTimeEdit(), QTimeEdit())
        self._until = Text(settings_wording.UNTIL, "source")
        for edit in self.times:
            edit.setDisplayFormat("HH:mm")
            edit.setLayoutDirection(Qt.LayoutDirection.LeftToRight)  # 07:30 is not read as 30:07
            edit.setKeyboardTracking(False)
            edit.lineEdit().setTextMargins(TEXT_MARGIN, 0, 0, 0)
            calm(edit)
            edit.timeChanged.connect(self._commit)
        self.switch.clicked.connect(self._switched)
        _row(self, self.switch, self.times[0], self._until, self.times[1])
        self.switch.setVisible(setting.may_be_off)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        return super().is_being_typed or any(edit.hasFocus() and edit.lineEdit().isModified() for edit in self.times)

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self._show_text(setting.value)

    def tell(self, name: str, description: str) -> None:
        self.switch.setAccessibleName(name)
        self.switch.setAccessibleDescription(description)
        for edit, words in zip(self.times, settings_wording.BEGIN_AND_END, strict=True):
            edit.setAccessibleName(f"{name}: {words}")
            edit.setAccessibleDescription(description)

    def _show_text(self, value: object) -> None:
        is_on = isinstance(value, str)
        if isinstance(value, str):
            times = DayTimes.read(value)
            for edit, moment in zip(self.times, (times.begin, times.end), strict=True):
                blocked = edit.blockSignals(True)
                edit.setTime(QTime(moment.hour, moment.minute))
                edit.blockSignals(blocked)
        self.switch.setChecked(is_on)
        self.switch.setText(settings_wording.on_or_off(is_on))
        for widget in (*self.times, self._until):
            widget.setVisible(is_on or not self.setting.may_be_off)

    def _switched(self, is_on: bool) -> None:
        wanted = (self.setting.value or self.setting.suggested) if is_on else None
        self._show_text(wanted)
        self.send(wanted)

    def _commit(self) -> None:
        begin, end = (edit.time().toString("HH:mm") for edit in self.times)
        self.send(f"{begin}-{end}")


class ListEditor(Editor):
    """Texts under one another, with a line to add one; Delete takes the chosen ones away."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.list = _TextList()
        self.line = QLineEdit()
        self.add = plain_button(settings_wording.ADD)
        self.remove = plain_button(settings_wording.REMOVE)
        self.list.setProperty("look", "texts")
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._offer)
        self.list.delete_wanted.connect(self._remove)
        self.line.setPlaceholderText(settings_wording.ADD_ONE)
        self.line.textChanged.connect(self._offer)
        self.line.returnPressed.connect(self._add)
        self.add.clicked.connect(self._add)
        self.remove.clicked.connect(self._remove)
        entering = QHBoxLayout()
        entering.addWidget(self.line, 1)
        entering.addWidget(self.add)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(entering)
        column.addWidget(self.list)
        column.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignRight)
        self.show_setting(setting)

    @property
    def texts(self) -> list[str]:
        return [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self._show(list(map(str, setting.value)) if isinstance(setting.value, list | tuple) else [])

    def tell(self, name: str, description: str) -> None:
        self.list.setAccessibleName(name)
        self.line.setAccessibleName(settings_wording.add_to(name))
        self.add.setAccessibleName(settings_wording.add_to(name))
        self.remove.setAccessibleName(settings_wording.remove_from(name))
        for widget in (self.list, self.line):
            widget.setAccessibleDescription(description)

    def _show(self, texts: list[str]) -> None:
        if texts != self.texts or not texts:
            self.list.clear()
            for text in texts:
                self.list.addItem(plain(text))
                self.list.item(self.list.count() - 1).setData(Qt.ItemDataRole.UserRole, text)
        rows = min(max(len(texts), 1), LIST_ROWS)
        self.list.setFixedHeight(rows * max(self.list.sizeHintForRow(0), 0) + LIST_MARGIN)
        self.list.setVisible(bool(texts))
        self.remove.setVisible(bool(texts))
        self._offer()

    def _offer(self) -> None:
        self.add.setEnabled(bool(self.line.text().strip()))
        self.remove.setEnabled(bool(self.list.selectedItems()))

    def _add(self) -> None:
        text = self.line.text().strip()
        if text:
            self.line.clear()
            self._show([*(each for each in self.texts if each != text), text])
            self.send([*self.texts])

    def _remove(self) -> None:
        chosen = {self.list.row(item) for item in self.list.selectedItems()}
        if chosen:
            self._show([text for row, text in enumerate(self.texts) if row not in chosen])
            self.send([*self.texts])
            self.line.setFocus()


class _TextList(QListWidget):
    delete_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_wanted.emit()
        else:
            super().keyPressEvent(event)


def silently(number: QSpinBox, value: int) -> None:
    """Shows the value, which nobody has chosen now."""
    blocked = number.blockSignals(True)
    number.setValue(value)
    number.blockSignals(blocked)


def _row(parent: QWidget, *widgets: QWidget) -> None:
    row = QHBoxLayout(parent)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, QLineEdit) else 0)
    if not isinstance(widgets[-1], QLineEdit):
        row.addStretch(1)
