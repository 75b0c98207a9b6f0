"""The window: pages on the left, the demo banner on top of every page, and the two ways to quit, told apart."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from mulberry.desktop import wording
from mulberry.desktop.accessible import tell_roles
from mulberry.desktop.cards import MARGIN, Text, can_be_seen, in_reading_order, plain_button
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hardware_history import Histories
from mulberry.desktop.home import HomePage
from mulberry.desktop.icons import window_icon
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.news_strip import NewsStrip
from mulberry.desktop.sidebar import PAGE_TITLES, PAGES, Sidebar
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.places import DataFolder
from mulberry.model.text import plain

if TYPE_CHECKING:
    from mulberry.desktop.about_page import AboutPage
    from mulberry.desktop.attestation_page import AttestationPage
    from mulberry.desktop.earnings import EarningsPage
    from mulberry.desktop.hardware_page import HardwarePage
    from mulberry.desktop.jobs import JobsPage
    from mulberry.desktop.log_page import LogPage
    from mulberry.desktop.models_page import ModelsPage
    from mulberry.desktop.network_page import NetworkPage
    from mulberry.desktop.settings_page import SettingsPage
    from mulberry.desktop.wallet import WalletPage

AnyPage = TypeVar("AnyPage")

USUAL_SIZE = QSize(1280, 800)
FRAME = QSize(16, 48)  # about what a title bar and borders take: known only once they are there
WIDE_FROM = 860  # of the window
PAGE_KEYS = "1234567890"


class MainWindow(QMainWindow):
    """Shows what it is told to show and says what its owner asks for; it decides nothing.

    A page but Home is made when it is first wanted: the first frame waits for none, and none that nobody looks at costs
    memory or is told what is new.
    """

    closing = Signal()  # the owner closes the window; whoever hears it decides what becomes of it
    quit_asked = Signal()
    stop_and_quit_asked = Signal()
    help_asked = Signal()  # somebody is to help, and needs to know about this computer
    seen_again = Signal()  # after it was told something that nobody could see
    page_made = Signal(str)  # its name, one of `PAGES`
    first_steps_wanted = Signal()

    def __init__(self, theme: Theme, clock: Clock, jobs: JobsModel, transactions: TransactionsModel) -> None:
        super().__init__()
        self.theme = theme
        self._clock = clock
        self._view = View()
        self._is_behind = False
        tell_roles()
        self._knows_the_state = False
        self.setWindowTitle("Mulberry")
        self.setWindowIcon(window_icon())
        self.setMinimumSize(480, 340)
        self.resize(USUAL_SIZE)
        self.home = HomePage(theme, clock, jobs)
        self.histories = Histories()
        self._jobs = jobs
        self._transactions = transactions
        self._folder: DataFolder | None = None
        self._made: dict[str, Any] = {"Home": self.home}
        self.shown_page = "Home"
        self.pages = QStackedWidget()
        self.home.setAccessibleName(PAGE_TITLES["Home"])
        self.pages.addWidget(self.home)
        self.sidebar = Sidebar(theme)
        self.sidebar.page_chosen.connect(self._turn_to)
        self.sidebar.first_steps.clicked.connect(self.first_steps_wanted)
        self.home.last_jobs.all_wanted.connect(lambda: self.choose("Jobs"))
        self.home.state.rules_wanted.connect(lambda: self.choose("Settings"))
        self.quit_action = self._action(wording.QUIT_WINDOW, self.quit_asked, "Ctrl+Q")
        self.stop_and_quit_action = self._action(wording.STOP_AND_QUIT, self.stop_and_quit_asked)
        self.sidebar.menu.addActions([self.quit_action, self.stop_and_quit_action])
        self.sidebar.help.clicked.connect(self.help_asked)
        self.banner = Banner()
        self.notice = Notice()
        self.news = NewsStrip()
        self._lay_out()
        for number, key in enumerate(PAGE_KEYS):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{key}"), self)
            shortcut.activated.connect(lambda number=number: self.sidebar.choose(number))
        QShortcut(QKeySequence(QKeySequence.StandardKey.Close), self).activated.connect(self.close)
        QShortcut(QKeySequence(QKeySequence.StandardKey.HelpContents), self).activated.connect(self.help_asked)

    def fit_on_screen(self) -> None:
        """No larger than the screen has room for: not every system sees to that, and the way on is at the bottom."""
        self.resize(USUAL_SIZE.boundedTo(self.screen().availableSize() - FRAME))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.sidebar.show_narrow(event.size().width() < WIDE_FROM)

    def _action(self, text: str, asked: SignalInstance, keys: str = "") -> QAction:
        action = QAction(text, self)
        action.triggered.connect(lambda: asked.emit())
        if keys:
            action.setShortcut(QKeySequence(keys))
            self.addAction(action)
        return action

    def _lay_out(self) -> None:
        content = QVBoxLayout()
        content.setContentsMargins(in_reading_order(self, MARGIN, 20, 0, 0))
        content.setSpacing(16)
        for strip in (self.banner, self.notice):
            with_margin = QHBoxLayout()
            with_margin.setContentsMargins(in_reading_order(self, 0, 0, MARGIN, 0))
            with_margin.addWidget(strip)
            content.addLayout(with_margin)
        content.addWidget(self.pages, 1)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addLayout(content, 1)
        self.layers = QStackedWidget()
        self.news.float_over(whole)
        self.layers.addWidget(whole)
        self.setCentralWidget(self.layers)

    def show_in_front(self, layer: QWidget) -> None:
        """In place of the pages, until one of them is chosen."""
        if self.layers.indexOf(layer) < 0:
            self.layers.addWidget(layer)
        self.layers.setCurrentWidget(layer)

    def show_view(self, view: View) -> None:
        """Now, or when it can be seen again."""
        if view.status is not None and not view.is_stale:
            self.histories.add(view.status.gpus)
        self._view = view
        if can_be_seen(self):
            self._show()
        else:
            self._is_behind = True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_behind:
            self._is_behind = False
            self._show()
            self.seen_again.emit()

    def _show(self) -> None:
        view = self._view
        is_demo = view.status is None or view.status.network.is_demo
        self.banner.words.say(wording.demo_banner(view.status))
        self.banner.setVisible(is_demo)
        if view.status is not None:
            network = view.status.network
            self.sidebar.show_network(wording.network_title(network.name, network.title), is_demo=is_demo)
        for page in self._made.values():
            page.show_view(view)
        if not self._knows_the_state and view.link is not Link.STARTING:
            self._knows_the_state = True
            if self.layers.currentIndex() == 0:
                self.home.state.main.setFocus()  # from now on it can be pressed

    @property
    def earnings(self) -> "EarningsPage":
        from mulberry.desktop.earnings import EarningsPage

        return self._page("Earnings", lambda: EarningsPage(self.theme))

    @property
    def jobs(self) -> "JobsPage":
        from mulberry.desktop.jobs import JobsPage

        return self._page("Jobs", lambda: JobsPage(self.theme, self._clock, self._jobs))

    @property
    def wallet(self) -> "WalletPage":
        from mulberry.desktop.wallet import WalletPage

        return self._page("Wallet", lambda: WalletPage(self.theme, self._transactions))

    @property
    def network(self) -> "NetworkPage":
        from mulberry.desktop.network_page import NetworkPage

        return self._page("Network", lambda: NetworkPage(self.theme, self._clock))

    @property
    def models(self) -> "ModelsPage":
        from mulberry.desktop.models_page import ModelsPage

        return self._page("Models", lambda: ModelsPage(self.theme))

    @property
    def hardware(self) -> "HardwarePage":
        from mulberry.desktop.hardware_page import HardwarePage

        return self._page("Hardware", lambda: HardwarePage(self.theme, self._clock, self.histories))

    @property
    def attestation(self) -> "AttestationPage":
        from mulberry.desktop.attestation_page import AttestationPage

        return self._page("Attestation", lambda: AttestationPage(self.theme))

    @property
    def log(self) -> "LogPage":
        from mulberry.desktop.log_page import LogPage

        return self._page("Log", lambda: LogPage(self.theme, self._folder))

    @property
    def settings(self) -> "SettingsPage":
        from mulberry.desktop.settings_page import SettingsPage

        return self._page("Settings", lambda: SettingsPage(self.theme))

    @property
    def about(self) -> "AboutPage":
        from mulberry.desktop.about_page import AboutPage

        return self._page("About", lambda: AboutPage(self.theme, self._folder))

    def _page(self, name: str, make: Callable[[], AnyPage]) -> AnyPage:
        if name not in self._made:
            page: Any = make()
            self._made[name] = page
            page.setAccessibleName(PAGE_TITLES[name])
            self.pages.addWidget(page)
            page.show_view(self._view)
            self.page_made.emit(name)
        made: AnyPage = self._made[name]
        return made

    def _turn_to(self, place: int) -> None:
        page = getattr(self, PAGES[place].lower())
        self.shown_page = PAGES[place]
        self.pages.setCurrentWidget(page)
        self.layers.setCurrentIndex(0)

    def show_problem(self, problem: UserFacingError) -> None:
        """Something that was asked for did not work; shown until it is closed."""
        self.notice.say(problem)
        self.home.state.failed()

    def choose(self, page: str) -> None:
        """Turns to the page of that name, one of `PAGES`."""
        self.sidebar.choose(PAGES.index(page))
        self.layers.setCurrentIndex(0)  # also where that page was chosen already

    def show_folder(self, folder: DataFolder) -> None:
        """Whose logs and places are shown, from before these pages are made."""
        self._folder = folder

    def come_forward(self) -> None:
        """In front of the other windows, also when it was hidden or minimised."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.ignore()
        self.closing.emit()


class Banner(QFrame):
    """One strip on top of every page."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "banner")
        self.words = Text("", "warn", wraps=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 7, 16, 7)
        row.addWidget(self.words)


class Notice(QFrame):
    """What went wrong, why, and what to do next, until the owner has read it. The evidence is in the tool tip."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("look", "card")
        self.setAccessibleName(tr("Problem"))
        self.what = Text("", "bad", wraps=True)
        self.next_step = Text("", "value", wraps=True)
        self.close_button = plain_button(tr("Close"))
        self.close_button.clicked.connect(self.hide)
        words = QVBoxLayout()
        words.addWidget(self.what)
        words.addWidget(self.next_step)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 10, 16, 10)
        row.addLayout(words, 1)
        row.addWidget(self.close_button)
        self.hide()

    def say(self, problem: UserFacingError) -> None:
        self.what.say(problem.what)
        self.next_step.say(f"{problem.why} {problem.next_step}")
        self.setToolTip(f"<p>{escape(plain(problem.detail, lines=True))}</p>" if problem.detail else "")
        self.show()
