"""What the terminal prints is read by people and by scripts: nothing in it may be missing, invented or dangerous."""

import csv
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mulberry.agent.reasons import paused_by_rule
from mulberry.cli.report import Asked, make_report, percentile
from mulberry.cli.words import of_error, of_jobs, of_jobs_as_csv, of_proxies, of_reason, of_status, seconds
from mulberry.model.benchmark import Estimate
from mulberry.model.errors import UserFacingError
from mulberry.model.gpu import GpuCondition, UnreadGpu
from mulberry.model.jobs import JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.node import Intent, NodeState, OwnServer, ProxyState, Want
from mulberry.model.rules import Hold, Rule
from mulberry.model.wallet import Reconciliation
from samples import NO_GPU, NOON, UNREACHABLE, a_job, a_status, on_a_gpu


@pytest.mark.parametrize("state", NodeState)
def test_every_state_is_told_with_its_money_and_its_moment(state: NodeState) -> None:
    told = "\n".join(of_status(a_status(state)))
    assert "earned" in told and "payable" in told and "as of" in told
    assert "play money" in told


def test_reasons_and_steps_are_told_while_they_matter() -> None:
    status = replace(a_status(NodeState.GETTING_READY), reasons=(UNREACHABLE,))
    told = "\n".join(of_status(status))
    assert of_reason(UNREACHABLE) in told
    assert "[…] Load the model" in told


def test_a_rule_that_holds_is_told_once() -> None:
    held = tuple(paused_by_rule(Hold(rule, f"Because of {rule}."), None) for rule in (Rule.APPS, Rule.IDLE))
    status = replace(a_status(NodeState.PAUSED), reasons=held, intent=Intent(Want.START, NOON))
    lines = list(of_status(status))
    assert ["Because of apps." in line for line in lines].count(True) == 1
    assert lines[0].startswith("Paused by your rules. Because of apps. It goes on by itself")
    assert lines[1].startswith("  Because of idle.")


def test_prompts_that_leave_this_computer_are_told() -> None:
    status = replace(a_status(), own_servers=(OwnServer("gpu.example", is_here=False, is_encrypted=True),))
    told = list(of_status(status))
    assert "  servers  Prompts leave this computer for gpu.example, which no sandbox of ours reaches." in told
    assert not any("sandbox  " in line for line in told)


def test_a_newer_version_is_told_where_everything_else_is() -> None:
    (line,) = set(of_status(replace(a_status(), newer_version="0.2.0"))) - set(of_status(a_status()))
    assert line == "Version 0.2.0 of Mulberry is there: `mulberry update` says what is new."


def test_what_it_could_earn_is_called_an_estimate_and_stands_apart() -> None:
    estimate = Estimate(Nanoton(86_400_000), "Qwen3", "NVIDIA H200", 1, NOON, 1000)
    (line,) = set(of_status(replace(a_status(), estimate=estimate))) - set(of_status(a_status()))
    assert line.startswith(
        "  estimate up to 0.0864 TON an hour. An estimate, at full load: measured on NVIDIA H200 with"
    )


def test_a_gpu_in_trouble_is_told_with_its_trouble() -> None:
    working = on_a_gpu(a_status())
    assert not any("GPU" in line and line.endswith(".") for line in of_status(working))
    lost = replace(working.gpus.gpus[0], condition=GpuCondition.LOST)
    told = list(of_status(replace(working, gpus=replace(working.gpus, gpus=(lost,)))))
    assert f"           {GpuCondition.LOST.told}" in told
    nameless = UnreadGpu("00000000:02:00.0", GpuCondition.NOT_PERMITTED)
    told = list(of_status(replace(working, gpus=replace(working.gpus, unread=(nameless,)))))
    assert f"  GPU      at 00000000:02:00.0: {GpuCondition.NOT_PERMITTED.told}" in told


def test_a_gpu_that_may_still_come_is_awaited_until_a_moment() -> None:
    until = NOON + timedelta(minutes=5)
    told = list(of_status(replace(a_status(), gpus=replace(NO_GPU, waiting_until=until))))
    assert f"           waiting for it until {until.astimezone():%H:%M}" in told


def test_a_job_without_the_proxys_word_shows_an_estimate_as_such() -> None:
    job = replace(a_job(7), confirmed_tokens=None)
    (_, line) = of_jobs([job])
    assert re.search(r"~[\d.,]+ TON", line)
    assert "~" not in list(of_jobs([replace(job, confirmed_tokens=job.adjusted_tokens)]))[1]


def test_a_job_that_was_paid_too_little_says_so() -> None:
    job = a_job(7)
    assert "less than this computer counted" not in list(of_jobs([job]))[1]
    assert "0.000001 TON less" in list(of_jobs([replace(job, confirmed_tokens=job.adjusted_tokens - 50)]))[1]


def test_each_proxy_is_told_with_its_state_its_proof_and_its_money() -> None:
    (proxy,) = a_status().proxies
    working = replace(
        proxy, state=ProxyState.WORKING, address="127.0.0.1:4000", connected_since=NOON, transport="ratls"
    )
    aside = replace(
        proxy,
        name="the liar",
        connected=False,
        state=ProxyState.PUT_ASIDE,
        note="Its key changed.",
        next_attempt_at=NOON,
        owed=Nanoton(5_000),
        underpaid=Nanoton(7_000),
    )
    told = list(of_proxies([aside, working]))
    assert told[0].startswith("demo-proxy at 127.0.0.1:4000 (ratls): working since")
    text = "\n".join(told)
    assert "the liar" in text and "Its key changed. Next attempt" in text
    assert "proof    TEST, nothing proven" in text and proxy.public_key in text
    assert "0.000005 TON not signed yet" in text and "0.000007 TON less confirmed" in text
    assert list(of_proxies([])) == ["No proxy was met yet."]


def test_a_formula_in_a_strangers_error_is_harmless_in_a_spreadsheet() -> None:
    job = replace(a_job(1), outcome=JobOutcome.REFUSED, error='=HYPERLINK("http://evil","x"),\n"two"')
    names, row = csv.reader("\n".join(of_jobs_as_csv([job])).splitlines(keepends=True))
    assert len(names) == len(row)
    assert row[names.index("error")].startswith("'=HYPERLINK")


def test_an_error_is_told_with_all_its_parts() -> None:
    error = UserFacingError("It broke.", "It was old.", "Mend it.", detail="part 7")
    assert list(of_error(error)) == ["It broke.", "It was old.", "Mend it.", "(part 7)"]


@pytest.mark.parametrize(("text", "value"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), ("2d", 172_800)])
def test_durations_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "1", "h", "-1h", "1e9h", "1h30m", "١h", "nan", "9999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("values", "percent", "value"),
    [([], 50, None), ([5.0], 99, 5.0), ([1.0, 2.0], 50, 1.0), ([float(i) for i in range(1, 101)], 99, 99.0)],
)
def test_percentiles_by_hand(values: list[float], percent: int, value: float | None) -> None:
    assert percentile(values, percent) == value


NOTHING = Nanoton(0)
SETTLED = Reconciliation(NOTHING, NOTHING, NOTHING, NOTHING, (), True, True, datetime(2026, 1, 1, tzinfo=UTC))


def an_answer(number: int, *, right: bool = True, error: str = "") -> Asked:
    return Asked(number, "2+2=?", "4", "4", right, 10.0 * number, error)


def test_a_run_is_complete_only_if_all_was_served_confirmed_paid_and_booked() -> None:
    before = a_status(NodeState.READY, jobs=0)
    jobs = [replace(a_job(i), outcome=JobOutcome.DONE, error="", confirmed_tokens=10) for i in (1, 2)]
    earned = sum(job.earned for job in jobs)
    earnings = replace(
        before.earnings, payable=Nanoton(before.earnings.payable + earned), paid=Nanoton(before.earnings.paid + 7)
    )
    after = replace(before, earnings=earnings)
    asked = [an_answer(1), an_answer(2, right=False)]
    report = make_report(jobs, asked, before, after, SETTLED, 1.5)
    assert (report.jobs_done, report.answers_right, report.nanoton_earned) == (2, 1, earned)
    assert report.latency_p50_ms == 10 and report.latency_p99_ms == 20
    assert (report.paid_nanoton, report.reconciled) == (7, True)
    assert report.is_complete(2)
    assert not report.is_complete(3)
    assert not make_report(jobs, asked, before, after, replace(SETTLED, is_settled=False), 1.5).is_complete(2)
    unread = make_report(jobs, asked, before, after, replace(SETTLED, is_compared=False, is_settled=False), 1.5)
    assert any("not compared with the chain yet" in line for line in unread.lines())
    assert not make_report(jobs, asked[:1], before, after, SETTLED, 1.5).is_complete(2), (
        "an answer never reached its customer"
    )
    assert not make_report(jobs, asked, before, before, SETTLED, 1.5).is_complete(2), "not paid"
    unconfirmed = [jobs[0], replace(jobs[1], confirmed_tokens=None)]
    assert not make_report(unconfirmed, asked, before, after, SETTLED, 1.5).is_complete(2)
    failed = [jobs[0], replace(jobs[1], outcome=JobOutcome.FAILED)]
    assert not make_report(failed, asked, before, after, SETTLED, 1.5).is_complete(1)
