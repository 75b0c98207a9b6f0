"""An installer replaces files under whoever still runs, and strangers' requests would be lost: all must end first."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.client.control import ControlClient
from mulberry.client.farewell import is_free
from mulberry.client.leaving import folders_of, leave
from mulberry.client.spawn import start_agent
from mulberry.model.control import Command
from mulberry.model.node import Want
from mulberry.model.places import DataFolder

WORK_SECONDS = 40.0


async def test_agents_of_all_networks_end_and_their_owners_wishes_stay(tmp_path: Path) -> None:
    demo = DataFolder.of_network(tmp_path, "demo")
    (tmp_path / "model_store").mkdir()
    (tmp_path / "settings.json").write_text("{}")
    await start_agent(tmp_path)
    client = ControlClient(demo)
    await client.command(Command(Want.START))
    said: list[str] = []
    assert await leave(folders_of(tmp_path), WORK_SECONDS, said.append)
    assert said == ["demo: the agent has ended."]
    assert is_free(demo.lock)
    await start_agent(tmp_path)
    try:
        assert (await client.status()).intent.want is Want.START
    finally:
        await client.command(Command(Want.STOP))
        assert await leave(folders_of(tmp_path), WORK_SECONDS, said.append)


@pytest.mark.parametrize("there", [True, False])
def test_where_nothing_runs_there_is_nothing_to_say(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "data"
    if there:
        DataFolder.of_network(folder, "demo").create()
    result = CliRunner().invoke(application, ["leave", "--data", str(folder)])
    assert (result.exit_code, result.output) == (0, "")
