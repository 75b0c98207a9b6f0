"""The numbers that decide whether somebody goes on: none is shown without its source, and none that is not known."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from cut_texts import assert_nothing_is_cut
from mulberry.desktop import net_wording
from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.earnings import EarningsPage
from mulberry.desktop.history import Span
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.net_feed import ASK_AGAIN, NetFeed
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.host import Finding
from mulberry.model.money import Nanoton
from mulberry.model.net import NetStatus
from net_samples import A_NET, A_PLAY_NET
from samples import NOON, a_status


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> EarningsPage:
    made = EarningsPage(theme)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    return made


def values(page: EarningsPage, span: Span = Span.TODAY) -> dict[str, str]:
    shown = page.net.periods[span].facts.values
    return dict(zip(net_wording.NAMES, (value.text() for value in shown), strict=True))


def test_each_period_has_its_numbers(page: EarningsPage) -> None:
    page.net.show_net(A_NET)
    assert values(page) == {
        "Earned": "0.4125 TON",
        "Worth now": "1.217 EUR",
        "Electricity": "0.580 EUR",
        "Net": "0.637 EUR",
        "Net per hour": "0.127 EUR",
        "Worked": "5 h 0 min",
    }
    assert values(page, Span.WEEK)["Net"] == "-0.553 EUR", "a sign, not only a colour"
    assert values(page, Span.MONTH)["Worked"] == "288 h 0 min"
    assert page.net.notes.text().splitlines() == [
        "1 TON costs 2.950 EUR. As you typed it on 2026-11-20; it is used until 2026-11-27.",
        "1 kWh costs 0.312 EUR. As you typed it, for this hour of the day.",
    ]


def test_every_number_says_where_it_comes_from_and_as_of_when(page: EarningsPage) -> None:
    page.net.show_net(A_NET)
    sources = [value.accessibleDescription() for value in page.net.periods[Span.TODAY].facts.values]
    assert all(source.endswith("As of 12:00:00.") for source in sources)
    assert sources[2].startswith("1.860 kWh drawn. Measured by the GPU's own energy meter. 0.300 kWh of it are")
    assert sources[3].startswith("What the earnings are worth today, less their electricity.")


def test_what_is_not_known_is_a_dash_with_its_reason(page: EarningsPage) -> None:
    assert set(values(page).values()) == {"–"}
    page.net.show_net(A_PLAY_NET)
    found = values(page)
    assert [found[name] for name in ("Worth now", "Net", "Net per hour")] == ["–"] * 3
    assert found["Electricity"] == "0.580 EUR", "what electricity costs is real on a demo network too"
    net = page.net.periods[Span.TODAY].facts.values[3]
    assert net.accessibleDescription() == "Not known. Play money has no price. As of 12:00:00."
    assert "What the earnings are worth is not known. Play money has no price." in page.net.notes.text()


def test_the_keyboard_reads_every_number(page: EarningsPage, settle: Callable[[], None]) -> None:
    page.net.show_net(A_NET)
    page.activateWindow()
    settle()
    for block in page.net.periods.values():
        assert "net earnings" in block.accessibleName().lower()
        stops = [value for value in block.facts.values if value.focusPolicy() & Qt.FocusPolicy.TabFocus]
        assert len(stops) == 1
        stops[0].setFocus()
        QTest.keyClick(stops[0], Qt.Key.Key_Right)
        focused = QApplication.focusWidget()
        assert focused is block.facts.values[1]
        assert focused.accessibleName().startswith("Worth now: ")


@pytest.mark.parametrize("width", [1040, 600, 488])
@pytest.mark.parametrize(
    "net",
    [
        A_NET,
        A_PLAY_NET,
        replace(
            A_NET,
            at_loss=Finding(True, "By the last 3 h 0 min of work, at the prices of now."),
            last_30_days=replace(A_NET.last_30_days, gross=Nanoton(10**18), net=Finding(-(10**12), "absurd")),
        ),
    ],
    ids=["real", "play", "absurd"],
)
def test_nothing_is_cut_at_any_width(
    page: EarningsPage, net: NetStatus, width: int, settle: Callable[[], None]
) -> None:
    page.resize(width, 740)
    page.net.show_net(net)
    settle()
    assert_nothing_is_cut(page)


class Line(Connection):
    """Counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def fetch_net(self) -> None:
        self.asked += 1
        self.net_read.emit(A_NET)

    def hears(self, seconds: float = 0) -> None:
        self.view = View(Link.ANSWERS, replace(a_status(), as_of=NOON + timedelta(seconds=seconds)))
        self.viewed.emit(self.view)


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, clock: SettableClock) -> Iterator[MainWindow]:
    made = MainWindow(theme, clock, JobsModel(), TransactionsModel())
    qtbot.addWidget(made)
    yield made
    made.closing.connect(made.hide)


def test_only_who_looks_at_the_page_has_it_asked_for(window: MainWindow) -> None:
    line = Line()
    NetFeed(line, window)
    window.choose("Earnings")
    line.hears()
    assert line.asked == 0, "the window is hidden"
    window.show()
    window.choose("Home")
    line.hears()
    assert line.asked == 0
    window.choose("Earnings")
    assert line.asked == 1
    line.hears(ASK_AGAIN.total_seconds() / 2)
    assert line.asked == 1
    line.hears(ASK_AGAIN.total_seconds())
    assert line.asked == 2
    line.hears(-3600)
    assert line.asked == 3, "the clock was set back"
    assert values(window.earnings)["Net"] == "0.637 EUR"
