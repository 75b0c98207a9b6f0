"""One emulator for all tests of this folder: compiling it takes seconds, and it remembers nothing between calls."""

from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.demo.chain.chain import LocalChain
from mulberry.model.money import Nanoton
from mulberry.ton.address import Address
from mulberry.ton.emulator.executor import Emulator

OURS = Address(b"\x77" * 32)


@pytest.fixture(scope="session")
def emulator(emulator_cache: Path) -> Emulator:
    return Emulator.load(emulator_cache)


@pytest.fixture
def chain(emulator: Emulator, clock: SettableClock) -> LocalChain:
    """Seven validators, eight blocks, and an account of ours with three payments."""
    chain = LocalChain(b"chain access", clock, emulator, validators=7)
    for toncoin in (1, 2, 3):
        chain.faucet(OURS, Nanoton(toncoin * 10**9))
        chain.make_block()
        clock.pass_time(seconds=5)
    for _ in range(4):
        chain.make_block()
    return chain
