"""The Hardware page draws what was read and nothing else, for one GPU as for a rack, and costs nothing unseen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QTableWidget
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from cut_texts import assert_nothing_is_cut
from eligibility_samples import CONFIDENTIAL, ELIGIBILITY, HOST
from mulberry.desktop import hardware_wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.facts import FactValue
from mulberry.desktop.hardware_cards import LESS, MORE, GpuDetails, GpuHardwareCard
from mulberry.desktop.hardware_graph import Graph
from mulberry.desktop.hardware_history import Histories, Quantity, Stretch
from mulberry.desktop.hardware_page import HardwarePage, Part
from mulberry.desktop.theme import Theme
from mulberry.model.gpu import DriverState, GpuCondition, GpuInfo, GpuReport, NotGiven, PciGpu, UnreadGpu
from samples import NO_GPU, RTX_4090, a_status

HOSTILE = replace(
    RTX_4090,
    name="<b>" + "W" * 900 + "\u202egnp",
    driver_version="9" * 300,
    pci_address="z" * 300,
    uuid="u" * 300,
    vbios_version="v" * 300,
)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, clock: SettableClock, settle: Callable[[], None]) -> HardwarePage:
    made = HardwarePage(theme, clock, Histories())
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    settle()
    return made


def view(clock: SettableClock, *gpus: GpuInfo, link: Link = Link.ANSWERS) -> View:
    report = GpuReport(gpus, None, clock.now()) if gpus else replace(NO_GPU, as_of=clock.now())
    return View(link, replace(a_status(), gpus=report, as_of=clock.now()))


def a_rack(number: int) -> tuple[GpuInfo, ...]:
    return tuple(
        replace(RTX_4090, uuid=f"GPU-{place:04d}", pci_address=f"00000000:{place:02x}:00.0") for place in range(number)
    )


def card(page: HardwarePage, place: int = 0) -> GpuHardwareCard:
    return list(page.gpus.gpus.values())[place]


def graph(page: HardwarePage, quantity: Quantity) -> Graph:
    details = card(page).details
    assert details is not None
    return details.graphs[quantity]


def texts(page: HardwarePage) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def hear(page: HardwarePage, clock: SettableClock, *loads: int) -> None:
    """A reading each second, the last one now; kept as the window keeps them."""
    for load in loads:
        clock.pass_time(seconds=1)
        heard = view(clock, replace(RTX_4090, load_percent=load))
        assert heard.status is not None
        page.gpus.histories.add(heard.status.gpus)
        page.show_view(heard)
        QApplication.processEvents()
    page.gpus.tick()


def test_before_the_agent_is_heard_nothing_is_claimed(page: HardwarePage) -> None:
    assert page.line.text() == hardware_wording.NOT_HEARD_YET
    assert not page.gpus.no_gpu.isVisible()
    assert not page.gpus.computer.isVisible()


def test_a_gpu_is_shown_with_its_graphs_and_facts(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    page.show_view(view(clock, RTX_4090))
    settle()
    shown = texts(page)
    for expected in ("NVIDIA GeForce RTX 4090", "01:00.0 · works", "71 %", "10.0 of 24 GB", "63 °C", "580.95.05"):
        assert expected in shown


def test_the_crosshair_tells_all_graphs_what_was_read_then(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    hear(page, clock, 10, 20, 30)
    settle()
    plot = graph(page, Quantity.LOAD).plot
    plot.setFocus()
    QTest.keyClick(plot, Qt.Key.Key_Left)
    assert graph(page, Quantity.LOAD).value.text() == "20 %"
    assert graph(page, Quantity.POWER).value.text() == "212 of 450 W"
    assert "20 %" in plot.accessibleDescription()
    assert page.gpus.moment.text().startswith("At ")
    QTest.keyClick(plot, Qt.Key.Key_PageUp)
    assert graph(page, Quantity.LOAD).value.text() == "not read"
    QTest.keyClick(plot, Qt.Key.Key_End)
    assert graph(page, Quantity.LOAD).value.text() == "30 %"
    assert page.gpus.moment.text() == ""


def test_the_crosshair_stays_within_the_timeline(page: HardwarePage, clock: SettableClock) -> None:
    timeline = page.gpus.timeline
    timeline.end_at(clock.now())
    timeline.step(5)
    assert timeline.crosshair == clock.now()
    timeline.step(-10_000)
    assert timeline.crosshair == timeline.start
    timeline.end_at(clock.now() + timedelta(seconds=1))
    assert timeline.crosshair is None  # it has gone out of sight


def test_the_mouse_moves_the_crosshair_and_takes_it_away(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    hear(page, clock, 10, 20, 30)
    settle()
    plot = graph(page, Quantity.LOAD).plot
    place = QPointF(plot.width() - 3.0, 20.0)
    moved = QMouseEvent(
        QEvent.Type.MouseMove,
        place,
        plot.mapToGlobal(place),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(plot, moved)
    assert page.gpus.timeline.crosshair is not None
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert page.gpus.timeline.crosshair is None


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_the_numbers_open_as_a_table_from_the_keyboard(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None], key: Qt.Key
) -> None:
    hear(page, clock, 10, 20)
    settle()
    QTest.keyClick(graph(page, Quantity.LOAD).plot, key)
    dialog = page.window().findChild(QDialog)
    assert dialog is not None
    table = dialog.findChild(QTableWidget)
    assert table is not None
    shown = [[table.model().index(row, column).data() for column in range(1, 5)] for row in range(table.rowCount())]
    assert shown == [[load, "10.0 of 24 GB", "212 of 450 W", "63 °C"] for load in ("20 %", "10 %")]
    dialog.close()


def painted_columns(page: HardwarePage, theme: Theme, colour: str) -> set[int]:
    image = graph(page, Quantity.LOAD).plot.grab().toImage()
    wanted = getattr(theme.colours, colour).lower()
    return {
        x
        for x in range(image.width())
        if any(image.pixelColor(x, y).name() == wanted for y in range(2, image.height() - 2))
    }


def test_a_gap_is_not_bridged(
    page: HardwarePage, clock: SettableClock, theme: Theme, settle: Callable[[], None]
) -> None:
    hear(page, clock, 50, 50, 50)
    clock.pass_time(seconds=200)  # the agent was silent
    hear(page, clock, 50, 50, 50)
    settle()
    columns = painted_columns(page, theme, "accent")
    width = graph(page, Quantity.LOAD).plot.width()
    silent = {x for x in range(width) if not {x - 1, x, x + 1} & columns}
    second = width / 300
    assert len(silent) >= second * (200 - 90 + 90) - 20  # 110 of silence, and about 90 before anything was read
    assert max(columns) >= width - 5


def test_without_news_a_value_holds_to_the_right_edge(
    page: HardwarePage, clock: SettableClock, theme: Theme, settle: Callable[[], None]
) -> None:
    hear(page, clock, 50)
    clock.pass_time(seconds=60)
    page.gpus.tick()
    settle()
    assert max(painted_columns(page, theme, "accent")) >= graph(page, Quantity.LOAD).plot.width() - 5


def test_a_stuck_sensor_is_red_and_says_so(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    stuck = replace(RTX_4090, condition=GpuCondition.SENSOR_STUCK, stuck=("power_milliwatt",))
    page.show_view(view(clock, stuck))
    page.gpus.tick()
    settle()
    power = graph(page, Quantity.POWER)
    assert power.value.text() == "stuck at 212 of 450 W"
    assert power.value.property("look") == "bad"
    assert graph(page, Quantity.LOAD).value.property("look") == "strong"
    assert card(page).condition.property("look") == "bad"


def test_an_unknown_sensor_says_why_instead_of_drawing_zero(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    gpu = replace(RTX_4090, load_percent=None, not_given=(("load_percent", NotGiven.NOT_SUPPORTED),))
    page.show_view(view(clock, gpu))
    page.gpus.tick()
    settle()
    assert graph(page, Quantity.LOAD).value.text() == "unknown"
    why = hardware_wording.why_nothing(gpu, Quantity.LOAD)
    assert why == "Unknown, because it is not supported by this card or driver."
    graph(page, Quantity.LOAD).plot.grab()


def test_an_hour_is_shown_when_asked_for(page: HardwarePage, clock: SettableClock, settle: Callable[[], None]) -> None:
    hear(page, clock, 10, 30)
    settle()
    QTest.mouseClick(page.gpus.stretches[Stretch.HOUR], Qt.MouseButton.LeftButton)
    plot = graph(page, Quantity.LOAD).plot
    assert plot.accessibleName() == "Load of NVIDIA GeForce RTX 4090, last 1 hour"


def test_a_rack_of_64_builds_graphs_only_for_what_is_opened(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    page.show_view(view(clock, *a_rack(64)))
    settle()
    assert len(page.gpus.gpus) == 64
    assert page.findChildren(GpuDetails) == []
    opened = card(page, 3)
    QTest.mouseClick(opened.more, Qt.MouseButton.LeftButton)
    assert len(page.findChildren(GpuDetails)) == 1
    assert opened.more.text() == LESS
    QTest.mouseClick(opened.more, Qt.MouseButton.LeftButton)
    assert opened.more.text() == MORE
    assert opened.numbers.isVisible()


def test_cards_out_of_sight_are_left_alone_until_they_are_scrolled_to(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    rack = a_rack(64)
    page.show_view(view(clock, *rack))
    settle()
    clock.pass_time(seconds=1)
    page.show_view(view(clock, *(replace(gpu, load_percent=5) for gpu in rack)))
    page.gpus.tick()
    assert card(page, 0).numbers.text().startswith("5 %")
    assert card(page, 63).numbers.text().startswith("71 %")
    page.verticalScrollBar().setValue(page.verticalScrollBar().maximum())
    settle()
    page.gpus.show_in_sight()
    assert card(page, 63).numbers.text().startswith("5 %")


def test_a_gpu_that_changes_its_place_keeps_its_card(page: HardwarePage, clock: SettableClock) -> None:
    one, two, three = a_rack(3)
    page.show_view(view(clock, one, two, three))
    kept = page.gpus.gpus[two.uuid]
    kept.more.setChecked(True)
    page.show_view(view(clock, two, three))
    assert list(page.gpus.gpus) == [two.uuid, three.uuid]
    assert page.gpus.gpus[two.uuid] is kept
    assert kept.more.isChecked()


def test_no_gpu_says_why_and_what_the_bus_knows(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    hidden = PciGpu("0000:01:00.0", 0x10DE, 0x2330, "vfio-pci", None, None)
    shown = view(clock)
    assert shown.status is not None
    gpus = replace(shown.status.gpus, driver=DriverState.NO_GPU, on_pci=(hidden,))
    page.show_view(replace(shown, status=replace(shown.status, gpus=gpus)))
    settle()
    words = texts(page)
    assert "No NVIDIA GPU that this system can use" in words
    assert "NVIDIA GPU 10de:2330 at 01:00.0" in words
    assert "vfio-pci" in words
    assert not page.gpus.controls.isVisible()


def test_a_gpu_that_never_told_who_it_is_is_counted(page: HardwarePage, clock: SettableClock) -> None:
    shown = view(clock, RTX_4090)
    assert shown.status is not None
    gpus = replace(shown.status.gpus, unread=(UnreadGpu("00000000:02:00.0", GpuCondition.LOST),))
    page.show_view(replace(shown, status=replace(shown.status, gpus=gpus)))
    assert "NVIDIA GPU at 02:00.0" in texts(page)
    assert "1 in trouble" in page.line.text()


def test_the_computer_is_shown_and_each_gpus_capability(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    page.show_view(view(clock, RTX_4090))
    settle()
    page.gpus.show_computer(HOST, CONFIDENTIAL)
    details = card(page).details
    assert details is not None
    assert details.facts.values[0].text() == "not capable"
    assert page.gpus.computer.isVisible()
    assert "6.8.0-85-generic" in texts(page)


def test_unseen_it_does_nothing(page: HardwarePage, clock: SettableClock) -> None:
    page.hide()
    assert not page.gpus.ticking.isActive()
    hear(page, clock, 10, 20)
    assert page.gpus.gpus == {}
    page.show()
    assert page.gpus.ticking.isActive()
    assert len(page.gpus.gpus) == 1


def test_a_silent_agent_leaves_what_was_heard_with_its_time(page: HardwarePage, clock: SettableClock) -> None:
    hear(page, clock, 10)
    end = page.gpus.timeline.end
    clock.pass_time(seconds=30)
    page.show_view(view(clock, RTX_4090, link=Link.SILENT))
    page.gpus.tick()
    assert page.gpus.timeline.end == end
    assert "as of" in page.line.text()


def test_it_asks_anew_when_the_agent_comes_back_or_the_driver_changes(page: HardwarePage, clock: SettableClock) -> None:
    asked: list[str] = []
    page.computer_wanted.connect(lambda: asked.append("computer"))
    page.eligibility_wanted.connect(lambda fresh: asked.append(f"eligibility {fresh}"))
    page.show_view(view(clock, RTX_4090))
    assert asked == ["computer"]
    page.show_view(view(clock, RTX_4090))
    assert asked == ["computer"]
    page.show_part(Part.ELIGIBILITY)
    page.show_view(view(clock))  # the driver is gone
    assert asked == ["computer", "eligibility False", "eligibility False"]


@pytest.mark.parametrize("width", [1040, 660, 488])
@pytest.mark.parametrize("gpus", [(RTX_4090,), a_rack(5), (HOSTILE,), ()], ids=["one", "five", "hostile", "none"])
def test_no_width_and_no_word_makes_it_wider_than_the_window(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None], width: int, gpus: tuple[GpuInfo, ...]
) -> None:
    page.show_view(view(clock, *gpus))
    page.gpus.show_computer(HOST, CONFIDENTIAL)
    page.resize(width, 500)
    page.gpus.timeline.point_at(clock.now())
    settle()
    assert_nothing_is_cut(page)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    assert "\u202e" not in texts(page)


def test_every_control_has_a_name_of_its_own_and_a_place_in_the_tab_order(
    page: HardwarePage, clock: SettableClock, settle: Callable[[], None]
) -> None:
    page.show_view(view(clock, *a_rack(2)))
    page.eligibility.show_report(ELIGIBILITY)
    for part in Part:
        page.show_part(part)
        settle()
        names = []
        for control in page.findChildren(QAbstractButton):
            if control.isVisible():
                group = control.group()  # one stop for all of it, as Qt has it; the arrow keys go on
                stops = group.buttons() if group is not None else [control]
                assert any(stop.focusPolicy() & Qt.FocusPolicy.TabFocus for stop in stops), control
                names.append(control.accessibleName() or control.text())
        assert "" not in names
        assert len(set(names)) == len(names)
    for value in page.findChildren(FactValue):
        assert value.accessibleName() and value.accessibleDescription().endswith(".")
