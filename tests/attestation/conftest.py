import pytest

from shown_computer import World
from synthetic_gpu_report import SyntheticNvidia
from synthetic_tdx import SyntheticIntel


@pytest.fixture(scope="session")
def intel() -> SyntheticIntel:
    """One made-up Intel for all: its keys take a moment."""
    return SyntheticIntel()


@pytest.fixture(scope="session")
def nvidia() -> SyntheticNvidia:
    """One made-up NVIDIA for all."""
    return SyntheticNvidia()


@pytest.fixture(scope="session")
def world(intel: SyntheticIntel, nvidia: SyntheticNvidia, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A computer with all of it, and what a verifier needs. Nothing changes it."""
    return World(tmp_path_factory.mktemp("world"), intel, nvidia)
