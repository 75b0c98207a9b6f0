import pytest

from synthetic_tdx import SyntheticIntel


@pytest.fixture(scope="session")
def intel() -> SyntheticIntel:
    """One made-up Intel for all: its keys take a moment."""
    return SyntheticIntel()
