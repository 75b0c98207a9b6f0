"""The counters are the proxy's word: they only grow, and they outlive the process."""

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.demo.accounts import LARGEST_COUNTER, Account, Accounts
from mulberry.model.errors import UserFacingError
from mulberry.model.payments import Counters
from mulberry.ton.address import Address

CONTRACT = Address(bytes(range(32)))
NEW = Account(CONTRACT, Counters(), b"first")


def test_saved_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite3"
    with Accounts(path) as accounts:
        assert accounts.find(CONTRACT) is None
        paid = NEW.after_earning(134).after_paying(b"second").after_earning(1)
        accounts.save(paid, survives_power_loss=True)
    with Accounts(path) as accounts:
        assert accounts.find(CONTRACT) == Account(CONTRACT, Counters(134, 134, 135), b"second")
        assert accounts.find(Address(bytes(32))) is None


def test_what_all_workers_earned_is_what_the_customers_used(tmp_path: Path) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        assert accounts.all_tokens() == 0
        for number, tokens in ((1, 134), (2, 66), (1, 135)):
            account = Account(Address(bytes([number]) * 32), Counters(0, 0, tokens), b"")
            accounts.save(account, survives_power_loss=False)
        assert accounts.all_tokens() == 135 + 66
        greedy = Account(CONTRACT, Counters(0, 0, LARGEST_COUNTER), b"")
        accounts.save(greedy, survives_power_loss=False)
        assert accounts.all_tokens() == LARGEST_COUNTER


@pytest.mark.parametrize("counters", [Counters(9, 10, 10), Counters(10, 10, 11), Counters(10, 11, 10)])
def test_no_counter_can_fall_or_overtake(tmp_path: Path, counters: Counters) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        accounts.save(Account(CONTRACT, Counters(10, 11, 12), b""), survives_power_loss=False)
        with pytest.raises(sqlite3.IntegrityError):
            accounts.save(Account(CONTRACT, counters, b""), survives_power_loss=False)


@given(st.lists(st.tuples(st.integers(0, 2**63 - 1), st.booleans())))
def test_whatever_is_earned_counters_grow_within_the_wires_numbers(steps: list[tuple[int, bool]]) -> None:
    account = NEW
    for tokens, pays in steps:
        before = account.counters
        account = account.after_earning(tokens)
        if pays:
            account = account.after_paying(b"")
            assert account.owed == 0
        after = account.counters
        assert before.max_known <= after.max_known <= LARGEST_COUNTER
        assert before.committed_to_blockchain <= after.committed_to_blockchain <= after.committed_to_db


def test_a_second_network_on_the_folder_is_refused_clearly(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite3"
    for _ in range(2):  # a new file, then an existing one that nothing was written to
        with Accounts(path), pytest.raises(UserFacingError, match="Another demo network runs on this folder"):
            Accounts(path)


def test_a_damaged_file_is_left_as_it_is_and_named(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite3"
    path.write_bytes(b"this is not a database, not at all" * 100)
    with pytest.raises(UserFacingError, match="could not be opened") as error:
        Accounts(path)
    assert str(path) in error.value.why
    assert path.read_bytes().startswith(b"this is not")


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "accounts.sqlite3"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(UserFacingError, match="version 2"):
        Accounts(path)


@pytest.mark.skipif(os.name == "nt", reason="POSIX folders")
def test_a_place_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserFacingError, match="could not be opened"):
        Accounts(tmp_path / "file" / "accounts.sqlite3")
