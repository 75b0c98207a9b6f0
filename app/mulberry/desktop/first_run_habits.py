"""The first steps' pages about how it behaves: when it may work, what starts at login, what it may tell."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from mulberry.client.autostart import Autostart, Starts
from mulberry.desktop import first_run_wording
from mulberry.desktop.cards import Text, narrow
from mulberry.desktop.choice_list import ChoiceList
from mulberry.desktop.connection import View
from mulberry.desktop.first_run_pages import StepPage
from mulberry.desktop.first_run_wording import HEADINGS
from mulberry.desktop.settings_field import SettingField
from mulberry.desktop.theme import Theme
from mulberry.desktop.week_preview import WeekPreview
from mulberry.model.errors import UserFacingError
from mulberry.model.first_run import RULES_OF_PRESETS, FirstRun, FirstStep, Preset, preset_of
from mulberry.model.language import tr
from mulberry.model.settings import Page, SettingsChange, SettingsStatus

ASKED_TOO = ("update_check",)  # which asks somebody outside, and only with its owner's consent


class WhenPage(StepPage):
    tried = Signal(object)  # SettingsChange: what would it be?

    def __init__(self, theme: Theme) -> None:
        super().__init__(FirstStep.WHEN)
        self.choices: ChoiceList[Preset] = ChoiceList(theme, HEADINGS[FirstStep.WHEN].title)
        for preset, (title, explanation) in first_run_wording.PRESETS.items():
            self.choices.add(preset, title, explanation)
        self.own = narrow(Text(first_run_wording.OWN_RULES, "value", wraps=True))
        self.preview = WeekPreview(theme)
        self._preset: Preset | None = None
        self._is_known = False
        for widget in (self.choices, self.own, self.preview):
            self.column.addWidget(widget)
        self.own.hide()
        self.preview.hide()
        self.choices.picked.connect(self._try)

    def show_settings(self, status: SettingsStatus) -> None:
        """What holds."""
        rules = [status.named(name) for name in RULES_OF_PRESETS]
        self._preset = preset_of({each.name: each.value for each in rules}, {each.name: each.default for each in rules})
        self._is_known = True
        self.choices.choose(self._preset)
        self.own.setVisible(self._preset is None)
        self.show_preview(status)

    def show_preview(self, status: SettingsStatus) -> None:
        self.preview.show_status(status)
        self.preview.show()

    @property
    def change(self) -> SettingsChange | None:
        """What was decided; None: what holds stays."""
        chosen = self.choices.chosen
        return None if chosen is None or (self._is_known and chosen is self._preset) else _change(chosen)

    def _try(self) -> None:
        if (chosen := self.choices.chosen) is not None:
            self.tried.emit(_change(chosen, only_try=True))


def _change(preset: Preset, *, only_try: bool = False) -> SettingsChange:
    others = tuple(name for name in RULES_OF_PRESETS if name not in preset.values)
    return SettingsChange(preset.values, reset=others, only_try=only_try)


class AutostartPage(StepPage):
    def __init__(self, theme: Theme) -> None:
        super().__init__(FirstStep.AUTOSTART)
        self.choices: ChoiceList[Starts] = ChoiceList(theme, HEADINGS[FirstStep.AUTOSTART].title)
        for starts, (title, explanation) in first_run_wording.AUTOSTARTS.items():
            self.choices.add(starts, title, explanation)
        self.note = narrow(Text("", "source", wraps=True))
        self._found: Autostart | None = None
        self.column.addWidget(self.choices)
        self.column.addWidget(self.note)

    def show_autostart(self, found: Autostart) -> None:
        self._found = found
        self.choices.choose(found.starts)
        self.note.say(found.problem or tr("This is kept at {where}, where your system looks.", where=found.where))

    def show_problem(self, problem: UserFacingError) -> None:
        """It cannot be known or chosen here."""
        self._found = None
        self.choices.setEnabled(False)
        self.note.say(str(problem))

    @property
    def decision(self) -> Starts | None:
        """None: it stays as it is. What is switched on but would not work is written anew."""
        if self._found is None or (self.choices.chosen is self._found.starts and not self._found.problem):
            return None
        return self.choices.chosen


class NewsPage(StepPage):
    changed = Signal(str, object)  # a setting's name and its new value
    reset_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(FirstStep.NEWS)
        self._theme = theme
        self.fields: dict[str, SettingField] = {}
        self._fields = QVBoxLayout()
        self.column.addLayout(self._fields)

    def show_settings(self, status: SettingsStatus) -> None:
        for setting in status.settings:
            if setting.page is not Page.NOTIFICATIONS and setting.name not in ASKED_TOO:
                continue
            if setting.name in self.fields:
                self.fields[setting.name].show_setting(setting)
                continue
            field = SettingField(setting, self._theme)
            field.wanted.connect(self.changed)
            field.reset_wanted.connect(self.reset_wanted)
            self.fields[setting.name] = field
            self._fields.addWidget(field)

    def show_view(self, view: View, state: FirstRun) -> None:
        for field in self.fields.values():
            field.show_stale(view.is_stale)

    def send(self) -> None:
        """Now, what was switched just before."""
        for field in self.fields.values():
            field.send()
