"""Three numbers that are three different promises, and the account that explains every nanoton between them."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from cut_texts import assert_nothing_is_cut
from mulberry.desktop.connection import Link, View
from mulberry.desktop.earnings import EarningsPage
from mulberry.desktop.history import BARS_ON_OFFER, Bars, Range, range_window
from mulberry.desktop.theme import Theme
from mulberry.model.benchmark import Estimate
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from mulberry.model.text import LONGEST_TEXT
from mulberry.model.wallet import Difference
from samples import NOON, PROXY_KEY, a_status, a_wallet, an_account

ESTIMATE = Estimate(Nanoton(3_732_480_000), "Qwen3", "NVIDIA H200", 2, NOON, 1000)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> EarningsPage:
    made = EarningsPage(theme)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    return made


def texts(page: EarningsPage) -> str:
    QApplication.processEvents()  # new widgets appear with the next layout
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def view(link: Link = Link.ANSWERS) -> View:
    status = a_status()
    return View(link, replace(status, earnings=replace(status.earnings, paid=Nanoton(13_400))), a_wallet())


def test_each_stage_has_its_number_its_source_and_its_time(page: EarningsPage) -> None:
    page.show_view(view())
    assert {title: card.number.text() for title, card in page.stages.items()} == {
        "Earned": "0.00003216 TON",
        "Payable": "0.0000268 TON",
        "Paid": "0.0000134 TON",
    }
    for words in ("the proxy's word, as of", "signed payments held, as of", "seen on TON, as of"):
        assert words in texts(page)


def test_nothing_is_zero_before_it_is_known(page: EarningsPage) -> None:
    page.show_view(View())
    assert {card.number.text() for card in page.stages.values()} == {"–"}
    page.show_view(View(Link.ANSWERS, a_status()))
    assert page.stages["Paid"].number.text() == "–"
    assert page.stages["Paid"].source.text() == "not read yet"
    assert {number.text() for number in page.reconcile.numbers.values()} == {"–"}
    assert "Not compared yet." in texts(page)


def test_an_estimate_stands_apart_from_earned_money_and_only_where_it_was_measured(page: EarningsPage) -> None:
    page.show_view(view())
    assert not page.estimate.isVisible()
    told = view()
    assert told.status is not None
    page.show_view(replace(told, status=replace(told.status, estimate=ESTIMATE)))
    shown = texts(page)
    assert "Up to 3.73 TON an hour (play money)" in shown
    assert "An estimate, at full load: measured on NVIDIA H200 with Qwen3" in shown
    assert {title: card.number.text() for title, card in page.stages.items()}["Earned"] == "0.00003216 TON"
    page.show_view(view())
    assert not page.estimate.isVisible()


def test_stale_numbers_are_called_so(page: EarningsPage) -> None:
    page.show_view(view(Link.SILENT))
    assert all(card.number.property("stale") is True for card in page.stages.values())
    page.show_view(view())
    assert all(card.number.property("stale") is False for card in page.stages.values())


def test_the_owner_picks_the_time_and_the_bars(page: EarningsPage) -> None:
    asked: list[tuple[Range, Bars]] = []
    card = page.over_time
    card.wanted.connect(lambda: asked.append((card.shown, card.bars)))
    for shown in (Range.WEEK, Range.MONTH, Range.ALL, Range.DAY):
        QTest.mouseClick(card.ranges[shown], Qt.MouseButton.LeftButton)
        assert card.ranges[shown].isChecked()
        visible = tuple(bars for bars, button in card.lengths.items() if button.isVisible())
        offered = BARS_ON_OFFER[shown]
        assert set(visible) == (set(offered) if len(offered) > 1 else set())
    QTest.mouseClick(card.ranges[Range.WEEK], Qt.MouseButton.LeftButton)
    QTest.mouseClick(card.lengths[Bars.HOUR], Qt.MouseButton.LeftButton)
    assert asked[-1] == (Range.WEEK, Bars.HOUR)
    assert [shown for shown, _ in asked[:4]] == [Range.WEEK, Range.MONTH, Range.ALL, Range.DAY]


def test_an_answer_to_an_earlier_choice_is_not_drawn(page: EarningsPage) -> None:
    week = range_window(Range.WEEK, Bars.DAY, NOON)
    buckets = (EarningsBucket(week.start, Nanoton(5), 1),)
    page.over_time.show_earnings(week, buckets)
    assert page.over_time.chart.accessibleDescription() == "Nothing to show yet."
    QTest.mouseClick(page.over_time.ranges[Range.WEEK], Qt.MouseButton.LeftButton)
    page.over_time.show_earnings(range_window(Range.WEEK, Bars.HOUR, NOON), buckets)
    assert page.over_time.chart.accessibleDescription() == "Nothing to show yet."
    page.over_time.show_earnings(week, buckets)
    assert "0.000000005 TON earned" in page.over_time.chart.accessibleDescription()


def test_the_account_shows_every_difference_to_the_nanoton(page: EarningsPage) -> None:
    page.show_view(view())
    page.reconcile.show_account(an_account())
    shown = texts(page)
    for text in (
        "0.051020000 TON",
        "Not confirmed by the proxy yet.",
        "-0.001620000 TON",
        "demo-proxy · TEST: from what was counted to what was paid",
        "Together",
        "0.000000000 TON",
        "Settled: every difference is explained.",
    ):
        assert text in shown


def test_an_open_account_says_so_and_so_does_a_sum_that_is_not_zero(page: EarningsPage) -> None:
    page.show_view(view())
    line = Difference(PROXY_KEY, "<b>One nanoton</b> is nowhere.", Nanoton(1))
    account = replace(an_account(), differences=(*an_account().differences, line), is_settled=False)
    page.reconcile.show_account(account)
    shown = texts(page)
    assert "Open: not every difference is explained yet." in shown
    assert "+0.000000001 TON" in shown
    assert page.reconcile.verdict.property("look") == "warn"
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    page.reconcile.show_account(replace(an_account(), differences=()))
    assert "Settled: there is no difference." in texts(page)
    assert "Together" not in texts(page)
    page.reconcile.show_account(replace(an_account(), is_compared=False, is_settled=False))
    assert "Not compared with the chain yet." in texts(page)


def test_hostile_reasons_and_names_are_shown_as_text_and_cut(page: EarningsPage) -> None:
    hostile = "\u202e<b>gift</b>\x1b\0" + "9" * 2**20
    status = a_status()
    proxy = replace(status.proxies[0], name=hostile)
    page.show_view(View(Link.ANSWERS, replace(status, proxies=(proxy,)), a_wallet()))
    page.reconcile.show_account(replace(an_account(), differences=(Difference(PROXY_KEY, hostile, Nanoton(0)),)))
    assert "<b>gift</b>" in texts(page)
    for label in page.findChildren(QLabel):
        assert len(label.text()) <= LONGEST_TEXT + 1
        assert all(letter.isprintable() or letter == "\n" for letter in label.text())


def test_two_proxies_have_two_sums(page: EarningsPage) -> None:
    other = [replace(line, proxy="a1" * 32) for line in an_account().differences]
    page.show_view(view())
    page.reconcile.show_account(replace(an_account(), differences=(*an_account().differences, *other)))
    shown = texts(page)
    assert shown.count("Together") == 2
    assert "a1a1a1a1… · TEST: from" in shown


def test_it_can_be_compared_again(page: EarningsPage) -> None:
    asked: list[bool] = []
    page.reconcile.asked.connect(lambda: asked.append(True))
    QTest.mouseClick(page.reconcile.check, Qt.MouseButton.LeftButton)
    assert asked == [True]


@pytest.mark.parametrize("width", [1040, 760, 488])
def test_nothing_is_cut_at_any_width(page: EarningsPage, width: int, settle: Callable[[], None]) -> None:
    page.show_view(View(Link.ANSWERS, replace(a_status(), estimate=ESTIMATE), a_wallet()))
    page.reconcile.show_account(an_account())
    QTest.mouseClick(page.over_time.ranges[Range.WEEK], Qt.MouseButton.LeftButton)
    week = range_window(Range.WEEK, Bars.DAY, NOON)
    buckets = (EarningsBucket(start, Nanoton(10**17 + i), 1) for i, start in enumerate(week.edges[:-1]))
    page.over_time.show_earnings(week, tuple(buckets))
    page.resize(width, 640)
    settle()
    assert_nothing_is_cut(page)
