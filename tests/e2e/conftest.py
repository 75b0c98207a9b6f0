"""Each story gets a fresh user, and leaves no process behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from own_mulberry import Mulberry, fresh_user


@pytest.fixture
def mulberry(tmp_path: Path) -> Iterator[Mulberry]:
    with fresh_user(tmp_path / "own") as user:
        yield user


@pytest.fixture(autouse=True)
def without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
