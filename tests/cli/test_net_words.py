"""What is left of the earnings, on a terminal: aligned, with its sources, and no zero for what is not known."""

import json

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.cli.net_words import of_net
from mulberry.model.encoding import from_json
from mulberry.model.net import NetStatus
from net_samples import A_NET, A_PLAY_NET


def test_three_periods_stand_side_by_side() -> None:
    lines = list(of_net(A_NET))
    rows = {line[:12].strip(): line[12:].split("  ") for line in lines[:8]}
    told = {name: [cell.strip() for cell in cells if cell] for name, cells in rows.items()}
    assert told[""] == ["today", "7 days", "30 days"]
    assert told["net"] == ["0.637 EUR", "-0.553 EUR", "3.191 EUR"]
    assert told["earned"] == ["0.4125 TON", "2.2125 TON", "12.412512345 TON"]
    assert told["worked"] == ["5 h 0 min", "61 h 0 min", "288 h 0 min"]
    assert told["drawn"][0] == "1.860 kWh"
    assert len({len(line) for line in lines[:8]}) == 1
    below = "\n".join(lines[8:])
    assert "Electricity: Measured by the GPU's own energy meter. 0.300 kWh of it are" in below
    assert "1 TON costs 2.950 EUR. As you typed it on 2026-11-20" in below


def test_play_money_is_worth_nothing_known() -> None:
    told = list(of_net(A_PLAY_NET))
    assert [line.split() for line in told if line.startswith(("worth", "net "))] == [
        ["worth", "now", *["unknown"] * 3],
        ["net", *["unknown"] * 3],
        ["net", "an", "hour", *["unknown"] * 3],
    ]
    assert "What the earnings are worth is not known. Play money has no price." in told


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async def net(client: object) -> NetStatus:
        return A_NET

    monkeypatch.setattr("mulberry.client.control.ControlClient.net", net)


@pytest.mark.usefixtures("answered")
def test_the_command_prints_a_table_or_json() -> None:
    result = CliRunner().invoke(application, ["earnings"])
    assert (result.exit_code, result.stdout.splitlines()) == (0, list(of_net(A_NET)))
    result = CliRunner().invoke(application, ["earnings", "--json"])
    assert from_json(NetStatus, result.stdout.encode()) == A_NET
    assert json.loads(result.stdout)["today"]["net"]["value"] == 637
