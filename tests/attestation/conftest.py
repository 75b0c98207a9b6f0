import pytest

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
