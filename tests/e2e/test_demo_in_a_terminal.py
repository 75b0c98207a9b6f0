"""The first thing a newcomer without a screen sees: it serves, is paid on the chain, books, ends when told to."""

import json
import signal
import subprocess

import pytest

from own_mulberry import Mulberry


@pytest.mark.parametrize("transport", ["plain", "ratls", "socks5"])
def test_fifty_jobs_are_served_paid_and_booked_by_each_way(mulberry: Mulberry, transport: str) -> None:
    words = ["--transport", transport, "--jobs", "50", "--rate", "3000", "--seed", "11", "--json"]
    done = mulberry.command("demo", "--headless", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["jobs_done"] == report["jobs_confirmed"] == report["answers"] == 50
    assert report["jobs_failed"] == 0
    assert report["answers_right"] >= 45, "the model is right far more often than that"
    assert report["nanoton_payable"] == report["nanoton_earned"] == 20_000 * report["tokens"] > 0
    assert 0 < report["paid_nanoton"] <= report["nanoton_payable"]
    assert report["reconciled"] is True
    assert 0 < report["latency_p50_ms"] <= report["latency_p99_ms"]
    assert 0 < report["seconds_to_first_job"] < 60
    assert not mulberry.processes(), "the demo takes down what it brought up"


def test_ctrl_c_ends_it_cleanly(mulberry: Mulberry) -> None:
    process = subprocess.Popen(
        mulberry.arguments("demo", "--headless", "--rate", "600"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:  # until the first answer
        lines.append(line)
        if "→" in line:
            process.send_signal(signal.SIGINT)
            break
    rest, errors = process.communicate(timeout=60)
    assert process.returncode == 0, "".join(lines) + rest + errors
    assert "Traceback" not in errors
    assert "play money" in rest
    assert not mulberry.processes()
