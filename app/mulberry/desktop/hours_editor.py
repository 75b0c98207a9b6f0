"""The editor of a number an hour, as tariffs have them."""

from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from mulberry.desktop import settings_wording
from mulberry.desktop.cards import Text
from mulberry.desktop.settings_editors import CalmSpinBox, Editor, TextEditor, silently
from mulberry.desktop.theme import Theme
from mulberry.model.json_value import JsonValue
from mulberry.model.settings import Setting
from mulberry.model.week import HOURS_A_DAY

MOST_A_BOX = 999_999
NAME_WIDTH, BOX_WIDTH, BETWEEN = 44, 78, 6  # pixels
COLUMNS = (2, 3, 4, 6, 8)  # numbers that make whole rows of a day


def hour_name(hour: int) -> str:
    return f"{hour:02}:00"


class _Hours(QWidget):
    """The boxes with their names, read row by row, as many in a row as there is room for."""

    def __init__(self, theme: Theme, boxes: tuple[CalmSpinBox, ...]) -> None:
        super().__init__()
        self._one = theme.px(NAME_WIDTH + BOX_WIDTH + 2 * BETWEEN)
        self._columns = 0
        self._pairs = [(Text(hour_name(hour), "source"), box) for hour, box in enumerate(boxes)]
        for name, _ in self._pairs:
            name.setMinimumWidth(theme.px(NAME_WIDTH))
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.px(BETWEEN))
        self._arrange(COLUMNS[0])

    def minimumSizeHint(self) -> QSize:
        return QSize(self._one * COLUMNS[0], super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(max((each for each in COLUMNS if each * self._one <= event.size().width()), default=COLUMNS[0]))

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        for column in range(2 * self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns = columns
        for hour, (name, box) in enumerate(self._pairs):
            row, column = divmod(hour, columns)
            self._grid.addWidget(name, row, 2 * column)
            self._grid.addWidget(box, row, 2 * column + 1)
            self._grid.setColumnStretch(2 * column + 1, 1)


class HoursEditor(Editor):
    """A number an hour, and all of them as a line, where a tariff's table can be pasted; none while it is off."""

    is_wide = True

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__(setting)
        self._theme = theme
        self.boxes: tuple[CalmSpinBox, ...] = ()  # made when first needed: most tariffs have one price
        self._hours: _Hours | None = None
        self.switch = QCheckBox()
        self.switch.clicked.connect(self._switched)
        self.text = TextEditor(setting)
        self.text.edited.connect(self._typed)
        self.text.mistaken.connect(self.mistaken)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.switch)
        column.addWidget(self.text)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        return super().is_being_typed or self.text.is_being_typed or any(box.is_being_typed for box in self.boxes)

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self.text.show_setting(setting)
        self._show(setting.value)

    def tell(self, name: str, description: str) -> None:
        self.switch.setAccessibleName(name)
        self.switch.setAccessibleDescription(description)
        self.text.tell(settings_wording.as_text(name), description)

    def _show(self, value: JsonValue) -> None:
        numbers = value if isinstance(value, list | tuple) else ()
        self.switch.setChecked(bool(numbers))
        self.switch.setText(settings_wording.on_or_off(bool(numbers)))
        if numbers and not self.boxes:
            self._make_boxes()
        for box, number in zip(self.boxes, numbers, strict=False):
            silently(box, number if isinstance(number, int) else 0)
        if self._hours is not None:
            self._hours.setVisible(bool(numbers))

    def _make_boxes(self) -> None:
        self.boxes = tuple(CalmSpinBox() for _ in range(HOURS_A_DAY))
        for hour, box in enumerate(self.boxes):
            box.setRange(0, MOST_A_BOX)
            box.setMinimumWidth(self._theme.px(BOX_WIDTH))
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.setAccessibleName(settings_wording.of_an_hour(self.setting, hour_name(hour)))
            box.valueChanged.connect(self._changed)
        self._hours = _Hours(self._theme, self.boxes)
        self._column.insertWidget(1, self._hours)
        for before, after in pairwise((self.switch, *self.boxes, self.text.line)):
            QWidget.setTabOrder(before, after)

    def _switched(self, is_on: bool) -> None:
        wanted = (self.setting.value or self.setting.suggested or []) if is_on else []
        self._show(wanted)
        self.text.show_setting(replace(self.setting, value=wanted))
        self.send(wanted)

    def _changed(self, _: int) -> None:
        wanted: JsonValue = [box.value() for box in self.boxes]
        self.text.show_setting(replace(self.setting, value=wanted))
        self.send(wanted)

    def _typed(self, value: JsonValue) -> None:
        self._show(value)
        self.send(value)
