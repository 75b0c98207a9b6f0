"""Whoever stops a server over a terminal has only these lines to know that the GPU is free."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.client.farewell import NAMES, is_free
from mulberry.client.spawn import start_agent
from mulberry.model.places import DataFolder


def test_each_step_is_a_line_and_the_agent_is_gone(tmp_path: Path) -> None:
    asyncio.run(start_agent(tmp_path))
    result = CliRunner().invoke(application, ["quit", "--stop", "--data", str(tmp_path)])
    *steps, last = result.output.splitlines()
    assert [line.partition(":")[0] for line in steps] == list(NAMES)
    assert steps[-1] == "End the agent: done. Its process has ended."
    assert (result.exit_code, last) == (0, "Everything has ended.")
    assert is_free(DataFolder.of_network(tmp_path, "demo").lock)


def test_where_no_agent_runs_there_is_nothing_to_end(tmp_path: Path) -> None:
    result = CliRunner().invoke(application, ["quit", "--stop", "--data", str(tmp_path)])
    assert result.exit_code == 0
    assert "The agent did not run." in result.output
