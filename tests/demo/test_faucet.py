"""Play money is for everybody, but not so fast that it fills the chain."""

import asyncio

import pytest

from mulberry.demo.faucet import GIFT, REMEMBERED, Faucet, TooSoonError
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address

pytestmark = pytest.mark.virtual_time


def address(number: int) -> Address:
    return Address(number.to_bytes(32, "big"))


async def test_after_a_minute_it_gives_again() -> None:
    given: list[tuple[Address, Nanoton]] = []
    faucet = Faucet(lambda to, amount: given.append((to, amount)))
    assert faucet.ask(address(1)) == GIFT == 5 * 10**9
    await asyncio.sleep(40)
    with pytest.raises(TooSoonError, match="ask again in 20 s") as refused:
        faucet.ask(address(1))
    assert refused.value.wait_seconds == pytest.approx(20, abs=0.1)
    faucet.ask(address(2))
    await asyncio.sleep(20.1)
    faucet.ask(address(1))
    with pytest.raises(TooSoonError):
        faucet.ask(address(2))
    assert given == [(address(number), GIFT) for number in (1, 2, 1)]


async def test_many_addresses_at_once_are_bounded_and_forgotten() -> None:
    given: list[Address] = []
    faucet = Faucet(lambda to, _: given.append(to))
    for number in range(REMEMBERED):
        faucet.ask(address(number))
    with pytest.raises(TooSoonError):
        faucet.ask(address(REMEMBERED))
    await asyncio.sleep(60.1)
    faucet.ask(address(REMEMBERED))
    assert len(given) == REMEMBERED + 1
