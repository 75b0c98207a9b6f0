"""The frame around the pages: play money is called so everywhere, and everything can be reached by keyboard."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QWidget
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop import wording
from mulberry.desktop.chart import Chart
from mulberry.desktop.connection import Link, View
from mulberry.desktop.hardware_history import Quantity, Stretch
from mulberry.desktop.jobs_model import JobsModel
from mulberry.desktop.sidebar import PAGE_TITLES, PAGES
from mulberry.desktop.stages import StagesChart
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import TransactionsModel
from mulberry.desktop.window import MainWindow
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuReport
from mulberry.model.node import Intent, NetworkInfo, NodeState, Want
from samples import NOON, RTX_4090, a_status, a_wallet, on_a_gpu
from shown_window import settled, shown_window


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, clock: SettableClock) -> MainWindow:
    jobs = JobsModel()
    transactions = TransactionsModel()
    made = MainWindow(theme, clock, jobs, transactions)
    transactions.setParent(made)
    jobs.setParent(made)
    made.closing.connect(made.hide)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_demo_banner_is_on_every_page(window: MainWindow) -> None:
    window.show_view(View(Link.ANSWERS, a_status()))
    for place, page in enumerate(PAGES):
        window.sidebar.choose(place)
        assert window.pages.currentWidget() is getattr(window, page.lower())
        assert window.banner.isVisible()
        assert window.sidebar.network.text() == "Demo network"


def test_a_network_with_real_money_has_no_demo_banner(window: MainWindow) -> None:
    real = NetworkInfo("mainnet", "Cocoon", is_demo=False)
    window.show_view(View(Link.ANSWERS, replace(a_status(), network=real)))
    assert not window.banner.isVisible()
    assert window.sidebar.network.text() == "Cocoon"
    assert window.sidebar.network.property("look") == "source"


def test_a_narrow_sidebar_still_says_which_network_it_is(window: MainWindow, settle: Callable[[], None]) -> None:
    title = "A test network of <b>somebody</b> with a long name"
    shown = replace(a_status(), network=NetworkInfo("test-long", title, is_demo=False))
    window.resize(700, 600)
    settle()
    window.show_view(View(Link.ANSWERS, shown))
    network = window.sidebar.network
    assert network.isVisible() and network.text().endswith("…")
    assert network.fontMetrics().horizontalAdvance(network.text()) <= network.contentsRect().width()
    assert network.accessibleName() == title
    assert "&lt;b&gt;somebody" in network.toolTip()
    window.resize(1280, 800)
    settle()
    window.show_view(View(Link.ANSWERS, replace(shown, network=NetworkInfo("mainnet", "Cocoon", is_demo=False))))
    assert (network.text(), network.toolTip()) == ("Cocoon", "")


def test_a_narrow_sidebar_has_room_for_its_buttons(window: MainWindow, settle: Callable[[], None]) -> None:
    window.resize(600, 500)
    settle()
    for button in (window.sidebar.help, window.sidebar.quit):
        assert button.width() >= button.sizeHint().width(), button.text()


def test_a_first_window_fits_on_the_screen(window: MainWindow) -> None:
    window.fit_on_screen()
    room = window.screen().availableSize()
    assert (window.width(), window.height()) == (min(1280, room.width() - 16), min(800, room.height() - 48))


def test_each_page_is_called_by_its_name(window: MainWindow) -> None:
    for page, title in PAGE_TITLES.items():
        assert getattr(window, page.lower()).accessibleName() == title


def test_the_sidebar_lists_exactly_the_pages_there_are(window: MainWindow) -> None:
    entries = [window.sidebar.list.item(row).text() for row in range(window.sidebar.list.count())]
    assert entries == [
        *("Home", "Earnings", "Jobs", "Wallet"),
        *("Network", "Models", "Hardware", "Attestation", "Log", "Settings", "About"),
    ]


def test_the_keyboard_reaches_every_page(window: MainWindow, settle: Callable[[], None]) -> None:
    window.activateWindow()
    settle()
    QTest.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.jobs
    QTest.keyClick(window, Qt.Key.Key_6, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.models
    QTest.keyClick(window, Qt.Key.Key_7, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.hardware
    QTest.keyClick(window, Qt.Key.Key_8, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.attestation
    QTest.keyClick(window, Qt.Key.Key_9, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.log
    QTest.keyClick(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.settings
    QTest.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.pages.currentWidget() is window.home


def test_who_is_held_up_by_a_rule_gets_to_the_rules(window: MainWindow) -> None:
    held = replace(a_status(NodeState.PAUSED), intent=Intent(Want.START, NOON))
    window.show_view(View(Link.ANSWERS, held))
    QTest.mouseClick(window.home.state.rules, Qt.MouseButton.LeftButton)
    assert window.pages.currentWidget() is window.settings


def test_a_page_is_made_once_when_it_is_first_wanted_and_knows_what_was_heard(
    window: MainWindow, settle: Callable[[], None]
) -> None:
    gpu = replace(RTX_4090, load_percent=5)
    status = replace(a_status(), gpus=GpuReport((gpu,), None, NOON))
    window.show_view(View(Link.ANSWERS, status))
    made: list[str] = []
    window.page_made.connect(made.append)
    for page in ("Attestation", "Hardware", "Home", "Hardware"):
        window.choose(page)
        settle()
        assert window.pages.currentWidget() is getattr(window, page.lower())
    assert made == ["Attestation", "Hardware"]
    assert window.pages.count() == 3
    assert list(window.hardware.gpus.gpus) == [gpu.uuid]
    readings = window.histories.readings(gpu.uuid, Stretch.FIVE_MINUTES, NOON)
    assert [reading.value(Quantity.LOAD) for reading in readings] == [5]


def test_nothing_is_kept_of_a_silent_agents_gpus(window: MainWindow) -> None:
    window.show_view(View(Link.SILENT, on_a_gpu(a_status())))
    assert window.histories.readings(RTX_4090.uuid, Stretch.FIVE_MINUTES, NOON) == []


def test_tab_visits_every_control_of_the_home_page(window: MainWindow, settle: Callable[[], None]) -> None:
    window.show_view(View(Link.ANSWERS, a_status()))
    window.activateWindow()
    settle()
    visited: list[QWidget] = []
    for _ in range(30):
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in visited:
            break
        visited.append(focused)
        QTest.keyClick(focused, Qt.Key.Key_Tab)
    home = window.home
    wanted = [home.state.main, home.state.pause, home.state.stop, window.sidebar.list, window.sidebar.quit]
    wanted += [card.chart for card in home.earnings.values()]
    assert [control.accessibleName() or control for control in wanted if control not in visited] == []
    assert visited[0] is home.state.main


@pytest.mark.parametrize("state", NodeState)
def test_a_screen_reader_hears_a_name_for_every_control(window: MainWindow, state: NodeState) -> None:
    window.show_view(View(Link.ANSWERS, a_status(state)))
    for kind in (QAbstractButton, QAbstractItemView, Chart):
        for control in window.findChildren(kind):
            if not control.isVisible():
                continue
            text = control.text() if isinstance(control, QAbstractButton) else ""
            assert control.accessibleName() or text, control


@pytest.mark.parametrize("page", ["Earnings", "Wallet"])
def test_every_control_of_the_money_pages_has_a_name_and_a_place_in_the_tab_order(
    window: MainWindow, page: str, settle: Callable[[], None]
) -> None:
    real = replace(a_status(), network=NetworkInfo("mainnet", "Cocoon", is_demo=False))
    window.show_view(View(Link.ANSWERS, real, a_wallet()))
    window.choose(page)
    window.activateWindow()
    settle()
    shown = window.pages.currentWidget()
    assert shown is not None
    controls = [
        control
        for kind in (QAbstractButton, QAbstractItemView, StagesChart)
        for control in shown.findChildren(kind)
        if control.isVisible()
    ]
    assert len(controls) >= 5
    for control in controls:
        text = control.text() if isinstance(control, QAbstractButton) else ""
        assert control.accessibleName() or text, control
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_the_two_ways_to_quit_are_told_apart(window: MainWindow) -> None:
    asked: list[str] = []
    window.quit_asked.connect(lambda: asked.append("quit"))
    window.stop_and_quit_asked.connect(lambda: asked.append("stop and quit"))
    entries = window.sidebar.menu.actions()
    assert [entry.text() for entry in entries] == ["Quit the window (earning goes on)", "Stop earning and quit"]
    for entry in entries:
        entry.trigger()
    assert asked == ["quit", "stop and quit"]


def test_closing_is_asked_and_not_done(window: MainWindow) -> None:
    closed: list[bool] = []
    window.closing.disconnect()
    window.closing.connect(lambda: closed.append(True))
    window.close()
    assert closed == [True]
    assert window.isVisible()


def test_a_problem_is_shown_in_plain_words_until_it_is_closed(window: MainWindow) -> None:
    window.show_view(View(Link.ANSWERS, a_status()))
    window.show_problem(UserFacingError("The agent did not start.", "It ended with status 1.", "Look into agent.log."))
    assert window.notice.isVisible()
    assert window.notice.what.text() == "The agent did not start."
    assert window.notice.next_step.text() == "It ended with status 1. Look into agent.log."
    QTest.mouseClick(window.notice.close_button, Qt.MouseButton.LeftButton)
    assert not window.notice.isVisible()


def test_the_jobs_page_says_when_its_count_is_stale(window: MainWindow) -> None:
    status = a_status()
    window.show_view(View(Link.SILENT, status))
    assert window.jobs.count.text() == f"0 jobs, as of {wording.clock_time(status.as_of)}"
    assert window.jobs.empty.text() == wording.NO_JOBS


@pytest.mark.parametrize("away", [MainWindow.hide, MainWindow.showMinimized])
def test_a_window_that_nobody_can_see_waits_with_what_it_is_told_until_it_is_seen_again(
    window: MainWindow, settle: Callable[[], None], away: Callable[[MainWindow], None]
) -> None:
    window.show_view(View(Link.ANSWERS, a_status()))
    seen: list[bool] = []
    window.seen_again.connect(lambda: seen.append(window.isMinimized()))
    away(window)
    settle()
    real = NetworkInfo("mainnet", "Cocoon", is_demo=False)
    window.show_view(View(Link.ANSWERS, replace(a_status(), network=real)))
    assert window.sidebar.network.text() == "Demo network"
    window.showNormal()
    settle()
    assert window.sidebar.network.text() == "Cocoon"
    assert seen == [False]


async def test_no_timer_goes_on_in_a_window_that_nobody_can_see(
    qtbot: QtBot, theme: Theme, clock: SettableClock, tmp_path: Path
) -> None:
    def running() -> list[QTimer]:
        return [timer for timer in desktop.window.findChildren(QTimer) if timer.isActive()]

    async with shown_window(theme, clock, tmp_path) as desktop:
        look_again = set()
        for page in PAGES[4:]:
            desktop.window.choose(page)
            await settled(5)
            look_again |= {type(timer.parent()) for timer in running()}
        assert len(look_again) > 5
        desktop.window.settings.build_all()
        desktop.window.choose("Network")
        desktop.window.hide()
        await settled(5)
        for timer in running():
            assert timer.isSingleShot()
            timer.stop()
            timer.timeout.emit()
        assert running() == []
