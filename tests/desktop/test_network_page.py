"""The Network page is where an owner sees who pays, who does not, and what was proven of whom: in every state."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from conftest import SettableClock
from mulberry.desktop import network_wording, proxies_wording
from mulberry.desktop.colours import LIGHT
from mulberry.desktop.connection import Link, View
from mulberry.desktop.facts import Facts, FactValue
from mulberry.desktop.network_page import NetworkPage
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.proxies_model import QUALITIES
from mulberry.desktop.proxies_wording import Quality
from mulberry.desktop.theme import Theme
from mulberry.model.node import NodeState, ProxyState, ProxyStatus
from mulberry.model.wallet import PayoutState
from network_samples import DEMO, ONE_OF_EACH, WORKING, a_proxy, on_the_network
from samples import NOON, PROXY_KEY, a_status, a_wallet

MANY = tuple(a_proxy(number, list(ProxyState)[number % 5]) for number in range(1, 65))


@pytest.fixture
def page(qtbot: QtBot, theme: Theme, clock: SettableClock) -> NetworkPage:
    made = NetworkPage(theme, clock)
    clock.moment = NOON
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    return made


def show(page: NetworkPage, *proxies: ProxyStatus, link: Link = Link.ANSWERS) -> None:
    page.show_view(View(link, on_the_network(*proxies), a_wallet()))


def texts(page: NetworkPage) -> str:
    QApplication.processEvents()
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def fact(page: NetworkPage, quality: Quality) -> FactValue:
    return page.proxy.facts.values[proxies_wording.DETAILS.index(quality)]


def test_before_the_agent_is_heard_nothing_is_claimed(page: NetworkPage) -> None:
    page.show_view(View())
    assert proxies_wording.NOT_HEARD_YET in texts(page)
    assert not page.proxies.table.isVisible()
    assert not page.proxy.isVisible()
    assert not page.root.isVisible()


@pytest.mark.parametrize("state", [NodeState.STOPPED, NodeState.GETTING_READY, NodeState.NEEDS_YOU])
def test_without_proxies_it_says_why_and_which_network_it_is(page: NetworkPage, state: NodeState) -> None:
    page.show_view(View(Link.ANSWERS, on_the_network(state=state, network=replace(DEMO, root=None))))
    shown = texts(page)
    assert proxies_wording.nobody_line(a_status(state)) in shown
    assert network_wording.ROOT_NOT_READ in shown
    assert "fake TDX: TEST, nothing proven" in shown
    assert not page.proxy.isVisible()


@pytest.mark.parametrize("proxy", ONE_OF_EACH, ids=lambda proxy: proxy.state)
def test_each_state_has_its_shape_its_word_and_its_reason(page: NetworkPage, proxy: ProxyStatus) -> None:
    show(page, proxy)
    assert page.proxy.state.text().startswith(proxies_wording.STATES[proxy.state])
    assert proxy.note in page.proxy.note.text()
    assert not page.proxy.shape.pixmap().isNull()
    assert fact(page, Quality.UNDERPAID).property("tone") == ("bad" if proxy.underpaid else "")


def test_shapes_tell_the_states_apart_without_colours(page: NetworkPage) -> None:
    shapes = set()
    for proxy in ONE_OF_EACH:
        show(page, proxy)
        alpha = page.proxy.shape.pixmap().toImage().createAlphaMask()
        shapes.add(bytes(alpha.constBits()))
    assert len(shapes) == len(ProxyState)


def test_the_chosen_proxy_stays_chosen_wherever_it_goes(page: NetworkPage) -> None:
    show(page, *ONE_OF_EACH)
    assert page.proxy.name.text() == "demo proxy 2"  # the first row: it works
    page.proxies.table.setCurrentIndex(page.proxies.model.index(4, 1))
    assert page.proxy.name.text() == "demo proxy 5"
    back = replace(ONE_OF_EACH[4], state=ProxyState.WORKING, connected=True)
    show(page, back, *ONE_OF_EACH[:4])
    assert page.proxies.table.currentIndex().row() == 0
    assert page.proxy.name.text() == "demo proxy 5"
    show(page, *ONE_OF_EACH[:4], a_proxy(9, ProxyState.WORKING), a_proxy(8, ProxyState.GONE))
    assert page.proxy.name.text() == "demo proxy 2"  # it is gone for good
    show(page)
    assert not page.proxy.isVisible()


def test_the_time_to_the_next_attempt_goes_down_though_the_agent_says_nothing(
    page: NetworkPage, clock: SettableClock
) -> None:
    show(page, a_proxy(3, ProxyState.WAITING))
    assert page.proxy.state.text() == "Waiting, in 17 s"
    clock.moment = NOON + timedelta(seconds=5)
    page.counting.timeout.emit()
    assert page.proxy.state.text() == "Waiting, in 12 s"
    assert fact(page, Quality.NEXT).text() == "in 12 s"
    assert page.counting.isActive()
    page.hide()
    assert not page.counting.isActive()  # nobody looks
    show(page, WORKING)
    assert page.proxy.state.text() == "Waiting, in 12 s"
    page.show()
    assert page.proxy.state.text() == "Working"


def test_a_silent_agents_numbers_are_called_old_and_nothing_can_be_asked_for(page: NetworkPage) -> None:
    show(page, WORKING, a_proxy(3, ProxyState.WAITING), link=Link.SILENT)
    assert "as of" in page.line.text()
    assert "as of" in page.proxies.counts.text()
    assert not page.proxy.pay_out.isEnabled()
    assert page.proxies.model.text(1, 0) == "Waiting"  # nobody knows whether there will be an attempt


def test_a_payout_is_asked_for_once_where_one_waits(page: NetworkPage) -> None:
    asked: list[str] = []
    page.proxy.pay_out_asked.connect(asked.append)
    show(page, WORKING)
    button = page.proxy.pay_out
    for _ in range(2):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked == [PROXY_KEY]
    assert (button.text(), button.isEnabled()) == ("Paying out…", False)
    page.proxy.payout_answered()
    assert (button.text(), button.isEnabled()) == ("Pay out now", True)
    sent = replace(a_wallet().payouts[0], state=PayoutState.SENT)
    page.show_view(View(Link.ANSWERS, on_the_network(WORKING), replace(a_wallet(), payouts=(sent,))))
    assert not button.isEnabled()
    show(page, a_proxy(7, ProxyState.GONE))
    assert not button.isVisible()


def test_a_proxy_that_waits_can_be_tried_at_once(page: NetworkPage) -> None:
    asked: list[str] = []
    page.proxy.dial_asked.connect(asked.append)
    show(page, a_proxy(3, ProxyState.WAITING))
    for _ in range(2):
        QTest.mouseClick(page.proxy.dial, Qt.MouseButton.LeftButton)
    assert asked == ["demo proxy 3"]
    show(page, a_proxy(3, ProxyState.WAITING), link=Link.SILENT)
    assert not page.proxy.dial.isEnabled()
    show(page, WORKING)
    assert not page.proxy.dial.isVisible()


def test_the_keyboard_reads_every_cell(page: NetworkPage, settle: Callable[[], None]) -> None:
    show(page, *ONE_OF_EACH)
    page.activateWindow()
    table = page.proxies.table
    table.setFocus()
    settle()
    assert page.proxies.about.text().startswith("State: Working. Connected")
    for quality in QUALITIES[1:]:
        QTest.keyClick(table, Qt.Key.Key_Right)
        assert page.proxies.about.text().startswith(f"{proxies_wording.heading(quality)}: ")
    assert "seen on TON" not in page.proxies.about.text()
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert page.proxy.name.text() == "demo proxy 1"
    table.clearFocus()
    settle()
    assert page.proxies.about.text().startswith("Point at a value")


def test_facts_are_one_stop_of_the_tab_key_and_arrows_go_on(page: NetworkPage, settle: Callable[[], None]) -> None:
    show(page, WORKING)
    page.activateWindow()
    values = page.proxy.facts.values
    values[0].setFocus()
    settle()
    for here, after in pairwise(values):
        assert QApplication.focusWidget() is here
        assert [value for value in values if value.focusPolicy() & Qt.FocusPolicy.TabFocus] == [here]
        QTest.keyClick(here, Qt.Key.Key_Right)
        assert QApplication.focusWidget() is after
    QTest.keyClick(values[-1], Qt.Key.Key_Down)
    assert QApplication.focusWidget() is values[-1]
    QTest.keyClick(values[-1], Qt.Key.Key_Up)
    assert QApplication.focusWidget() is values[-2]


def test_every_control_and_every_number_has_a_name_and_an_answer(page: NetworkPage) -> None:
    show(page, *ONE_OF_EACH)
    for value in page.findChildren(FactValue):
        assert value.accessibleName().endswith(value.text())
        assert value.accessibleDescription().endswith(".")
        assert value.toolTip().startswith("<p>")
    for button in page.findChildren(QPushButton):
        assert button.accessibleName() or button.text()
    assert page.proxies.table.accessibleName()
    assert page.proxies.table.focusPolicy() & Qt.FocusPolicy.TabFocus


@pytest.mark.parametrize(("width", "columns"), [(1040, 9), (660, 4), (488, 3)])
def test_a_narrow_window_has_fewer_columns_but_the_card_has_all(
    page: NetworkPage, width: int, columns: int, settle: Callable[[], None]
) -> None:
    show(page, *MANY)
    page.resize(width, 460)
    settle()
    table = page.proxies.table
    seen = [QUALITIES[column] for column in range(len(QUALITIES)) if not table.isColumnHidden(column)]
    assert len(seen) >= columns
    assert {Quality.STATE, Quality.PROXY, Quality.PAYABLE} <= set(seen)
    assert table.horizontalHeader().length() <= table.viewport().width()
    assert {*QUALITIES, *proxies_wording.DETAILS} == set(Quality)
    assert table.height() < 300  # so that the chosen proxy begins in sight


HOSTILE = replace(
    a_proxy(4, ProxyState.PUT_ASIDE),
    name="<b>evil</b>\u202e" + "x" * 500,
    note="<img src='http://evil.example'>\n" + "A" * 3000,
    attestation="W" * 900,
    address="z" * 400,
    model="m" * 400,
    public_key="<key>" * 100,
)


@pytest.mark.parametrize("width", [1040, 660, 488])
@pytest.mark.parametrize("proxies", [ONE_OF_EACH, MANY, (HOSTILE,)], ids=["each", "many", "hostile"])
def test_no_width_and_no_word_makes_the_page_wider_than_the_window(
    page: NetworkPage, width: int, proxies: tuple[ProxyStatus, ...], settle: Callable[[], None]
) -> None:
    show(page, *proxies)
    page.resize(width, 460)
    settle()
    sheet = page.widget()
    assert sheet is not None
    assert sheet.width() <= page.viewport().width()
    for label in page.findChildren(QLabel):
        if label.isVisible() and label.text() and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()), label.text()


def test_strangers_words_are_shown_as_they_are_and_nothing_else(page: NetworkPage) -> None:
    show(page, HOSTILE)
    shown = texts(page)
    assert "<b>evil</b>" in shown
    assert "\u202e" not in shown
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    assert not any("<img" in value.toolTip() or "<key" in value.toolTip() for value in page.findChildren(FactValue))


def test_shapes_follow_the_colours_of_the_scheme(
    page: NetworkPage, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(page, WORKING)
    dark = page.proxy.shape.pixmap().toImage()
    monkeypatch.setattr(theme, "colours", LIGHT)
    theme.changed.emit()
    assert page.proxy.shape.pixmap().toImage() != dark


def test_the_name_of_a_value_is_never_cut_off(qtbot: QtBot, theme: Theme, settle: Callable[[], None]) -> None:
    facts = Facts(theme, 120)
    qtbot.addWidget(facts)
    facts.show_facts([Fact("What this is called in a language of long words", "1", "")])
    facts.resize(140, 200)
    facts.show()
    settle()
    name = next(label for label in facts.findChildren(QLabel) if label.text().startswith("What"))
    assert name.height() >= name.heightForWidth(name.width()) > name.fontMetrics().height()
