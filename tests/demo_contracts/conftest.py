"""One emulator for all tests of this folder: compiling it takes seconds, and it remembers nothing between calls."""

import pytest

from mulberry.demo.chain.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    return Emulator.load(tmp_path_factory.getbasetemp() / "emulator")
