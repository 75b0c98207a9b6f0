"""What the proxy signs is what workers live on: it must cover all they did, follow soon, and never shrink."""

import asyncio
import sqlite3
from pathlib import Path
from random import Random
from typing import Any

import pytest
from nacl.signing import SigningKey

from demo_worker import MemoryBook, connected_worker
from mulberry.cocoon.seams import ProxyRefused
from mulberry.demo.accounts import Account, Accounts
from mulberry.demo.proxy import DemoProxy
from mulberry.demo.reply import Reply, RequestFailed
from mulberry.model.network import NetworkProfile, load_profile
from mulberry.model.payments import Counters

PROFILE = load_profile("demo")
TOKENS = 8  # what one answer of the in-memory engine is worth
KEY = SigningKey(bytes(range(32)))
CHAT = "/v1/chat/completions"
BODY = b'{"messages":[{"content":"hi","role":"user"}],"model":"mulberry/tiny-lm"}'


def make_proxy(accounts: Accounts, seed: int = 5, profile: NetworkProfile = PROFILE) -> DemoProxy:
    return DemoProxy(profile, profile.root_parameters(), KEY, accounts, Random(seed))


class AccountsOnFullDisk(Accounts):
    """Says what SQLite says: its own limit on pages does not count the write-ahead log."""

    is_full = False

    def save(self, account: Account, *, survives_power_loss: bool) -> None:
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        super().save(account, survives_power_loss=survives_power_loss)


async def read(reply: Reply) -> bytes:
    await reply.head()
    body = b""
    while (data := await reply.more()) is not None:
        body += data
    return body


@pytest.mark.virtual_time
async def test_each_answer_is_confirmed_and_then_paid(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port) as worker:
            book = worker.book
            assert [payment.tokens for payment in book.payments] == [0]  # the first one, in the handshake
            for _ in range(3):
                assert b'"hi"' in await read(proxy.ask(CHAT, BODY))
            await book.until_confirmed(3)
            assert list(book.confirmed.values()) == [TOKENS] * 3
            assert book.known == Counters(0, 0, 3 * TOKENS)
            started = loop.time()
            await book.until_paid(3 * TOKENS)
            assert loop.time() - started <= PROFILE.payment_commit_seconds + 0.5
            assert book.known.committed_to_blockchain == 3 * TOKENS
        await proxy.close()


@pytest.mark.virtual_time
async def test_the_end_of_the_network_leaves_nothing_unsigned(tmp_path: Path) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts, profile=PROFILE.model_copy(update={"payment_commit_seconds": 3600.0}))
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port) as worker:
            await read(proxy.ask(CHAT, BODY))
            await worker.book.until_confirmed(1)
            await proxy.close()
            await worker.book.until_paid(TOKENS)


@pytest.mark.virtual_time
async def test_a_restart_keeps_counters_and_the_newest_payment_to_the_byte(tmp_path: Path) -> None:
    book = MemoryBook(PROFILE)
    for run in range(3):
        with Accounts(tmp_path / "accounts.sqlite3") as accounts:
            proxy = make_proxy(accounts, seed=run)  # another seed: a payment signed anew would differ
            port = await proxy.listen("127.0.0.1", 0)
            async with connected_worker(PROFILE, port, book=book):
                if run == 2:
                    assert book.bocs[-1] == book.bocs[-2]
                else:
                    await read(proxy.ask(CHAT, BODY))
                    await book.until_paid((run + 1) * TOKENS)
            await proxy.close()
    assert book.known == Counters(2 * TOKENS, 2 * TOKENS, 2 * TOKENS)


@pytest.mark.virtual_time
async def test_what_was_earned_before_a_crash_is_signed_after_it(tmp_path: Path) -> None:
    book = MemoryBook(PROFILE)
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port, book=book):
            await read(proxy.ask(CHAT, BODY))
            await book.until_confirmed(1)
        assert book.contract is not None
        unsigned = accounts.find(book.contract)
        assert unsigned is not None
        assert unsigned.owed == TOKENS  # on disk already: this is what a killed process leaves
        await proxy.close()
    assert unsigned.counters == Counters(0, 0, TOKENS)


@pytest.mark.virtual_time
async def test_two_connections_of_one_owner_share_one_account(tmp_path: Path) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port, slots=1) as one, connected_worker(PROFILE, port, slots=1) as two:
            one.engine.gate.clear()
            two.engine.gate.clear()
            replies = [proxy.ask(CHAT, BODY) for _ in range(2)]
            await one.until_running(1)  # the second went to the other one: it is less loaded
            await two.until_running(1)
            one.engine.gate.set()
            two.engine.gate.set()
            for reply in replies:
                await read(reply)
            await one.book.until_paid(2 * TOKENS)
            await two.book.until_paid(2 * TOKENS)
        await proxy.close()


@pytest.mark.virtual_time
async def test_a_full_disk_delays_payments_and_loses_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with AccountsOnFullDisk(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port) as worker:
            accounts.is_full = True
            await read(proxy.ask(CHAT, BODY))
            await worker.book.until_confirmed(1)
            await asyncio.sleep(5 * PROFILE.payment_commit_seconds)
            assert "could not be written" in caplog.text
            assert worker.book.payments[-1].tokens == 0
            accounts.is_full = False
            await worker.book.until_paid(TOKENS)
        await proxy.close()


@pytest.mark.parametrize(
    "change", [{"model": "someone/else"}, {"is_test": False}], ids=["another model", "another network"]
)
@pytest.mark.virtual_time
async def test_a_worker_of_another_network_is_refused_in_words(tmp_path: Path, change: dict[str, Any]) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        with pytest.raises(ProxyRefused, match=r"no such model|is_test"):
            async with connected_worker(PROFILE, port, **change):
                pass
        await proxy.close()


@pytest.mark.virtual_time
async def test_requests_wait_for_a_busy_worker_but_not_for_ever(tmp_path: Path) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port, slots=1) as worker:
            worker.engine.gate.clear()
            first, second, third = (proxy.ask(CHAT, BODY) for _ in range(3))
            second.abandon()  # this customer leaves while waiting: the worker never hears of the request
            with pytest.raises(RequestFailed, match="stayed busy") as failure:
                await third.head()
            assert failure.value.status == 503
            worker.engine.gate.set()
            await read(first)
            await worker.book.until_confirmed(1)
            assert len(worker.book.served) == 1
        await proxy.close()


@pytest.mark.virtual_time
async def test_a_disabled_worker_gets_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    with Accounts(tmp_path / "accounts.sqlite3") as accounts:
        proxy = make_proxy(accounts)
        port = await proxy.listen("127.0.0.1", 0)
        async with connected_worker(PROFILE, port) as worker:
            await proxy.worker_ready()
            worker.session.set_enabled(False)
            await asyncio.sleep(0.1)
            with pytest.raises(RequestFailed, match="No worker"):
                await proxy.ask(CHAT, BODY).head()
            worker.session.set_enabled(True)
            await proxy.worker_ready()
            await read(proxy.ask(CHAT, BODY))
        await proxy.close()
