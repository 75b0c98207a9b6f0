"""The Settings page, made of what the agent says of its settings: one that this window never heard of has a place."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QWidget

from mulberry.desktop import settings_wording
from mulberry.desktop.cards import Card, Row, Text, narrow
from mulberry.desktop.cards import Page as ScrollingPage
from mulberry.desktop.connection import View
from mulberry.desktop.rule_editors import GpuRulesEditor
from mulberry.desktop.settings_field import SettingField
from mulberry.desktop.theme import Theme
from mulberry.desktop.week_preview import WeekPreview
from mulberry.model.errors import UserFacingError
from mulberry.model.json_value import JsonValue
from mulberry.model.language import tr
from mulberry.model.node import Reason, ReasonKind
from mulberry.model.rules import Decision
from mulberry.model.settings import Page, Setting, SettingsStatus, rules_now

LOOK_AGAIN_MILLISECONDS = 30_000
FIELDS_AT_A_TIME = 2
PAGES_OF_RULES = (Page.WHEN, Page.ELECTRICITY)


class SettingsCard(Card):
    """The settings under one heading."""

    def __init__(self, page: Page) -> None:
        super().__init__(settings_wording.PAGES[page])
        self.column.addWidget(Text(settings_wording.PAGES[page], "card-title"))
        self.fields: list[SettingField] = []

    def add(self, field: SettingField) -> None:
        self.fields.append(field)
        self.column.addWidget(field)


class SettingsPage(ScrollingPage):
    wanted = Signal()  # what holds, and what the rules see
    changed = Signal(str, object)  # a name and its new value
    tried = Signal(str, object)  # while it is being dragged
    reset_wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view = View()
        self._held_by: tuple[Reason, ...] = ()
        self._decision = Decision()
        self._not_read: UserFacingError | None = None
        self._missing: list[str] = []  # names of fields that are not built yet
        self._hidden = 0  # settings for experts that are searched for and not shown
        self.status: SettingsStatus | None = None
        self.fields: dict[str, SettingField] = {}
        self.cards: dict[Page, SettingsCard] = {}  # in the order of the page
        self.line = narrow(Text(settings_wording.NOT_HEARD_YET, "source", wraps=True))
        self.search = QLineEdit()
        self.search.setPlaceholderText(settings_wording.SEARCH)
        self.search.setAccessibleName(settings_wording.SEARCH)
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(theme.px(220))
        self.search.textChanged.connect(self._search)
        self.experts = QCheckBox(settings_wording.EXPERTS)
        self.experts.toggled.connect(self._filter)
        self.preview = WeekPreview(theme)
        head = QHBoxLayout()
        head.setContentsMargins(2, 0, 0, 0)  # some letters reach to the left of their place
        head.setSpacing(theme.px(12))
        head.addWidget(Text(tr("Settings"), "page-title"))
        head.addWidget(self.line, 1)
        self.line.setMinimumWidth(theme.px(160))
        titled, tools = QWidget(), QWidget()
        titled.setLayout(head)
        finding = QHBoxLayout(tools)
        finding.setContentsMargins(0, 0, 0, 0)
        finding.setSpacing(theme.px(12))
        finding.addWidget(self.experts)
        finding.addWidget(self.search)
        self.column.addWidget(Row((titled, 1), (tools, 0)))
        self.column.addWidget(self.preview)
        self.column.addStretch(1)
        self.preview.hide()
        self.building = QTimer(self, interval=0)
        self.building.timeout.connect(self._build_some)
        self.looking = QTimer(self, interval=LOOK_AGAIN_MILLISECONDS)
        self.looking.timeout.connect(self.wanted)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.search.setFocus)

    def show_view(self, view: View) -> None:
        comes_back = self._view.is_stale and not view.is_stale
        self._view = view
        held_by = tuple(
            reason
            for reason in (view.status.reasons if view.status is not None else ())
            if reason.kind is ReasonKind.PAUSED_BY_RULE
        )
        is_held_otherwise = held_by != self._held_by
        self._held_by = held_by
        for field in self.fields.values():
            field.show_stale(view.is_stale)
        self._show_gpus()
        self._say()
        if self.isVisible() and (comes_back or is_held_otherwise):
            self.wanted.emit()

    def show_status(self, status: SettingsStatus, awaited: frozenset[str] = frozenset()) -> None:
        """`awaited` names those of which a later change is on its way."""
        makes_anew = self.status is None or _forms(status) != _forms(self.status)
        self.status = status
        if makes_anew:
            self._make(status)
        for setting in status.settings:
            if setting.name in self.fields:
                self.fields[setting.name].show_setting(setting, awaited=setting.name in awaited)
        self.show_preview(status)
        self._filter()

    def not_read(self, problem: UserFacingError) -> None:
        """They cannot be had, as of an older agent; what was read before stays."""
        self._not_read = problem
        self._say()

    def show_preview(self, status: SettingsStatus) -> None:
        """What the rules among them let happen."""
        self.preview.show_status(status)

    def show_rules(self, decision: Decision) -> None:
        self._decision = decision
        told = rules_now(decision)
        for name, field in self.fields.items():
            field.show_rule(told.get(name))

    def refuse(self, name: str, problem: UserFacingError, awaited: frozenset[str] = frozenset()) -> None:
        if name in self.fields:
            self.fields[name].refuse(problem, awaited=name in awaited)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.looking.start()
        self.wanted.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.looking.stop()
        for field in self.fields.values():
            field.send()

    def _make(self, status: SettingsStatus) -> None:
        """Empty cards; their fields follow a few at a time, so that nothing waits for all of them."""
        for card in self.cards.values():
            card.hide()
            card.deleteLater()
        self.fields = {}
        self.cards = {page: SettingsCard(page) for page in Page if any(each.page is page for each in status.settings)}
        for card in self.cards.values():
            card.hide()
            self.column.insertWidget(self.column.count() - 1, card)
        self._missing = [setting.name for page in self.cards for setting in status.settings if setting.page is page]
        self._build_some()
        self.building.start()

    def _build_some(self) -> None:
        some, self._missing = self._missing[:FIELDS_AT_A_TIME], self._missing[FIELDS_AT_A_TIME:]
        if self.status is None or not some:
            self.building.stop()
            return
        for name in some:
            setting = self.status.named(name)
            self.fields[name] = self._field(setting)
            self.cards[setting.page].add(self.fields[name])
        self._show_gpus()
        self.show_rules(self._decision)
        self._filter()

    def build_all(self) -> None:
        """What is still missing, now."""
        while self.building.isActive():
            self._build_some()

    def _field(self, setting: Setting) -> SettingField:
        field = SettingField(setting, self._theme)
        field.wanted.connect(self.changed)
        field.tried.connect(self.tried)
        field.reset_wanted.connect(self.reset_wanted)
        field.show_stale(self._view.is_stale)
        return field

    def _show_gpus(self) -> None:
        if self._view.status is None:
            return
        for field in self.fields.values():
            if isinstance(field.editor, GpuRulesEditor):
                field.editor.show_gpus(self._view.status.gpus.gpus)

    def _search(self) -> None:
        self._filter()
        self.verticalScrollBar().setValue(0)

    def _filter(self) -> None:
        """Shows what is searched for; what its owner is typing stays in sight, a card that still grows out of it."""
        search, self._hidden = self.search.text(), 0
        unfinished = {self.status.named(name).page for name in self._missing} if self.status is not None else set()
        for page, card in self.cards.items():
            for field in card.fields:
                fits = settings_wording.matches(field.setting, search)
                is_open = not field.setting.is_for_experts or self.experts.isChecked()
                self._hidden += fits and not is_open
                field.setVisible((fits and is_open) or field.is_held)
            card.setVisible(page not in unfinished and any(not field.isHidden() for field in card.fields))
        self.preview.setVisible(not search.strip() and any(page in self.cards for page in PAGES_OF_RULES))
        self._say()

    def _say(self) -> None:
        if self.status is None and self._not_read is not None:
            self.line.say(settings_wording.not_read(self._not_read))
        elif self.status is None:
            self.line.say(settings_wording.NOT_HEARD_YET)
        elif self._view.is_stale:
            self.line.say(settings_wording.STALE)
        elif self.search.text().strip():
            matching = sum(not field.isHidden() for card in self.cards.values() for field in card.fields)
            self.line.say(settings_wording.found(matching, self._hidden))
        else:
            self.line.say(settings_wording.SAVED_AT_ONCE)


def _forms(status: SettingsStatus) -> tuple[tuple[JsonValue, ...], ...]:
    """What fields are made of; a newer agent has others."""
    return tuple(
        (each.name, each.page, each.shape, each.smallest, each.largest, each.may_be_off, *each.choices)
        for each in status.settings
    )
