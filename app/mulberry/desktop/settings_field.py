"""One setting on the page: its name and what it does, its editor, and what became of the last change."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from mulberry.desktop import settings_wording
from mulberry.desktop.cards import Row, Text, narrow, plain_button
from mulberry.desktop.hours_editor import HoursEditor
from mulberry.desktop.rule_editors import GpuRulesEditor, WeekEditor, read_gpu_rules
from mulberry.desktop.settings_editors import (
    WIDEST,
    ChoiceEditor,
    Editor,
    ListEditor,
    NumberEditor,
    SwitchEditor,
    TextEditor,
    TimesEditor,
)
from mulberry.desktop.theme import Theme
from mulberry.model.errors import UserFacingError
from mulberry.model.json_value import JsonValue
from mulberry.model.settings import RuleNow, Setting, Shape

SEND_AFTER_MILLISECONDS = 400  # clicks in a row are one change
EDITOR_WIDTH = 330


def make_editor(setting: Setting, theme: Theme) -> Editor:
    """By its shape; a line of text for what this window does not know."""
    match setting.shape:
        case Shape.SWITCH:
            return SwitchEditor(setting)
        case Shape.WHOLE if setting.largest is not None and setting.largest <= WIDEST:
            return NumberEditor(setting)
        case Shape.CHOICE:
            return ChoiceEditor(setting)
        case Shape.TEXTS:
            return ListEditor(setting)
        case Shape.TIMES:
            return TimesEditor(setting)
        case Shape.WEEK:
            return WeekEditor(setting, theme)
        case Shape.HOURS:
            return HoursEditor(setting, theme)
        case Shape.GPUS if _are_gpu_rules(setting.value):
            return GpuRulesEditor(setting, theme)
        case _:
            return TextEditor(setting)


def _are_gpu_rules(value: JsonValue) -> bool:
    try:
        read_gpu_rules(value)
    except ValueError:
        return False
    return True


class SettingField(QFrame):
    """`wanted` carries a name and its new value, once its owner has finished."""

    wanted = Signal(str, object)
    tried = Signal(str, object)
    reset_wanted = Signal(str)

    def __init__(self, setting: Setting, theme: Theme) -> None:
        super().__init__()
        self.setting = setting
        self._is_stale = False
        self._chosen: tuple[JsonValue] | None = None  # and not sent yet
        self.title = Text(setting.title, "strong")
        self.changed = Text(settings_wording.CHANGED, "source")
        self.reset = plain_button(settings_wording.RESET)
        self.reset.setAccessibleName(settings_wording.reset(setting))
        self.reset.clicked.connect(self._reset)
        self.explanation = narrow(Text(setting.explanation, "source", wraps=True))
        self.note = narrow(Text("", "source", wraps=True))
        self.rule = narrow(Text("", "value", wraps=True))
        self.problem = narrow(Text("", "bad", wraps=True))
        self.editor = make_editor(setting, theme)
        self.editor.tell(setting.title, setting.explanation)
        self.editor.edited.connect(self._choose)
        self.editor.tried.connect(lambda value: self.tried.emit(setting.name, value))
        self.editor.mistaken.connect(self._say_problem)
        self.sending = QTimer(self, interval=SEND_AFTER_MILLISECONDS)
        self.sending.setSingleShot(True)
        self.sending.timeout.connect(self.send)
        self._lay_out(theme)
        self.editor.follow(self.reset)
        self.show_rule(None)
        self._say_problem("")
        self.show_setting(setting)

    def _lay_out(self, theme: Theme) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addSpacing(theme.px(8))
        head.addWidget(self.changed)
        head.addWidget(self.reset)
        head.addStretch(1)
        self.reset.setFixedHeight(self.title.sizeHint().height() + 6)
        self.title.setMinimumHeight(self.reset.height())  # nothing jumps when it comes and goes
        words = QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        for text in (self.explanation, self.note, self.rule, self.problem):
            column.addWidget(text)
        column.addStretch(1)
        words.setMinimumWidth(theme.px(260))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 8, 0, 8)
        if self.editor.is_wide:
            whole.addWidget(words)
            whole.addWidget(self.editor)
        else:
            self.editor.setMinimumWidth(theme.px(EDITOR_WIDTH))
            self.editor.setMaximumWidth(theme.px(EDITOR_WIDTH))
            whole.addWidget(Row((words, 1), (self.editor, 0)))

    @property
    def is_held(self) -> bool:
        """Whether its owner has begun what was not sent yet: then nothing here is overwritten."""
        return self._chosen is not None or self.editor.is_being_typed

    def show_setting(self, setting: Setting, *, awaited: bool = False) -> None:
        """`awaited`: a later change of it is on its way to the agent."""
        self.setting = setting
        self.note.say(setting.elsewhere or settings_wording.when(setting))
        self.note.setVisible(bool(self.note.text()))
        self.changed.setVisible(not setting.is_default)
        self.reset.setVisible(not setting.is_default and not setting.elsewhere)
        if not awaited and not self.is_held:
            self.editor.show_setting(setting)
        self._freeze()

    def show_rule(self, now: RuleNow | None) -> None:
        """What its rule holds up now, or why it cannot: a warning where its owner counts on it."""
        self.rule.say("\n".join(now.told) if now is not None else "")
        self.rule.mark("look", "warn" if now is not None and now.is_blind and not self.setting.is_default else "value")
        self.rule.setVisible(now is not None)

    def show_stale(self, is_stale: bool) -> None:
        self._is_stale = is_stale
        self._freeze()

    def refuse(self, problem: UserFacingError, *, awaited: bool = False) -> None:
        """Says why, and shows what holds."""
        self._say_problem(" ".join(part for part in (problem.what, problem.why, problem.detail) if part))
        self.show_setting(self.setting, awaited=awaited)

    def send(self) -> None:
        """Now, what its owner has chosen."""
        self.sending.stop()
        if self._chosen is not None:
            (value,), self._chosen = self._chosen, None
            self.wanted.emit(self.setting.name, value)

    def _choose(self, value: JsonValue) -> None:
        self._chosen = (value,)
        self._say_problem("")
        self.sending.start()

    def _reset(self) -> None:
        self._chosen = None
        self.sending.stop()
        self._say_problem("")
        self.editor.show_setting(self.setting)
        self.editor.setFocus(Qt.FocusReason.TabFocusReason)  # the button goes away
        self.reset_wanted.emit(self.setting.name)

    def _say_problem(self, text: str) -> None:
        self.problem.say(text)
        self.problem.setVisible(bool(text))

    def _freeze(self) -> None:
        self.reset.setEnabled(not self._is_stale)
        self.editor.freeze(self._is_stale or bool(self.setting.elsewhere))
