"""Earned, payable and paid are different promises: nobody may take one for the other, with or without eyes."""

from collections.abc import Callable
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
from mulberry.desktop.stages import EARNED, PAID, PAYABLE, StagesChart, moment
from mulberry.desktop.theme import Theme
from mulberry.model.jobs import EarningsBucket
from mulberry.model.money import Nanoton
from samples import NOON

DAY = range_window(Range.DAY, Bars.HOUR, NOON)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - zone given
BUCKETS_AT_MOST = 2000  # what the control API gives in one answer
OFFERED = [(shown, bars) for shown, offered in BARS_ON_OFFER.items() for bars in offered]


def steps(window: Window, *amounts: tuple[int, int, int]) -> tuple[EarningsBucket, ...]:
    """Buckets with these amounts earned, payable and paid; the rest of `window` is empty."""
    length = timedelta(seconds=window.bucket_seconds)
    filled = [*amounts, *[(0, 0, 0)] * (window.buckets - len(amounts))]
    return tuple(
        EarningsBucket(window.start + length * i, Nanoton(earned), earned and 1, Nanoton(payable), Nanoton(paid))
        for i, (earned, payable, paid) in enumerate(filled)
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
    bucket = EarningsBucket(NOON, Nanoton(1), 1, Nanoton(2), Nanoton(3))
    assert [stage.part(bucket) for stage in (EARNED, PAYABLE, PAID)] == [1, 2, 3]


def test_hollow_and_solid_are_told_apart_without_colour(chart: StagesChart, theme: Theme) -> None:
    nothing = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (1_000, 0, 0)))
    hollow = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (0, 0, 1_000)))
    solid = painted(chart, theme.colours.earn)
    assert nothing == 0
    assert 0 < hollow * 3 < solid


def test_payable_is_striped_in_the_colour_of_promises(chart: StagesChart, theme: Theme) -> None:
    chart.show_earnings(DAY, steps(DAY, (0, 1_000, 0)))
    assert painted(chart, theme.colours.promised) > 0
    assert painted(chart, theme.colours.earn) == 0


def test_one_nanoton_beside_a_fortune_is_still_seen(chart: StagesChart, theme: Theme) -> None:
    chart.show_earnings(DAY, steps(DAY, (0, 0, 10**18)))
    alone = painted(chart, theme.colours.earn)
    chart.show_earnings(DAY, steps(DAY, (0, 0, 10**18), (0, 0, 1)))
    assert painted(chart, theme.colours.earn) > alone


def test_what_is_seen_is_also_said(chart: StagesChart) -> None:
    assert chart.accessibleDescription() == "Nothing to show yet."
    chart.show_earnings(DAY, steps(DAY, (3, 2, 0), (4, 0, 1)))
    said = chart.accessibleDescription()
    for words in ("0.000000007 TON earned", "0.000000002 TON payable", "0.000000001 TON paid", "Press Enter"):
        assert words in said


def test_the_table_has_the_same_numbers_newest_first(chart: StagesChart) -> None:
    chart.show_earnings(DAY, steps(DAY, (3, 2, 0), (0, 0, 0), (0, 0, 5)))
    QTest.keyClick(chart, Qt.Key.Key_Return)
    dialog = chart.findChild(QDialog)
    assert dialog is not None
    table = dialog.findChild(QTableWidget)
    assert table is not None
    model = table.model()
    cells = [[model.index(row, column).data() for column in range(5)] for row in range(table.rowCount())]
    first, third = (moment(DAY.start + timedelta(hours=i), DAY) for i in (0, 2))
    assert cells == [
        [third, "0.0000 TON", "0.0000 TON", "0.000000005 TON", "0"],
        [first, "0.000000003 TON", "0.000000002 TON", "0.0000 TON", "1"],
    ]
    dialog.close()


@pytest.mark.parametrize("width", [240, 400, 1400])
def test_any_number_of_bars_can_be_drawn(
    chart: StagesChart, width: int, settle: Callable[[], None], theme: Theme
) -> None:
    chart.resize(width, chart.height())
    for how_many in (1, 2, 168, 260):
        window = Window(Range.ALL, NOON, 3600, how_many)
        chart.show_earnings(window, steps(window, *[(5, 4, 3)] * how_many))
        settle()
        assert painted(chart, theme.colours.earn) > 0
    chart.show_earnings(Window(Range.ALL, NOON, 3600, 0), ())
    settle()
    assert chart.accessibleDescription() == "Nothing to show yet."


@given(st.sampled_from(OFFERED), MOMENTS)
def test_every_choice_ends_with_the_present_and_fits_one_answer(choice: tuple[Range, Bars], now: datetime) -> None:
    shown = range_window(*choice, now)
    last = shown.start + timedelta(seconds=shown.bucket_seconds * (shown.buckets - 1))
    assert last <= now < last + timedelta(seconds=shown.bucket_seconds + 3600)  # an hour: summer time may end
    assert shown.buckets <= BUCKETS_AT_MOST


def test_weeks_begin_on_mondays() -> None:
    assert range_window(Range.MONTH, Bars.WEEK, NOON).start.astimezone().weekday() == 0
    assert range_window(Range.ALL, Bars.WEEK, NOON).buckets == 260


def test_all_time_begins_with_the_first_work_but_is_never_one_wide_bar() -> None:
    weeks = range_window(Range.ALL, Bars.WEEK, NOON)
    empty = steps(weeks)
    assert from_first_work(weeks, empty)[0].buckets == FEWEST_BARS
    worked = (*empty[:200], *steps(weeks, (1, 1, 1))[:1], *empty[201:])
    shown, kept = from_first_work(weeks, worked)
    assert (shown.buckets, len(kept)) == (60, 60)
    assert shown.start == kept[0].start
    assert from_first_work(weeks, ())[1] == ()
