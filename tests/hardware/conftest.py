"""The fake driver, built once a run, and an empty computer for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_driver import FakeDriver, build_library, loaded


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = build_library(tmp_path_factory.mktemp("fake-nvml"))
    if library is None:
        pytest.skip("needs a C compiler to build the fake driver")
    return library


@pytest.fixture
def driver(nvml_library: Path, tmp_path: Path) -> Iterator[FakeDriver]:
    with loaded(nvml_library, tmp_path / "driver-state") as driver:
        yield driver
