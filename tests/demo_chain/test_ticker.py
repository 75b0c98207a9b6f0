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
