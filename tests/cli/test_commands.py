"""Scripts and people on servers have only these commands: each is run as they would run it, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MULBERRY = [sys.executable, "-m", "mulberry"]


class CommandLine:
    """`mulberry` with a data folder of the test's."""

    def __init__(self, data: Path) -> None:
        self.environment = os.environ | {"MULBERRY_DATA": str(data)}
        self.environment.pop("DISPLAY", None)
        self.environment.pop("WAYLAND_DISPLAY", None)

    def __call__(self, *words: str, status: int = 0) -> str:
        """What the command said. Fails the test when its exit status is another one, or it showed its innards."""
        done = subprocess.run([*MULBERRY, *words], capture_output=True, text=True, env=self.environment, timeout=150)
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if status == 0 else done.stderr


@pytest.fixture
def mulberry(tmp_path: Path) -> Iterator[CommandLine]:
    command = CommandLine(tmp_path)
    yield command
    subprocess.run([*MULBERRY, "quit"], capture_output=True, env=command.environment)


def test_without_an_agent_every_question_says_so_and_how_to_go_on(mulberry: CommandLine) -> None:
    for command in (["status"], ["pause", "--for", "1h"], ["jobs"], ["wallet"], ["history"], ["payout"]):
        said = mulberry(*command, status=1)
        assert "The agent is not running." in said
        assert "mulberry start" in said


def test_a_day_of_an_agent(mulberry: CommandLine) -> None:
    started = mulberry("start")
    assert "[✓] Load the model" in started and "[✓] Connect to a proxy" in started
    assert "play money" in started
    status = json.loads(mulberry("status", "--json"))
    assert status["state"] in ("ready", "earning")
    assert status["sentence"]
    assert status["sandbox"]
    assert "Demo network" in mulberry("status")
    assert isinstance(json.loads(mulberry("jobs", "--json", "--last", "5")), list)
    wallet = json.loads(mulberry("wallet", "--json"))
    assert wallet["node_wallet_balance"]["amount"] > 10**9
    assert wallet["node_wallet"] in mulberry("wallet")
    assert "once a minute" in mulberry("wallet", "--get-play-money", status=1), "the start asked for it already"
    assert "Nothing was paid out." in mulberry("payout", "--proxy", "00" * 32, status=1)
    assert "lt,hash" in mulberry("history", "--csv").splitlines()[0]
    assert wallet["owner"] in mulberry("owner")
    assert "mulberry stop" in mulberry("owner", wallet["node_wallet"], status=1), "not while it works"
    assert "mulberry quit" in mulberry("start", "--ton-config", "servers.json", status=1), "not while it runs"
    assert isinstance(json.loads(mulberry("history", "--json")), list)
    mulberry("pause", "--for", "30m")
    assert json.loads(mulberry("status", "--json"))["intent"]["want"] == "pause"
    mulberry("stop")
    mulberry("quit")
    mulberry("status", status=1)


@pytest.mark.parametrize("words", [["pause"], ["pause", "--for", "soon"], ["jobs", "--last", "0"], ["frobnicate"]])
def test_a_wrong_command_line_is_refused_with_usage(mulberry: CommandLine, words: list[str]) -> None:
    assert "Usage" in mulberry(*words, status=2)


def test_an_unknown_network_is_refused_in_words(mulberry: CommandLine) -> None:
    assert "could not be read" in mulberry("agent", "--network", "no-such-network", status=1)


def test_a_reader_that_goes_away_is_no_error(mulberry: CommandLine) -> None:
    mulberry("start")
    with subprocess.Popen(
        [*MULBERRY, "jobs", "--csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=mulberry.environment,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""


def test_the_demo_serves_pays_and_books_what_was_asked_for_and_leaves_nothing(mulberry: CommandLine) -> None:
    report = json.loads(mulberry("demo", "--headless", "--jobs", "6", "--seed", "1", "--json"))
    assert (report["jobs_done"], report["jobs_failed"], report["answers"]) == (6, 0, 6)
    assert report["answers_right"] >= 5, "the model is not perfect, but it is good"
    assert report["nanoton_payable"] == report["nanoton_earned"] > 0
    assert report["latency_p99_ms"] >= report["latency_p50_ms"] > 0
    assert not Path(mulberry.environment["MULBERRY_DATA"], "demo").exists(), "the demo used the owner's own folder"


def test_ctrl_c_ends_the_demo_cleanly(mulberry: CommandLine, tmp_path: Path) -> None:
    words = ["demo", "--headless", "--rate", "600", "--data", str(tmp_path / "demo-data")]
    with subprocess.Popen([*MULBERRY, *words], stdout=subprocess.PIPE, text=True, env=mulberry.environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "→" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stdout.read()
        assert process.wait() == 0
    assert "jobs done" in said and "play money" in said
    assert not (tmp_path / "demo-data" / "demo" / "agent.sock").exists()


def test_the_sandbox_is_tried_out_and_told_in_words_and_as_json(mulberry: CommandLine) -> None:
    done = subprocess.run([*MULBERRY, "sandbox", "selftest", "--json"], capture_output=True, text=True, timeout=150)
    found = json.loads(done.stdout)
    holding = [tier["tier"] for tier in found["tiers"] if tier["holds"]]
    assert found["chosen"] == (holding[0] if holding else "no sandbox")
    assert done.returncode == (0 if holding else 1)
    assert all(all(tier["checks"].values()) is tier["holds"] for tier in found["tiers"] if tier["checks"])
    if holding:
        assert f"Strangers' jobs run in: {holding[0]}." in mulberry("sandbox", "selftest")
        assert "[✓] a job cannot list your home folder" in mulberry("sandbox", "selftest")


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
def test_a_benchmark_is_measured_told_and_remembered(mulberry: CommandLine) -> None:
    assert "Nothing was measured yet" in mulberry("benchmark", "--last", status=1)
    told = mulberry("benchmark", "--seconds", "0.5")
    assert "on the CPU" in told and "Landlock" in told
    assert "a day could earn" in told and "at most, which is play money" in told
    assert "Power: not measured" in told
    remembered = json.loads(mulberry("benchmark", "--last", "--json"))
    assert [speed["at_once"] for speed in remembered["speeds"]] == [1, 4, 16]
    assert all(speed["tokens_per_second"] > 1 for speed in remembered["speeds"])
    assert mulberry("benchmark", "--last") == told
    assert "There is no model 'x'" in mulberry("benchmark", "--model", "x", status=1)
