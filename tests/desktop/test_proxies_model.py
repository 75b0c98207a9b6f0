"""Sixty-four proxies come and go while somebody reads: what is read must not jump away under the eyes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPersistentModelIndex, Qt
from pytestqt.qtbot import QtBot

from mulberry.desktop.proxies_model import QUALITIES, ProxiesModel
from mulberry.desktop.proxies_wording import Quality
from mulberry.model.node import ProxyState, ProxyStatus
from network_samples import ONE_OF_EACH, a_proxy
from samples import NOON


@pytest.fixture
def model(qtbot: QtBot) -> ProxiesModel:
    return ProxiesModel()


def show(model: ProxiesModel, *proxies: ProxyStatus) -> None:
    model.show(proxies, NOON, NOON)


def names(model: ProxiesModel) -> Sequence[str]:
    return [model.text(row, QUALITIES.index(Quality.PROXY)) for row in range(model.rowCount())]


def test_those_that_work_stand_first_and_the_rest_as_the_agent_says(model: ProxiesModel) -> None:
    show(model, *ONE_OF_EACH, a_proxy(9, ProxyState.WORKING))
    states = [model.text(row, 0) for row in range(model.rowCount())]
    assert states == ["Working", "Working", "Connecting", "Waiting, in 17 s", "Put aside, in 9 min", "Gone"]
    assert names(model)[:2] == ["demo proxy 2", "demo proxy 9"]


def test_new_numbers_move_nothing(model: ProxiesModel) -> None:
    show(model, *ONE_OF_EACH)
    moved: list[str] = []
    model.modelReset.connect(lambda: moved.append("reset"))
    model.layoutChanged.connect(lambda: moved.append("layout"))
    changed: list[bool] = []
    model.dataChanged.connect(lambda: changed.append(True))
    show(model, *(replace(proxy, requests=9_999) for proxy in ONE_OF_EACH))
    assert (moved, changed) == ([], [True])
    assert model.text(0, QUALITIES.index(Quality.REQUESTS)) == "9,999"


def test_what_is_held_follows_its_proxy_when_states_change(model: ProxiesModel) -> None:
    one, two = a_proxy(1, ProxyState.WORKING), a_proxy(2, ProxyState.WORKING)
    show(model, one, two)
    held = QPersistentModelIndex(model.index(0, 3))
    show(model, replace(one, state=ProxyState.PUT_ASIDE), two)
    assert names(model) == ["demo proxy 2", "demo proxy 1"]
    assert (held.row(), held.column()) == (1, 3)


def test_a_proxy_is_the_same_before_and_after_its_key_is_known(model: ProxiesModel) -> None:
    stranger = a_proxy(1, ProxyState.CONNECTING)
    show(model, stranger)
    held = QPersistentModelIndex(model.index(0, 0))
    known = a_proxy(1, ProxyState.WORKING)
    show(model, known)
    assert (held.isValid(), model.row_of(stranger)) == (True, 0)
    assert model.row_of(replace(known, public_key="ff" * 32)) is None


@given(st.lists(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(ProxyState)), max_size=8), max_size=6))
def test_in_any_order_of_events_all_proxies_are_there_once(
    tellings: Sequence[Sequence[tuple[int, ProxyState]]],
) -> None:
    model = ProxiesModel()
    for telling in tellings:
        proxies = [a_proxy(number, state) for number, state in dict(telling).items()]
        held = [QPersistentModelIndex(model.index(row, 0)) for row in range(model.rowCount())]
        show(model, *proxies)
        assert sorted(names(model)) == sorted(proxy.name for proxy in proxies)
        assert all(index.row() < model.rowCount() for index in held)


def test_a_screen_reader_hears_name_value_and_source_of_each_cell(model: ProxiesModel) -> None:
    show(model, *ONE_OF_EACH)
    cell = model.index(0, QUALITIES.index(Quality.PAYABLE))
    assert model.data(cell, Qt.ItemDataRole.AccessibleTextRole) == "Payable, TON: 0.04904"
    told = model.data(cell, Qt.ItemDataRole.AccessibleDescriptionRole)
    assert isinstance(told, str)
    assert told.startswith("Covered by its signed payments")
    assert model.data(cell, Qt.ItemDataRole.ToolTipRole) == f"<p>{told}</p>"


def test_a_strangers_words_are_never_read_as_markup(model: ProxiesModel) -> None:
    show(model, replace(a_proxy(1, ProxyState.WAITING), note="<img src='file:///etc/passwd'>"))
    tip = model.data(model.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    assert isinstance(tip, str)
    assert "<img" not in tip
    assert "&lt;img" in tip
