"""Who is told whether this computer can earn, and when it is asked: the page that shows it, and the Home page."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.window import MainWindow

if TYPE_CHECKING:  # the page is made when it is first looked at
    from mulberry.desktop.hardware_page import HardwarePage
    from mulberry.model.eligibility import Computer, EligibilityReport


class EligibilityFeed(QObject):
    def __init__(self, connection: Connection, screen: MainWindow) -> None:
        super().__init__(screen)
        self._connection = connection
        self._screen = screen
        self._page: HardwarePage | None = None
        self._link = Link.STARTING
        self._report: EligibilityReport | None = None
        connection.viewed.connect(self._viewed)
        connection.eligibility_read.connect(self._read)
        screen.page_made.connect(self._attend)
        screen.home.can_earn.more_wanted.connect(self.show_page)

    def show_page(self) -> None:
        from mulberry.desktop.hardware_page import Part

        self._screen.hardware.show_part(Part.ELIGIBILITY)
        self._screen.choose("Hardware")

    def _attend(self, name: str) -> None:
        if name != "Hardware":
            return
        self._page = page = self._screen.hardware
        self._connection.eligibility_not_read.connect(page.eligibility.show_problem)
        self._connection.computer_read.connect(self._show_computer)
        page.eligibility_wanted.connect(self._connection.fetch_eligibility)
        page.computer_wanted.connect(self._connection.fetch_computer)
        page.eligibility.home_wanted.connect(lambda: self._screen.choose("Home"))
        if self._report is not None:
            page.eligibility.show_report(self._report)

    def _viewed(self, view: View) -> None:
        """Once for the Home page, when the agent is first heard; the other page asks for itself."""
        was, self._link = self._link, view.link
        is_seen = self._page is not None and self._page.eligibility.isVisible()
        if view.link is Link.ANSWERS and was is not Link.ANSWERS and not is_seen:
            self._connection.fetch_eligibility(False)
        self._tell_home(view)

    def _read(self, report: "EligibilityReport") -> None:
        self._report = report
        if self._page is not None:
            self._page.eligibility.show_report(report)
        self._tell_home(self._connection.view)

    def _tell_home(self, view: View) -> None:
        from mulberry.desktop import eligibility_wording

        if self._report is not None and view.status is not None:
            line = eligibility_wording.home_line(self._report, view.status.network.name)
            self._screen.home.can_earn.show_line(line)

    def _show_computer(self, computer: "Computer") -> None:
        if self._page is not None:
            self._page.gpus.show_computer(computer.host, computer.confidential)
