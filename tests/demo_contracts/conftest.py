"""One emulator for all tests of this folder: compiling it takes seconds, and it remembers nothing between calls."""

from collections.abc import Iterator

import pytest

from mulberry.demo.chain.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    yield Emulator.load(tmp_path_factory.getbasetemp() / "emulator")
