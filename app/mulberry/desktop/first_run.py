"""The first steps, in front of the window's pages: one question at a time, and the buttons that go on, back, away."""

from itertools import pairwise

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from mulberry.desktop import first_run_wording
from mulberry.desktop.cards import MARGIN, Page, Text, in_reading_order, narrow, plain_button
from mulberry.desktop.connection import Link, View
from mulberry.desktop.first_run_habits import AutostartPage, NewsPage, WhenPage
from mulberry.desktop.first_run_pages import (
    CanEarnPage,
    EndPage,
    KeyPage,
    NetworkPage,
    OwnerPage,
    StepPage,
    WelcomePage,
)
from mulberry.desktop.icons import mark_pixmap
from mulberry.desktop.theme import Theme
from mulberry.desktop.wording import NO_ANSWER
from mulberry.model.errors import UserFacingError
from mulberry.model.first_run import FirstRun, FirstStep
from mulberry.model.language import tr

WIDEST = 760


class FirstSteps(QWidget):
    """Shows the page of a `FirstRun`; what its owner decides is for whoever hears the signals."""

    back_wanted = Signal()
    skip_wanted = Signal()
    continue_wanted = Signal()
    later_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._view = View()
        self._is_waiting = False
        self.state = FirstRun()
        self.setAccessibleName(tr("First steps"))
        self.welcome = WelcomePage()
        self.can_earn = CanEarnPage(theme)
        self.network = NetworkPage(theme)
        self.owner = OwnerPage()
        self.key = KeyPage()
        self.when = WhenPage(theme)
        self.autostart = AutostartPage(theme)
        self.news = NewsPage(theme)
        self.end = EndPage()
        self.pages: dict[FirstStep, StepPage] = {
            FirstStep.WELCOME: self.welcome,
            FirstStep.CAN_EARN: self.can_earn,
            FirstStep.NETWORK: self.network,
            FirstStep.OWNER: self.owner,
            FirstStep.KEY: self.key,
            FirstStep.WHEN: self.when,
            FirstStep.AUTOSTART: self.autostart,
            FirstStep.NEWS: self.news,
            FirstStep.END: self.end,
        }
        self.sheets = QStackedWidget()
        self._sheet_of = {step: self._sheet(page) for step, page in self.pages.items()}
        self._mark = QLabel()
        self._mark.setAccessibleName(tr("Mulberry's mark"))
        self.progress = Text("", "label")
        self.later = plain_button(first_run_wording.LATER)
        self.back = plain_button(first_run_wording.BACK)
        self.skip = plain_button(first_run_wording.SKIP)
        self.go_on = QPushButton(first_run_wording.CONTINUE)
        self.go_on.setProperty("look", "main")
        self.problem = narrow(Text("", "bad", wraps=True))
        self.problem.hide()
        self.silence = narrow(Text(NO_ANSWER, "warn", wraps=True))
        self.silence.hide()
        self._ordering = QTimer(self, interval=0, singleShot=True)  # when what is new has its place
        self._ordering.timeout.connect(self._order)
        self._lay_out()
        self._listen()
        self._draw()
        theme.changed.connect(self._draw)

    def _sheet(self, page: StepPage) -> Page:
        sheet = Page()
        sheet.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        sheet.column.addWidget(page)
        sheet.column.addStretch(1)
        self.sheets.addWidget(sheet)
        return sheet

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self._mark)
        head.addWidget(Text("Mulberry", "brand"))
        head.addStretch()
        head.addWidget(self.progress)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.back)
        foot.addWidget(self.later)
        foot.addStretch()
        foot.addWidget(self.skip)
        foot.addWidget(self.go_on)
        whole = QWidget()
        whole.setMaximumWidth(self._theme.px(WIDEST))
        column = QVBoxLayout(whole)
        column.setContentsMargins(in_reading_order(self, MARGIN, 24, 0, 20))
        column.setSpacing(20)
        for part in (head, foot):
            part.setContentsMargins(in_reading_order(self, 2, 0, MARGIN, 0))
        column.addLayout(head)
        column.addWidget(self.sheets, 1)
        for text in (self.silence, self.problem):
            line = QHBoxLayout()
            line.setContentsMargins(in_reading_order(self, 2, 0, MARGIN, 0))
            line.addWidget(text)
            column.addLayout(line)
        column.addLayout(foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(whole, 1000)
        row.addStretch(1)

    def _listen(self) -> None:
        self.later.clicked.connect(self.later_wanted)
        self.back.clicked.connect(self.back_wanted)
        self.skip.clicked.connect(self.skip_wanted)
        self.go_on.clicked.connect(self.continue_wanted)
        self._on_key(Qt.Key.Key_Escape, self.later.click)
        self._on_key(Qt.Key.Key_Return, self._enter)
        self._on_key(Qt.Key.Key_Enter, self._enter)
        self._on_key(QKeySequence(QKeySequence.StandardKey.Back), self.back.click)

    def _on_key(self, keys: Qt.Key | QKeySequence, act: object) -> None:
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(act)

    def _enter(self) -> None:
        """Goes on; on a button it presses that one."""
        focused = QApplication.focusWidget()
        (focused if isinstance(focused, QPushButton) else self.go_on).click()

    @property
    def page(self) -> StepPage:
        return self.pages[self.state.step]

    def show_state(self, state: FirstRun) -> None:
        """Turns to its page."""
        turns = state.step is not self.state.step or not self.isVisible()
        self.state = state
        self.problem.hide()
        self.sheets.setCurrentWidget(self._sheet_of[state.step])
        self._say()
        if turns:
            self._sheet_of[state.step].verticalScrollBar().setValue(0)
            self.take_focus()

    def filled(self) -> None:
        """Something on a page is new."""
        self._ordering.start()

    def take_focus(self) -> None:
        if self.isVisibleTo(self.window()):
            (self.page.first_focus() or self.go_on).setFocus(Qt.FocusReason.OtherFocusReason)

    def show_view(self, view: View) -> None:
        self._view = view
        self.silence.setVisible(view.link is Link.SILENT)
        self._say()

    def wait(self, *, words: str = first_run_wording.ONE_MOMENT) -> None:
        """What was decided is being done; `go_on` waits for that."""
        self._is_waiting = True
        self.problem.hide()
        self._say(words)

    def done(self) -> None:
        """It was done, or `say` tells why not."""
        had_focus = QApplication.focusWidget() is None
        self._is_waiting = False
        self._say()
        if had_focus and self.isVisible():  # a disabled button loses the keyboard; it gets it back
            self.go_on.setFocus(Qt.FocusReason.OtherFocusReason)

    def say(self, problem: UserFacingError) -> None:
        """What was decided could not be done."""
        self.problem.say(str(problem))
        self.problem.show()

    def _say(self, waiting: str = first_run_wording.ONE_MOMENT) -> None:
        state, status = self.state, self._view.status
        self.progress.say(first_run_wording.progress(state))
        self.page.show_view(self._view, state)
        words = first_run_wording.skip_button(state, status)
        self.skip.setText(words)
        self.skip.setVisible(bool(words))
        self.back.setVisible(state.number > 1)
        self.later.setVisible(state.step is not FirstStep.END)
        self.go_on.setText(waiting if self._is_waiting else first_run_wording.continue_button(state, status))
        for button in (self.go_on, self.skip, self.back, self.later):
            button.setEnabled(not self._is_waiting)
        self._ordering.start()

    def _order(self) -> None:
        """Tab goes as one reads, also to what the agent's answers have added."""
        page = self.page

        def place(widget: QWidget) -> tuple[int, int]:
            corner = widget.mapTo(page, QPoint())
            return corner.y(), -corner.x() if self.isRightToLeft() else corner.x()

        tabs = [one for one in page.findChildren(QWidget) if one.focusPolicy() & Qt.FocusPolicy.TabFocus]
        for before, after in pairwise((*sorted(tabs, key=place), self.back, self.later, self.skip, self.go_on)):
            QWidget.setTabOrder(before, after)

    def _draw(self) -> None:
        size = self._theme.px(24)
        self._mark.setPixmap(mark_pixmap(self._theme.colours.earn, size, self.devicePixelRatioF()))
