"""One emulator for all tests of this folder: compiling it takes seconds, and it remembers nothing between calls."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import SettableClock
from mulberry.demo.chain.chain import LocalChain
from mulberry.ton.emulator.executor import Emulator


@pytest.fixture(scope="session")
def emulator(emulator_cache: Path) -> Emulator:
    return Emulator.load(emulator_cache)


@pytest.fixture
def chain(emulator: Emulator, clock: SettableClock) -> LocalChain:
    return LocalChain(b"seed", clock, emulator)


@pytest.fixture
def quiet_library() -> Iterator[None]:
    """pytoniq warns at every call of a get method that it did not prove the result."""
    logger = logging.getLogger("LiteClient")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
