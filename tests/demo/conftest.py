"""One emulator for all tests of this folder: it remembers nothing between calls."""

from pathlib import Path

import pytest

from mulberry.ton.emulator.executor import Emulator


@pytest.fixture(scope="session")
def emulator(emulator_cache: Path) -> Emulator:
    return Emulator.load(emulator_cache)
