"""One emulator for all tests of this folder: compiling it takes seconds, and it remembers nothing between calls. And a
language that is not English."""

from dataclasses import replace
from pathlib import Path

import pytest

from conftest import SettableClock
from contract_network import PRICES, ContractNetwork
from mulberry.model import language
from mulberry.model.money import Nanoton
from mulberry.ton.emulator.executor import Emulator
from window_in_a_language import Brackets


@pytest.fixture(scope="session")
def emulator(emulator_cache: Path) -> Emulator:
    return Emulator.load(emulator_cache)


@pytest.fixture
def network(emulator: Emulator, clock: SettableClock) -> ContractNetwork:
    """Root, proxy and client with money; no worker yet. Tokens are worth their gas."""
    prices = replace(PRICES, worker_fee_per_token=Nanoton(20_000), price_per_token=Nanoton(24_000))
    network = ContractNetwork(emulator, clock, prices)
    network.open_shop()
    return network


@pytest.fixture
def in_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is translated during the test stands in brackets, with numbers as in German."""
    monkeypatch.setattr(language._Spoken, "language", "de")
    monkeypatch.setattr(language._Spoken, "catalogue", Brackets())
