"""What happens when: ties the line to the agent, the window, the tray and the jobs together."""

from PySide6.QtCore import QObject, QSettings, QTimer, Signal
from PySide6.QtWidgets import QMessageBox

from mulberry.client.first_run import FirstRunFile
from mulberry.desktop import wording
from mulberry.desktop.chart_feed import ChartFeed
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.diagnosis_feed import DiagnosisFeed
from mulberry.desktop.eligibility_feed import EligibilityFeed
from mulberry.desktop.first_run_feed import FirstRunFeed
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.look_feed import LookFeed
from mulberry.desktop.money_feed import MoneyFeed
from mulberry.desktop.news_feed import NewsFeed
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.tray import Tray
from mulberry.desktop.window import MainWindow
from mulberry.desktop.wording import proxy_name
from mulberry.model.clock import Clock
from mulberry.model.language import tr
from mulberry.model.node import Want

GOES_ON_IN_TRAY = tr("The window is closed. Mulberry goes on; its icon here opens it again.")
GOES_ON_WITHOUT_WINDOW = tr("Mulberry goes on earning without its window.")
HOW_TO_COME_BACK = tr("Start Mulberry again to see it, or stop it with `mulberry stop`.")
TRAY_WAIT_MILLISECONDS = 60_000
TOLD_ABOUT_CLOSING = "told_about_closing"


class Desktop(QObject):
    """Closing the window stops nothing; only "Stop earning and quit" does."""

    ended = Signal()  # the window's process may end; the agent goes on
    stop_and_quit_asked = Signal()

    def __init__(
        self,
        theme: Theme,
        clock: Clock,
        connection: Connection,
        tray: Tray,
        memory: QSettings,
        first_run: FirstRunFile,
        network: str,
    ) -> None:
        """`memory` keeps the window's place and what its owner has been told. `network` is the one it shows."""
        super().__init__()
        self.theme = theme
        self._clock = clock
        self.connection = connection
        self.tray = tray
        self.jobs = JobsModel(self)
        self.transactions = TransactionsModel(self)
        self.window = MainWindow(theme, clock, self.jobs, self.transactions)
        self.charts = ChartFeed(connection, self.window, clock)
        self.money = MoneyFeed(connection, self.window, self.transactions, clock)
        self.eligibility = EligibilityFeed(connection, self.window)
        self.look = LookFeed(connection, self.window, theme, memory)
        self.news = NewsFeed(connection, self.window, tray, clock, memory)
        self.diagnosis = DiagnosisFeed(connection, self.window, theme)
        self.window.page_made.connect(self._attend)
        self.window.seen_again.connect(self.charts.look_again)
        self.window.seen_again.connect(self.money.look_again)
        self.first_run = FirstRunFeed(connection, self.window, first_run, network, clock)
        self._memory = memory
        self._link = Link.STARTING
        self.has_ended = False
        self._question: QMessageBox | None = None
        self._hearing = connection.viewed.connect(self._viewed)
        connection.failed.connect(self.window.show_problem)
        connection.jobs_booked.connect(self.jobs.add)
        connection.jobs_fetched.connect(self.jobs.put)
        connection.jobs_not_fetched.connect(self.jobs.not_available)
        self.jobs.wanted.connect(connection.fetch_jobs)
        self.window.home.state.asked.connect(connection.send)
        self.window.closing.connect(self._close)
        tray.asked.connect(connection.send)
        tray.open_asked.connect(self.come_forward)
        tray.gone.connect(self._stay_reachable)
        for face in (self.window, tray):
            face.quit_asked.connect(self.end)
            face.stop_and_quit_asked.connect(self.stop_and_quit_asked)
        geometry = memory.value("geometry")
        if geometry is None:
            self.window.fit_on_screen()
        else:
            self.window.restoreGeometry(geometry)
        self.first_run.open_unless_done(is_new=geometry is None)

    def come_forward(self) -> None:
        self.window.come_forward()

    def wait_for_tray(self) -> None:
        """Stays hidden. Without a tray, which may come some time after the login, nothing shows it: then it ends."""
        QTimer.singleShot(TRAY_WAIT_MILLISECONDS, self, self._end_unless_seen)

    def _stay_reachable(self) -> None:
        """A window that only the tray's icon could open again."""
        if not self.window.isVisible():
            self.window.showMinimized()

    def _end_unless_seen(self) -> None:
        if not self.tray.is_shown and not self.window.isVisible():
            self.end()

    def _attend(self, page: str) -> None:
        """What happens on a page is made with the page."""
        connection, window, theme = self.connection, self.window, self.theme
        match page:
            case "Earnings":
                from mulberry.desktop.net_feed import NetFeed

                NetFeed(connection, window)
            case "Jobs":
                from mulberry.desktop.jobs_columns import REMEMBERED, remembered, written
                from mulberry.desktop.jobs_feed import JobsFeed

                JobsFeed(connection, window.jobs, self.jobs, theme, self._clock)
                window.jobs.choose_columns(remembered(self._memory.value(REMEMBERED)))
                window.jobs.columns_chosen.connect(lambda columns: self._memory.setValue(REMEMBERED, written(columns)))
            case "Wallet":
                from mulberry.desktop.key_feed import KeyFeed

                KeyFeed(connection, window.wallet.key, theme)
            case "Models":
                from mulberry.desktop.models_feed import ModelsFeed

                ModelsFeed(connection, window.models, theme)
            case "Hardware":
                from mulberry.desktop.gpu_setup_feed import GpuSetupFeed

                GpuSetupFeed(connection, window.hardware)
            case "Attestation":
                from mulberry.desktop.attestation_feed import AttestationFeed

                AttestationFeed(connection, window.attestation)
            case "Log":
                window.log.help.clicked.connect(window.help_asked)
            case "Settings":
                from mulberry.desktop.settings_feed import SettingsFeed

                SettingsFeed(connection, window.settings).told.connect(self.look.told)
            case "About":
                from mulberry.desktop.update_feed import UpdateFeed

                UpdateFeed(connection, window.about.updates)

    def end(self) -> None:
        """Once: a signal may come while the window is ending already."""
        if self.has_ended:
            return
        self.has_ended = True
        QObject.disconnect(self._hearing)  # what is still heard finds no menu any more
        self._memory.setValue("geometry", self.window.saveGeometry())
        self._memory.sync()
        self.window.hide()
        self.tray.close()
        self.ended.emit()

    def _viewed(self, view: View) -> None:
        if self._link is Link.SILENT and view.link is Link.ANSWERS:
            self.jobs.forget()  # jobs may have been confirmed meanwhile
            self.window.notice.hide()
        self._link = view.link
        if view.status is not None and not view.is_stale:
            status = view.status
            is_demo = status.network.is_demo
            names = {proxy.public_key: proxy.public_key for proxy in status.proxies}
            names = {key: proxy_name(key, status.proxies, is_demo=is_demo) for key in names}
            self.jobs.set_context(status.as_of, names)
            self.jobs.set_total(status.earnings.jobs_total)
        self.window.show_view(view)
        self.tray.show_view(view)

    def _close(self) -> None:
        told = bool(self._memory.value(TOLD_ABOUT_CLOSING, defaultValue=False, type=bool))
        if self.tray.is_shown:
            self.window.hide()
            if not told:
                self._memory.setValue(TOLD_ABOUT_CLOSING, True)
                self.tray.say(GOES_ON_IN_TRAY)
        elif told or not self._wants_to_earn():
            self.end()
        else:
            self._ask_before_closing()

    def _wants_to_earn(self) -> bool:
        status = self.connection.view.status
        return status is not None and status.intent.want in (Want.START, Want.PAUSE)

    def _ask_before_closing(self) -> None:
        """Without a tray nothing shows any more that work goes on, so it is said once, before the window closes."""
        if self._question is not None:
            return
        question = QMessageBox(self.window)
        question.setWindowTitle("Mulberry")
        question.setText(GOES_ON_WITHOUT_WINDOW)
        question.setInformativeText(HOW_TO_COME_BACK)
        close = question.addButton(tr("Close the window"), QMessageBox.ButtonRole.AcceptRole)
        stop = question.addButton(wording.STOP_AND_QUIT, QMessageBox.ButtonRole.DestructiveRole)
        question.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(close)
        self._question = question

        def answered() -> None:
            self._question = None
            question.deleteLater()
            if question.clickedButton() is close:
                self._memory.setValue(TOLD_ABOUT_CLOSING, True)
                self.end()
            elif question.clickedButton() is stop:
                self.stop_and_quit_asked.emit()

        question.finished.connect(answered)
        question.open()
