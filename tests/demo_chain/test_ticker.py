"""The demo's payouts must show within two blocks, and its quiet hours must not fill the memory with empty ones."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mulberry.demo.chain import ticker
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address

pytestmark = pytest.mark.virtual_time

SHOP = Address(b"\x77" * 32)


@contextlib.asynccontextmanager
async def ticking(chain: LocalChain) -> AsyncIterator[None]:
    task = asyncio.create_task(ticker.run(chain, 1.0, idle_interval=10.0))
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_is_done_at_the_next_tick(chain: LocalChain) -> None:
    async with ticking(chain):
        chain.faucet(SHOP, Nanoton(1))
        await asyncio.sleep(1.5)
        assert chain.account(SHOP).balance == 1


async def test_without_work_blocks_are_rare_but_never_stop(chain: LocalChain) -> None:
    before = chain.head.seqno
    async with ticking(chain):
        await asyncio.sleep(100.5)
    assert chain.head.seqno - before == 10


async def test_a_payment_is_in_the_file_before_anyone_can_see_it(chain: LocalChain) -> None:
    written: list[int] = []
    task = asyncio.create_task(ticker.run(chain, 1.0, keep=lambda: written.append(chain.account(SHOP).balance)))
    await asyncio.sleep(30.5)
    assert written == []  # nothing happened
    for balance in (1, 2):
        chain.faucet(SHOP, Nanoton(1))
        while chain.account(SHOP).balance < balance:
            assert written == [1, 2][: balance - 1]
            await asyncio.sleep(0.01)
    assert written == [1, 2]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert written == [1, 2, 2]  # and at the end


async def test_a_full_disk_stops_no_blocks(chain: LocalChain, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OSError("no space left")

    task = asyncio.create_task(ticker.run(chain, 1.0, keep=fail))
    await asyncio.sleep(15)
    for balance in (1, 2):
        chain.faucet(SHOP, Nanoton(1))
        await asyncio.sleep(15)
        assert chain.account(SHOP).balance == balance
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "no space left" in caplog.text
