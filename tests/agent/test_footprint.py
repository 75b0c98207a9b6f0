"""The agent runs all day beside its owner's work: what it does not need it must not load."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from mulberry.client.control import ControlClient
from mulberry.client.spawn import start_agent
from mulberry.model.places import DataFolder

MEMORY_LIMIT_BYTES = 90 * 2**20


def modules_after(imported: str) -> set[str]:
    """The packages that are loaded once `imported` is."""
    code = f"import sys, {imported}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


@pytest.mark.parametrize(
    ("imported", "unneeded"),
    [
        (
            "mulberry.agent.main",
            {"onnxruntime", "numpy", "tokenizers", "PySide6", "typer", "jinja2", "pytoniq", "requests", "keyring"},
        ),
        ("mulberry.client.control", {"aiohttp", "sqlite3", "PySide6", "typer", "pytoniq_core"}),
        ("mulberry.client.spawn", {"aiohttp", "sqlite3", "PySide6", "typer", "pytoniq_core"}),
        ("mulberry.cli.main", {"aiohttp", "pydantic", "sqlite3", "PySide6", "rich", "numpy", "pynvml"}),
    ],
)
def test_nothing_is_loaded_that_is_not_needed(imported: str, unneeded: set[str]) -> None:
    assert modules_after(imported) & unneeded == set()


async def test_an_agent_that_waits_for_its_owner_is_small(tmp_path: Path) -> None:
    hello = await start_agent(tmp_path)
    try:
        agent = psutil.Process(hello.pid)
        assert agent.memory_info().rss < MEMORY_LIMIT_BYTES
        assert agent.children() == []
    finally:
        await ControlClient(DataFolder.of_network(tmp_path, "demo")).quit()
