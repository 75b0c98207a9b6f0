"""Each story gets a fresh user, and leaves no process behind."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from own_mulberry import Mulberry, processes_of


@pytest.fixture
def mulberry(tmp_path: Path) -> Iterator[Mulberry]:
    root = tmp_path / "own"
    user = Mulberry(root)
    yield user
    if processes_of(root):
        user.command("quit")
    _, left = psutil.wait_procs(processes_of(root), timeout=20)
    for process in left:
        process.kill()
    assert not left, f"processes left behind: {left}"


@pytest.fixture(autouse=True)
def without_a_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
