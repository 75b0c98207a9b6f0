"""Who lends a computer must be obeyed: start, finish, pause and payout as typed, with every process as in real life."""

import asyncio

import psutil
from pytest_bdd import given, scenarios, then, when

from mulberry.client.spawn import start_agent
from mulberry.model.clock import SystemClock
from mulberry.model.encoding import from_json
from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.money import Nanoton
from mulberry.model.node import NodeState, Status, StepState, Want
from mulberry.model.wallet import ChainTransaction, TransactionKind
from own_mulberry import kill
from story import ALL_THE_TIME, Story

scenarios("owner.feature")


@given("an owner who has never started Mulberry")
def nobody_began(story: Story) -> None:
    story.mulberry.set_traffic(ALL_THE_TIME)
    assert story.mulberry.processes() == []


@then("each step of the start-up is told and none has failed")
def each_step_is_told(story: Story) -> None:
    assert story.last is not None
    assert story.last.returncode == 0, story.said
    steps = story.status.steps
    assert len(steps) > 10
    for step in steps:
        assert step.name in story.said
        assert step.state in (StepState.DONE, StepState.SKIPPED)


@then("each job that is paid was booked once")
def booked_once(story: Story) -> None:
    jobs = story.jobs
    assert [job.number for job in jobs] == list(range(1, len(jobs) + 1))
    assert len({job.request_id for job in jobs}) == len(jobs)


@then("it comes to a stop by itself")
def it_stops(story: Story) -> None:
    story.wait_for(lambda event: event.status.state is NodeState.STOPPED)


@then("every request that it had taken was answered to its end")
def none_was_cut_off(story: Story) -> None:
    jobs = story.jobs
    assert {job.outcome for job in jobs} == {JobOutcome.DONE}


@then("it works no more")
def it_works_no_more(story: Story) -> None:
    status = story.status
    assert (status.intent.want, status.running_requests, status.engines) == (Want.STOP, 0, ())


@then("nothing of Mulberry runs any more")
def nothing_runs(story: Story) -> None:
    _, left = psutil.wait_procs(story.mulberry.processes(), timeout=20)
    assert left == []


Before = tuple[Status, tuple[Job, ...]]  # what stood there when the power went out


@when("the power goes out", target_fixture="before_the_power_cut")
def the_power_goes_out(story: Story) -> Before:
    status, jobs = story.status, story.jobs
    processes = story.mulberry.processes()
    assert processes
    kill(processes)
    _, left = psutil.wait_procs([*processes, *story.mulberry.processes()], timeout=20)
    assert left == []
    return status, jobs


@when("the computer is started again")
def the_computer_starts(story: Story) -> None:
    asyncio.run(start_agent(story.mulberry.root))


@then("the pause is still there and ends when it would have ended")
def the_pause_is_still_there(story: Story, before_the_power_cut: Before) -> None:
    status, _ = before_the_power_cut
    assert status.intent.want is Want.PAUSE
    assert story.status.intent == status.intent
    assert story.status.state is NodeState.PAUSED


@then("every job from before the power cut is still in the books")
def no_job_is_lost(story: Story, before_the_power_cut: Before) -> None:
    _, jobs = before_the_power_cut
    assert len(jobs) >= 5
    assert [(job.number, job.request_id) for job in story.jobs[: len(jobs)]] == [
        (job.number, job.request_id) for job in jobs
    ]


@then("the computer earns again by itself, not a moment before the pause has ended")
def it_earns_after_the_pause(story: Story, before_the_power_cut: Before) -> None:
    status, jobs = before_the_power_cut
    end = status.intent.until
    assert end is not None
    assert SystemClock().now() < end, "else the story shows nothing: the pause must be longer"
    earning = story.wait_for(lambda event: event.status.state in (NodeState.EARNING, NodeState.READY))
    assert earning.status.state_since >= end
    story.wait_for(lambda event: event.status.earnings.jobs_total > len(jobs))


@then("all that was earned arrives at the owner's address")
def the_money_arrives(story: Story, earned: Nanoton) -> None:
    assert story.last is not None
    assert story.last.returncode == 0, story.said
    wallet = story.wait_for(lambda event: event.wallet is not None and event.wallet.paid > 0).wallet
    assert wallet is not None
    assert wallet.owner_balance is not None
    assert wallet.paid == wallet.owner_balance.amount == earned > 0


@then("the history shows the same amount to the nanoton")
def the_history_agrees(story: Story, earned: Nanoton) -> None:
    history = from_json(tuple[ChainTransaction, ...], story.mulberry.command("history", "--json").stdout.encode())
    [payout] = [entry for entry in history if entry.kind is TransactionKind.PAYOUT]
    assert payout.success
    assert payout.amount == story.status.earnings.paid == earned


@then("nothing of what was signed still waits")
def nothing_waits(story: Story) -> None:
    money = story.status.earnings
    assert money.payable - money.paid == 0
    assert [payout["waiting"] for payout in story.mulberry.json("wallet")["payouts"]] == [0]
