"""The editors that take the whole width: the hours of a week, and what holds for each GPU."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import settings_wording
from mulberry.desktop.cards import Row, Text, clear, narrow
from mulberry.desktop.settings_editors import CalmSpinBox, Editor, TextEditor, silently
from mulberry.desktop.theme import Theme
from mulberry.desktop.week_grid import HOW_TO, WeekGrid
from mulberry.model.encoding import from_json, to_json
from mulberry.model.gpu import GpuInfo
from mulberry.model.json_value import JsonValue
from mulberry.model.power_cap import LEAST_CAP, MOST_CAP
from mulberry.model.rules import COOLEST_CEILING, HOTTEST_CEILING, LEAST_LOAD, MOST_LOAD, GpuRules
from mulberry.model.settings import Setting
from mulberry.model.week import Week


class WeekEditor(Editor):
    """The grid, and the same week as a line that can be typed and copied."""

    is_wide = True

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__(setting)
        self.grid = WeekGrid(theme)
        self.text = TextEditor(setting)
        self.grid.dragged.connect(lambda week: self.tried.emit(_days(week)))
        self.grid.changed.connect(lambda week: self.send(_days(week)))
        self.text.edited.connect(self.send)
        self.text.mistaken.connect(self.mistaken)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)
        column.addWidget(Text(HOW_TO, "source", wraps=True))
        column.addWidget(self.text)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        return super().is_being_typed or self.grid.is_dragging or self.text.is_being_typed

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self.text.show_setting(setting)
        if isinstance(setting.value, list | tuple):
            self.grid.show_week(Week(tuple(map(str, setting.value))))

    def tell(self, name: str, description: str) -> None:
        self.grid.setAccessibleName(name)
        self.text.tell(settings_wording.as_text(name), description)


def _days(week: Week) -> JsonValue:
    return [*week.days]


@dataclass(frozen=True, slots=True)
class _Row:
    """The widgets of one GPU."""

    use: QCheckBox
    ceiling: CalmSpinBox
    other_load: CalmSpinBox
    power_cap: CalmSpinBox

    @property
    def numbers(self) -> tuple[CalmSpinBox, ...]:
        return self.ceiling, self.other_load, self.power_cap


@dataclass(frozen=True, slots=True)
class _Gpu:
    """One that is here, and the watts that its driver can be limited to, where it says so."""

    name: str
    settable: tuple[int, int] | None

    @classmethod
    def of(cls, gpu: GpuInfo) -> "_Gpu":
        limits = gpu.power_limit_range_milliwatt
        whole = None if limits is None else (max(-(-limits[0] // 1000), LEAST_CAP), limits[1] // 1000)
        return cls(settings_wording.gpu_name(gpu), whole)


class GpuRulesEditor(Editor):
    """A row a GPU: those of this computer, and those that have rules and are not here now."""

    is_wide = True

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__(setting)
        self._theme = theme
        self._follows: QWidget | None = None
        self._gpus: dict[str, _Gpu] = {}  # by UUID
        self._rules: dict[str, GpuRules] = {}
        self.rows: dict[str, _Row] = {}
        self._empty = Text(settings_wording.NO_GPUS, "source", wraps=True)
        self._column = QVBoxLayout()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._empty)
        column.addLayout(self._column)
        self.show_setting(setting)

    @property
    def is_being_typed(self) -> bool:
        typing = (box.is_being_typed for row in self.rows.values() for box in row.numbers)
        return super().is_being_typed or any(typing)

    def show_setting(self, setting: Setting) -> None:
        self.setting = setting
        self._rules = {gpu.uuid: gpu for gpu in read_gpu_rules(setting.value)}
        self._show()

    def show_gpus(self, gpus: Sequence[GpuInfo]) -> None:
        here = {gpu.uuid: _Gpu.of(gpu) for gpu in gpus}
        if here != self._gpus:
            self._gpus = here
            self._show()

    def tell(self, name: str, description: str) -> None:
        self.setAccessibleName(name)
        self.setAccessibleDescription(description)

    def follow(self, before: QWidget) -> None:
        """Rows that come late are reached from here, not after the page's last field."""
        self._follows = before

    def _show(self) -> None:
        uuids = dict.fromkeys((*self._gpus, *self._rules))
        if list(uuids) != list(self.rows):
            self._make_rows(list(uuids))
        self._empty.setVisible(not self._gpus)
        for uuid, row in self.rows.items():
            rules = self._rules.get(uuid, GpuRules(uuid))
            row.use.setChecked(rules.use)
            row.use.setText(settings_wording.use_or_keep(rules.use))
            silently(row.ceiling, rules.ceiling_celsius or row.ceiling.minimum())
            silently(row.other_load, rules.other_load_percent or row.other_load.minimum())
            self._show_power_cap(uuid, row.power_cap, rules.power_cap_watt)

    def _show_power_cap(self, uuid: str, box: CalmSpinBox, watt: int | None) -> None:
        """From the least that this GPU can be limited to; what is chosen is shown, whatever it is."""
        gpu = self._gpus.get(uuid)
        least, most = (gpu.settable if gpu is not None else None) or (LEAST_CAP, MOST_CAP)
        box.blockSignals(True)
        box.setRange(min(least, watt or least) - 1, max(most, watt or most))
        box.blockSignals(False)
        silently(box, watt or box.minimum())

    def _make_rows(self, uuids: list[str]) -> None:
        clear(self._column)
        self.rows = {uuid: self._row(uuid) for uuid in uuids}
        order = [widget for row in self.rows.values() for widget in (row.use, *row.numbers)]
        for before, after in pairwise((self._follows, *order) if self._follows is not None else ()):
            QWidget.setTabOrder(before, after)

    def _row(self, uuid: str) -> _Row:
        gpu = self._gpus.get(uuid)
        name = gpu.name if gpu is not None else settings_wording.absent_gpu(uuid)
        title = narrow(Text(name, "value", wraps=True))
        title.setMinimumWidth(self._theme.px(180))
        row = _Row(
            QCheckBox(),
            _box(COOLEST_CEILING, HOTTEST_CEILING, "°C"),
            _box(LEAST_LOAD, MOST_LOAD, "%"),
            _box(LEAST_CAP, MOST_CAP, "W"),
        )
        row.use.setMinimumWidth(self._theme.px(120))  # whatever it says, columns stand under one another
        for widget, what in zip((row.use, *row.numbers), settings_wording.OF_A_GPU, strict=True):
            widget.setAccessibleName(settings_wording.of_gpu(name, what))
        row.use.clicked.connect(lambda use: self._change(uuid, use=use))
        row.ceiling.valueChanged.connect(lambda value: self._change(uuid, ceiling_celsius=_number(row.ceiling, value)))
        row.other_load.valueChanged.connect(
            lambda value: self._change(uuid, other_load_percent=_number(row.other_load, value))
        )
        row.power_cap.valueChanged.connect(
            lambda value: self._change(uuid, power_cap_watt=_number(row.power_cap, value))
        )
        numbers = (
            (_beside(Text(what, "source"), box), 1)
            for what, box in zip(settings_wording.OF_A_GPU[1:], row.numbers, strict=True)
        )
        self._column.addWidget(Row((title, 1), (row.use, 0)))
        self._column.addWidget(Row(*numbers))
        self._column.addSpacing(self._theme.px(8))
        return row

    def _change(self, uuid: str, **new: object) -> None:
        changed = replace(self._rules.get(uuid, GpuRules(uuid)), **new)  # type: ignore[arg-type]
        kept = {**self._rules, uuid: changed}
        self._rules = {key: rules for key, rules in kept.items() if rules != GpuRules(key)}
        self._show()
        rules: JsonValue = json.loads(to_json(tuple[GpuRules, ...], tuple(self._rules.values())))
        self.send(rules)


def read_gpu_rules(value: JsonValue) -> tuple[GpuRules, ...]:
    """Raises `ValueError`: it has another form, as a newer agent may give it."""
    return from_json(tuple[GpuRules, ...], json.dumps(value).encode())


def _box(smallest: int, largest: int, unit: str) -> CalmSpinBox:
    """Its smallest value but one is the first number; the smallest says that there is no own one."""
    box = CalmSpinBox()
    box.setRange(smallest - 1, largest)
    box.setSpecialValueText(settings_wording.AS_FOR_ALL)
    box.setSuffix(f" {unit}")
    return box


def _beside(*widgets: QWidget) -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch()
    return whole


def _number(box: CalmSpinBox, value: int) -> int | None:
    return None if value == box.minimum() else value
