"""Money on the terminal: what is not known is not zero, and what strangers wrote does nothing."""

import csv
from dataclasses import replace

import pytest

from mulberry.cli.money_words import COLUMNS, of_history, of_history_as_csv, of_owner, of_payout, of_wallet
from mulberry.cli.words import of_error, of_jobs, of_status
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.text import LONGEST_TEXT
from mulberry.model.wallet import PayoutState, TransactionKind
from samples import a_job, a_status, a_transaction, a_wallet


def test_the_wallet_is_told_with_its_proof_and_its_minimum() -> None:
    wallet = a_wallet()
    told = "\n".join(of_wallet(wallet))
    assert wallet.node_wallet in told and wallet.owner in told
    assert "proven by" in told and "to start" in told
    assert "Too little" not in told
    poor = "\n".join(of_wallet(replace(wallet, minimum=Nanoton(10**12))))
    assert "Too little to work" in poor and "Getting low" not in poor


def test_what_is_not_read_yet_is_said_to_be_so() -> None:
    wallet = replace(a_wallet(), node_wallet_balance=None, owner_balance=None, node_wallet="", head_seqno=None)
    told = "\n".join(of_wallet(wallet))
    assert told.count("not read yet") == 2 and "no key yet" in told


@pytest.mark.parametrize("state", PayoutState)
def test_every_state_of_a_payout_has_its_line(state: PayoutState) -> None:
    payout = replace(a_wallet().payouts[0], state=state, note="So it is.")
    assert f"{state}. So it is." in of_payout(payout)


@pytest.mark.parametrize("kind", TransactionKind)
def test_a_transaction_is_one_line_whatever_a_stranger_wrote(kind: TransactionKind) -> None:
    hostile = replace(a_transaction(1, kind), comment="\x1b[2J\r\nclaim \u202ehttps://evil.example" + "x" * 5000)
    lines = list(of_history([hostile]))
    assert len(lines) == 2 and len(lines[1]) < 200
    assert lines[1].isprintable()


def test_terminal_and_window_call_a_strangers_doing_the_same() -> None:
    lines = list(of_history([a_transaction(1, TransactionKind.FOREIGN), a_transaction(2, TransactionKind.SPAM)]))
    assert "unverified" in lines[1] and "spam" in lines[2] and "foreign" not in "".join(lines)


def test_an_owner_is_told_what_his_address_must_be_able_to_do() -> None:
    kept, named = (" ".join(of_owner(a_wallet(), is_new=is_new)) for is_new in (False, True))
    assert a_wallet().owner in kept and "no exchange's" in kept
    assert "a node wallet of his own" in named and "of his own" not in kept
    assert "Nobody is named" in next(of_owner(replace(a_wallet(), owner=""), is_new=False))


HOSTILE = "\u202e\x1b[2J\x1b]0;title\x07\r\n" + "9" * 2**20


def test_no_strangers_text_reaches_the_terminal_as_a_command() -> None:
    wallet = replace(a_wallet(), note=HOSTILE, owner=HOSTILE)
    servers = (replace(wallet.servers[0], name=HOSTILE, is_good=False, note=HOSTILE),)
    payouts = (replace(wallet.payouts[0], note=HOSTILE),)
    proxies = (replace(a_status().proxies[0], name=HOSTILE, attestation=HOSTILE),)
    job = replace(a_job(1, outcome=JobOutcome.FAILED), error=HOSTILE)
    error = UserFacingError(HOSTILE, HOSTILE, HOSTILE, detail=HOSTILE)
    lines = [
        *of_wallet(replace(wallet, servers=servers, payouts=payouts)),
        *of_owner(wallet, is_new=True),
        *map(of_payout, payouts),
        *of_history([replace(a_transaction(1), comment=HOSTILE)]),
        *of_status(replace(a_status(), proxies=proxies)),
        *of_jobs([job]),
        *of_error(error),
    ]
    assert all(line.isprintable() and len(line) <= LONGEST_TEXT + 1 for line in lines)


def test_money_that_comes_and_goes_carries_its_sign() -> None:
    (_, came) = of_history([replace(a_transaction(1), amount=Nanoton(7), success=True)])
    (_, went) = of_history([replace(a_transaction(1), amount=Nanoton(-7), success=False)])
    assert "+0.000000007 TON" in came and "-0.000000007 TON" in went and "(failed)" in went


def test_a_formula_in_a_comment_is_harmless_in_a_spreadsheet() -> None:
    hostile = replace(a_transaction(1), comment='=HYPERLINK("http://evil","x"),\n"two"')
    names, row = csv.reader("\n".join(of_history_as_csv([hostile])).splitlines(keepends=True))
    assert tuple(names) == COLUMNS and len(row) == len(COLUMNS)
    assert row[names.index("comment")].startswith("'=HYPERLINK")
