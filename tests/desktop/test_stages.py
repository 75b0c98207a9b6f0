"""Earned, payable and paid are different promises: nobody may take one for the other, with or without eyes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QTableWidget
from pytestqt.qtbot import QtBot

from mulberry.desktop.history import BARS_ON_OFFER, FEWEST_BARS, Bars, Range, Window, from_first_work, range_window
from mulberry.desktop.stages import EARNED, PAID, PARTS, PAYABLE, StagesChart, moment, ticks
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON

DAY = range_window(Range.DAY, Bars.HOUR, NOON)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
BUCKETS_AT_MOST = 500  # what the control API gives in one answer
OFFERED = [(shown, bars) for shown, offered in BARS_ON_OFFER.items() for bars in offered]


def steps(window: Window, *amounts: tuple[int, int, int], payouts: int = 0) -> tuple[EarningsBucket, ...]:
    """Buckets of which so much was earned, is payable and is paid; the rest of `window` is empty."""
    filled = [*amounts, *[(0, 0, 0)] * (window.steps - len(amounts))]
    return tuple(
        EarningsBucket(start, Nanoton(earned), earned and 1, Nanoton(payable), Nanoton(paid), Nanoton(payouts))
        for start, (earned, payable, paid) in zip(window.edges, filled, strict=False)
    )


@pytest.fixture
def chart(qtbot: QtBot, theme: Theme) -> StagesChart:
    made = StagesChart(theme)
    qtbot.addWidget(made)
    made.resize(800, 240)
    made.show()
    return made


def painted(chart: StagesChart, colour: str) -> int:
    """How many pixels have exactly that colour."""
    image = chart.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = memoryview(image.constBits()).cast("B").cast("I").tolist()
    return pixels.count(0xFF00_0000 | int(colour[1:], 16))


def test_the_three_stages_have_three_sources() -> None:
    assert len({stage.source for stage in (EARNED, PAYABLE, PAID)}) == 3


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(0, 10**18))
def test_a_bars_parts_sum_to_what_was_earned(first: int, second: int, third: int) -> None:
    paid, payable, earned = sorted((first, second, third))
    step = EarningsBucket(NOON, Nanoton(earned), 1, Nanoton(payable), Nanoton(paid))
    assert sum(part.amount(step) for part in PARTS) == earned
    assert all(part.amount(step) >= 0 for part in PARTS)


@given(st.integers(1, 10**19))
def test_the_scale_is_round_and_reaches_over_every_bar(most: int) -> None:
    found = ticks(most)
    assert 1 <= len(found) <= 4
    assert found[-1] >= most > found[-1] - found[0]
    assert str(found[0]).rstrip("0") in ("1", "2", "5")
    assert ticks(0) == []


def test_hollow_and_solid_are_told_apart_without_colour(chart: StagesChart, theme: Theme) -> None:
    nothing = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (1_000, 0, 0)))
    hollow = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (1_000, 1_000, 1_000)))
    solid = painted(chart, theme.colours.earn)
    assert nothing == 0
    assert 0 < hollow * 3 < solid


def test_where_bars_are_too_narrow_to_be_hollow_what_is_unpaid_is_pale(chart: StagesChart, theme: Theme) -> None:
    hours = range_window(Range.WEEK, Bars.HOUR, NOON)
    chart.show_earnings(hours, steps(hours, *[(1_000, 0, 0)] * hours.steps))
    assert painted(chart, theme.colours.earn) == 0
    chart.show_earnings(hours, steps(hours, *[(1_000, 1_000, 1_000)] * hours.steps))
    assert painted(chart, theme.colours.earn) > 0


def test_payable_is_striped_in_the_colour_of_promises(chart: StagesChart, theme: Theme) -> None:
    chart.show_earnings(DAY, steps(DAY, (1_000, 1_000, 0)))
    assert painted(chart, theme.colours.promised) > 0
    assert painted(chart, theme.colours.earn) == 0


def test_all_bars_stand_on_one_scale(chart: StagesChart, theme: Theme) -> None:
    chart.show_earnings(DAY, steps(DAY, (1_000, 1_000, 1_000)))
    alone = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (1_000, 1_000, 1_000), (4_000, 4_000, 0)))
    assert painted(chart, theme.colours.earn) < alone / 3


def test_one_nanoton_beside_a_fortune_is_still_seen(chart: StagesChart, theme: Theme) -> None:
    fortune = (10**18, 10**18, 10**18)
    chart.show_earnings(DAY, steps(DAY, fortune))
    alone = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, fortune, (1, 1, 1)))
    assert painted(chart, theme.colours.earn) > alone


def test_a_payout_is_marked_when_it_arrived_and_not_when_its_money_was_earned(chart: StagesChart, theme: Theme) -> None:
    chart.show_earnings(DAY, steps(DAY))
    nothing = painted(chart, theme.colours.text)
    chart.show_earnings(DAY, steps(DAY, payouts=5))
    assert painted(chart, theme.colours.text) > nothing
    assert "payouts of 0.000000005 TON arrived" in chart.step_words(0)


def test_what_is_seen_is_also_said(chart: StagesChart) -> None:
    assert chart.accessibleDescription() == "Nothing to show yet."
    chart.show_earnings(DAY, steps(DAY, (3, 3, 1), (4, 1, 0)))
    said = chart.accessibleDescription()
    for words in (
        "0.000000007 TON earned: 0.000000001 TON paid; ",
        "0.000000003 TON signed, not paid yet; ",
        "0.000000003 TON not signed yet.",
        "Press Enter",
    ):
        assert words in said


def test_the_keyboard_reads_bar_by_bar(chart: StagesChart) -> None:
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.accessibleDescription() == "Nothing to show yet."
    chart.show_earnings(DAY, steps(DAY, *[(n, 0, 0) for n in range(1, DAY.steps + 1)]))
    read = []
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_End):
        QTest.keyClick(chart, key)
        read.append(chart.accessibleDescription())
    assert read == [chart.step_words(number) for number in (23, 22, 0, 0, 1, 23)]
    chart.show_earnings(DAY, steps(DAY, (9, 9, 9)))
    assert chart.accessibleDescription() == chart.step_words(23), "new numbers, same bar"
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.accessibleDescription() == chart.summary()


def test_the_table_has_the_same_numbers_newest_first(chart: StagesChart) -> None:
    shown = list(steps(DAY, (3, 2, 1), (0, 0, 0), (0, 0, 0)))
    shown[2] = replace(shown[2], payouts=Nanoton(5))
    chart.show_earnings(DAY, tuple(shown))
    QTest.keyClick(chart, Qt.Key.Key_Return)
    dialog = chart.findChild(QDialog)
    assert dialog is not None
    table = dialog.findChild(QTableWidget)
    assert table is not None
    model = table.model()
    cells = [[model.index(row, column).data() for column in range(7)] for row in range(table.rowCount())]
    first, third = (moment(DAY.edges[i], DAY) for i in (0, 2))
    none, one = "0.0000 TON", "0.000000001 TON"
    assert cells == [
        [third, none, none, none, none, "0.000000005 TON", "0"],
        [first, "0.000000003 TON", one, one, one, none, "1"],
    ]
    dialog.close()


@pytest.mark.parametrize("width", [240, 400, 1400])
def test_any_number_of_bars_can_be_drawn(
    chart: StagesChart, width: int, settle: Callable[[], None], theme: Theme
) -> None:
    chart.resize(width, chart.height())
    for how_many in (1, 2, 168, 260):
        edges = tuple(NOON + timedelta(hours=number) for number in range(how_many + 1))
        window = Window(Range.ALL, 3600, edges)
        chart.show_earnings(window, steps(window, *[(5, 4, 3)] * how_many))
        settle()
        assert painted(chart, theme.colours.earn) > 0
    chart.show_earnings(Window(Range.ALL, 3600, (NOON, NOON)), ())
    settle()
    assert chart.accessibleDescription() == "Nothing to show yet."


@given(st.sampled_from(OFFERED), MOMENTS)
def test_every_choice_ends_with_the_present_and_fits_one_answer(choice: tuple[Range, Bars], now: datetime) -> None:
    shown = range_window(*choice, now)
    assert shown.edges[-2] <= now < shown.edges[-1]
    assert shown.steps <= BUCKETS_AT_MOST


def test_weeks_begin_on_mondays() -> None:
    assert range_window(Range.MONTH, Bars.WEEK, NOON).start.astimezone().weekday() == 0
    assert range_window(Range.ALL, Bars.WEEK, NOON).steps == 260


def test_all_time_begins_with_the_first_work_but_is_never_one_wide_bar() -> None:
    weeks = range_window(Range.ALL, Bars.WEEK, NOON)
    empty = steps(weeks)
    assert from_first_work(weeks, empty)[0].steps == FEWEST_BARS
    worked = (*empty[:200], replace(empty[200], jobs=1), *empty[201:])
    shown, kept = from_first_work(weeks, worked)
    assert (shown.steps, len(kept)) == (60, 60)
    assert shown.start == kept[0].start
    assert from_first_work(weeks, ())[1] == ()
