"""The Wallet page is where an owner decides whether to send real money: unknown is not zero, old is called old."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from cut_texts import assert_nothing_is_cut
from mulberry.agent.wallet_at_rest import stale
from mulberry.desktop import wallet_wording
from mulberry.desktop.connection import Link, View
from mulberry.desktop.theme import Theme
from mulberry.desktop.transactions_model import PAGE_TRANSACTIONS, Column, TransactionsModel
from mulberry.desktop.wallet import WalletPage
from mulberry.model.money import Nanoton
from mulberry.model.node import NetworkInfo
from mulberry.model.text import LONGEST_TEXT
from mulberry.model.wallet import PayoutState, TransactionKind, WalletStatus
from samples import NODE_WALLET, OWNER, PROXY_KEY, a_status, a_transaction, a_wallet

REAL = NetworkInfo("mainnet", "Cocoon", is_demo=False)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> WalletPage:
    transactions = TransactionsModel()
    made = WalletPage(theme, transactions)
    transactions.setParent(made)
    qtbot.addWidget(made)
    made.resize(1040, 740)
    made.show()
    return made


def show(page: WalletPage, wallet: WalletStatus, link: Link = Link.ANSWERS, *, is_demo: bool = True) -> None:
    status = a_status() if is_demo else replace(a_status(), network=REAL)
    page.show_view(View(link, status, wallet))


def texts(page: WalletPage) -> str:
    QApplication.processEvents()  # new widgets appear with the next layout
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def model_of(page: WalletPage) -> TransactionsModel:
    model = page.transactions.table.model()
    assert isinstance(model, TransactionsModel)
    return model


def test_both_balances_have_their_time_and_their_proof(page: WalletPage) -> None:
    show(page, a_wallet())
    assert page.owner.number.text() == "0.03014 TON"
    assert page.node_wallet.number.text() == "4.612345678 TON"
    assert page.owner.source.text().endswith("proven by 3 servers")
    shown = texts(page)
    assert "needs 1 TON, low below 1.5 TON" in shown
    assert "3 of 3 servers good" in shown
    assert "0.03014 TON paid so far" in shown


def test_what_was_not_read_yet_is_never_zero(page: WalletPage) -> None:
    page.show_view(View())
    assert wallet_wording.NO_ACCOUNT_YET in texts(page)
    assert "0.0000 TON" not in texts(page)
    unread = replace(
        a_wallet(),
        owner_balance=None,
        node_wallet_balance=None,
        node_wallet="",
        payouts=(),
        head_seqno=None,
        servers=(),
    )
    show(page, unread)
    for card in (page.owner, page.node_wallet):
        assert (card.number.text(), card.source.text()) == ("–", "not read yet")
    assert not page.node_wallet.warning.isVisible()
    assert page.addresses.node_wallet.address.text() == "not read yet"
    assert not page.addresses.node_wallet.copy.isVisible()
    assert "No signed payment yet" in texts(page)


def test_stale_balances_are_called_so_and_nothing_can_be_asked_for(page: WalletPage) -> None:
    show(page, a_wallet())
    assert page.owner.number.property("stale") is False
    assert page.payouts.blocks[0].pay_out.isEnabled()
    show(page, a_wallet(), Link.SILENT)
    assert page.owner.number.text() == "0.03014 TON"
    assert page.owner.number.property("stale") is True
    assert not page.payouts.blocks[0].pay_out.isEnabled()


def test_a_balance_too_small_is_said_with_what_to_do(page: WalletPage) -> None:
    wallet = a_wallet()
    assert wallet.node_wallet_balance is not None
    show(page, replace(wallet, node_wallet_balance=replace(wallet.node_wallet_balance, amount=Nanoton(800_000_000))))
    assert "0.2000 TON are missing" in page.node_wallet.warning.text()
    assert page.node_wallet.warning.isVisible()
    show(page, wallet)
    assert not page.node_wallet.warning.isVisible()


def test_what_keeps_the_wallet_from_being_fresh_is_said(page: WalletPage) -> None:
    show(page, replace(a_wallet(), note="Two of three servers do not answer."))
    assert "Two of three servers do not answer." in texts(page)
    show(page, a_wallet())
    assert not page.note.isVisible()


def test_the_next_payout_is_shown_and_can_be_asked_for_once(page: WalletPage) -> None:
    asked: list[str] = []
    page.payouts.asked.connect(asked.append)
    show(page, a_wallet())
    block = page.payouts.blocks[0]
    assert block.amounts.text() == "0.0189 of 0.0300 TON"
    assert block.name.text() == "demo-proxy · TEST"
    assert "It is paid out by itself at 0.0300 TON." in texts(page)
    for _ in range(2):
        QTest.mouseClick(block.pay_out, Qt.MouseButton.LeftButton)
    assert asked == [PROXY_KEY]
    assert (block.pay_out.text(), block.pay_out.isEnabled()) == ("Paying out…", False)
    page.payouts.answered()
    assert (block.pay_out.text(), block.pay_out.isEnabled()) == ("Pay out now", True)


@pytest.mark.parametrize("state", PayoutState)
def test_each_state_of_a_payout_has_its_words(page: WalletPage, state: PayoutState) -> None:
    wallet = a_wallet()
    show(page, replace(wallet, payouts=(replace(wallet.payouts[0], state=state),)))
    assert wallet_wording.PAYOUT_STATES[state] in texts(page)
    assert page.payouts.blocks[0].pay_out.isEnabled() is (state is not PayoutState.SENT)


def test_payouts_come_and_go_with_their_proxies(page: WalletPage) -> None:
    one = a_wallet().payouts[0]
    show(page, replace(a_wallet(), payouts=(one, replace(one, proxy="a1" * 32))))
    assert [block.name.text() for block in page.payouts.blocks] == ["demo-proxy · TEST", "a1a1a1a1… · TEST"]
    show(page, replace(a_wallet(), payouts=()))
    assert page.payouts.blocks == []


def test_addresses_are_copied_in_full(page: WalletPage) -> None:
    show(page, a_wallet())
    QTest.mouseClick(page.addresses.owner.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == OWNER
    QTest.mouseClick(page.addresses.node_wallet.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == NODE_WALLET


def test_nobody_is_led_to_send_real_money_to_play_addresses(page: WalletPage) -> None:
    show(page, a_wallet())
    assert wallet_wording.PLAY_ADDRESSES in texts(page)
    assert not page.addresses.code.isVisible()
    assert not page.addresses.owner.explore.isVisible()
    show(page, a_wallet(), is_demo=False)
    assert wallet_wording.PLAY_ADDRESSES not in texts(page)
    assert page.addresses.code.isVisible()
    assert page.addresses.code.text == f"ton://transfer/{NODE_WALLET}"


def test_a_code_of_nothing_is_not_drawn(page: WalletPage) -> None:
    show(page, replace(a_wallet(), node_wallet=""), is_demo=False)
    assert not page.addresses.code.isVisible()


def test_the_code_is_dark_on_white_in_whole_pixels_with_its_quiet_zone(page: WalletPage) -> None:
    show(page, a_wallet(), is_demo=False)
    image = page.addresses.code.grab().toImage()
    pixels = [[image.pixelColor(x, y).name() for x in range(image.width())] for y in range(image.height())]
    assert {colour for row in pixels for colour in row} == {"#000000", "#ffffff"}
    margin = 12 * image.width() // page.addresses.code.width()
    assert all(colour == "#ffffff" for row in pixels[:margin] for colour in row)
    assert pixels[margin][margin] == "#000000"


def test_the_explorer_is_opened_by_a_click_and_by_nothing_else(
    page: WalletPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    show(page, a_wallet(), is_demo=False)
    assert opened == []
    QTest.mouseClick(page.addresses.owner.explore, Qt.MouseButton.LeftButton)
    assert [url.toString() for url in opened] == [f"https://tonviewer.com/{OWNER}"]


def test_transactions_are_a_table_and_none_are_said_in_words(page: WalletPage) -> None:
    show(page, a_wallet())
    assert wallet_wording.NO_TRANSACTIONS in texts(page)
    model_of(page).put(0, PAGE_TRANSACTIONS, (a_transaction(2), a_transaction(1)))
    assert wallet_wording.NO_TRANSACTIONS not in texts(page)
    page.transactions.table.selectRow(0)
    QTest.keyClick(page.transactions.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    heads, row, _ = QGuiApplication.clipboard().text().split("\n")
    assert heads.split("\t") == ["Time", "Account", "What", "Amount", "Fee", "With", "Comment"]
    assert a_transaction(2).counterparty in row


def test_scrolling_down_asks_for_older_ones(page: WalletPage, settle: Callable[[], None]) -> None:
    show(page, a_wallet())
    wanted: list[tuple[int, int]] = []
    model = model_of(page)
    model.wanted.connect(lambda offset, limit: wanted.append((offset, limit)))
    model.put(0, PAGE_TRANSACTIONS, tuple(a_transaction(n) for n in range(PAGE_TRANSACTIONS, 0, -1)))
    settle()
    assert wanted == []
    page.transactions.table.scrollToBottom()
    settle()
    assert wanted == [(PAGE_TRANSACTIONS - 1, PAGE_TRANSACTIONS)]


def test_every_colour_of_a_row_says_what_it_is(page: WalletPage, theme: Theme, settle: Callable[[], None]) -> None:
    show(page, a_wallet())
    failed = replace(a_transaction(2), amount=Nanoton(-1), success=False)
    model_of(page).put(0, 9, (a_transaction(3), failed, a_transaction(1, TransactionKind.SPAM)))
    settle()
    image = page.transactions.table.grab().toImage()
    names = {image.pixelColor(x, y).name().upper() for y in range(image.height()) for x in range(image.width())}
    assert {theme.colours.earn, theme.colours.bad, theme.colours.muted} <= names


def test_strangers_texts_are_plain(page: WalletPage) -> None:
    evil = "<a href='https://evil.example'>click</a>"
    wallet = a_wallet()
    show(page, replace(wallet, note=evil, payouts=(replace(wallet.payouts[0], note=evil),)))
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel) if label.text())
    model_of(page).put(0, 9, (replace(a_transaction(1), comment=evil),))
    assert model_of(page).text(0, Column.COMMENT) == evil


HOSTILE = "\u202e<b>gift</b>\x1b[2J\0" + "9" * 2**20


def test_hostile_texts_are_shown_as_text_and_cut(page: WalletPage) -> None:
    wallet = a_wallet()
    servers = (replace(wallet.servers[0], name=HOSTILE, note=HOSTILE),)
    payouts = (replace(wallet.payouts[0], note=HOSTILE, proxy=HOSTILE),)
    proxies = (replace(a_status().proxies[0], name=HOSTILE, public_key=HOSTILE),)
    hostile = replace(wallet, servers=servers, payouts=payouts, note=HOSTILE, owner=HOSTILE, node_wallet=HOSTILE)
    page.show_view(View(Link.ANSWERS, replace(a_status(), proxies=proxies), hostile))
    model_of(page).put(0, 9, (replace(a_transaction(1), comment=HOSTILE),))
    for label in page.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText or not label.text()
        assert len(label.text()) <= LONGEST_TEXT + 1
        assert all(letter.isprintable() or letter == "\n" for letter in label.text())
    assert "<b>gift</b>" in page.note.text()
    comment = model_of(page).index(0, Column.COMMENT)
    assert comment.data().startswith("<b>gift</b>") and len(comment.data()) <= 201
    tip = comment.data(Qt.ItemDataRole.ToolTipRole)
    assert tip.startswith("<p>&lt;b&gt;gift&lt;/b&gt;") and len(tip) < 300


def test_what_is_unverified_says_what_that_means(page: WalletPage) -> None:
    model_of(page).put(0, 9, (a_transaction(2, TransactionKind.SPAM), a_transaction(1)))
    told = [model_of(page).index(row, Column.KIND).data(Qt.ItemDataRole.ToolTipRole) for row in (0, 1)]
    assert told == [f"<p>{wallet_wording.UNVERIFIED}</p>", None]


def test_play_money_is_there_on_the_demo_network_alone_and_asked_for_once(page: WalletPage) -> None:
    asked: list[bool] = []
    page.addresses.play_money_asked.connect(lambda: asked.append(True))
    show(page, a_wallet())
    button = page.addresses.play_money
    for _ in range(2):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert (asked, button.text(), button.isEnabled()) == ([True], "Asking…", False)
    page.addresses.play_money_answered()
    assert (button.text(), button.isEnabled()) == ("Get play money", True)
    show(page, a_wallet(), is_demo=False)
    assert not button.isVisible()
    show(page, replace(a_wallet(), top_up_url=None))
    assert not button.isVisible()


def test_a_node_at_rest_is_no_warning(page: WalletPage) -> None:
    show(page, stale(a_wallet()))
    assert not page.note.isVisible()
    assert "TON is read while the node works" in page.chain.text()
    assert page.chain.property("look") == "source"


@pytest.mark.parametrize("width", [1040, 760, 488])
@pytest.mark.parametrize("is_demo", [True, False])
def test_nothing_is_cut_at_any_width(page: WalletPage, width: int, is_demo: bool, settle: Callable[[], None]) -> None:
    wallet = a_wallet()
    assert wallet.node_wallet_balance is not None
    low = replace(wallet.node_wallet_balance, amount=Nanoton(1))
    show(page, replace(wallet, node_wallet_balance=low, note="TON does not answer."), is_demo=is_demo)
    page.resize(width, 640)
    settle()
    assert_nothing_is_cut(page)
