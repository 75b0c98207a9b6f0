"""The line to the agent: what is shown after it breaks is called stale; commands arrive or are reported."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from pytestqt.qtbot import QtBot

from mulberry.desktop.connection import Connection, Link, View
from mulberry.desktop.history import Span, window
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.jobs import Job
from mulberry.model.node import NodeState, Want
from pretend_agent import PretendAgent
from samples import NOON, PROXY_KEY, a_job, a_status, a_wallet, an_account


@asynccontextmanager
async def connected(agent: PretendAgent) -> AsyncGenerator[Connection, None]:
    connection = Connection()
    running = asyncio.create_task(connection.run(agent, agent.start))
    try:
        await asyncio.sleep(0)
        yield connection
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        connection.deleteLater()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for is the effect of a Qt signal
            await asyncio.sleep(0)


async def test_it_starts_the_agent_and_shows_what_it_hears(qtbot: QtBot) -> None:
    agent = PretendAgent(runs=False)
    async with connected(agent) as connection:
        assert connection.view == View(Link.STARTING, None)
        agent.say(a_status())
        await until(lambda: connection.view.link is Link.ANSWERS)
        assert agent.starts == 1
        assert connection.view.status == a_status()


async def test_after_a_silence_the_last_status_stays_and_is_stale(qtbot: QtBot) -> None:
    agent = PretendAgent()
    async with connected(agent) as connection:
        agent.say(a_status())
        agent.fall_silent()
        await until(lambda: connection.view.link is Link.SILENT)
        assert connection.view.is_stale
        assert connection.view.status == a_status()
        agent.say(a_status(NodeState.READY))  # the agent was started again
        await until(lambda: connection.view.link is Link.ANSWERS)
        assert not connection.view.is_stale


async def test_new_jobs_are_passed_on(qtbot: QtBot) -> None:
    agent = PretendAgent()
    heard: list[Job] = []
    async with connected(agent) as connection:
        connection.jobs_booked.connect(heard.extend)
        agent.say(a_status(), a_job(1), a_job(2))
        await until(lambda: heard)
    assert heard == [a_job(1), a_job(2)]


async def test_to_start_earning_also_starts_an_agent_that_is_gone(qtbot: QtBot) -> None:
    agent = PretendAgent()
    async with connected(agent) as connection:
        agent.say(a_status())
        agent.fall_silent()
        await until(lambda: connection.view.link is Link.SILENT)
        connection.send(Command(Want.START))
        await until(lambda: agent.commands)
        assert agent.starts == 2
        assert agent.commands == [Command(Want.START)]


async def test_to_stop_never_starts_an_agent_and_says_that_there_is_none(qtbot: QtBot) -> None:
    agent = PretendAgent()
    problems: list[UserFacingError] = []
    async with connected(agent) as connection:
        connection.failed.connect(problems.append)
        agent.say(a_status())
        agent.fall_silent()
        await until(lambda: connection.view.link is Link.SILENT)
        connection.send(Command(Want.STOP))
        await until(lambda: problems)
    assert problems[0].what == "The agent is not running."
    assert (agent.starts, agent.commands) == (1, [])


async def test_an_agent_that_does_not_start_is_reported(qtbot: QtBot) -> None:
    async def fail() -> None:
        raise UserFacingError("The agent did not start.", "It ended with status 1.", "Look into agent.log.")

    agent = PretendAgent()
    problems: list[UserFacingError] = []
    connection = Connection()
    connection.failed.connect(problems.append)
    running = asyncio.create_task(connection.run(agent, fail))
    await until(lambda: problems)
    assert connection.view.link is Link.SILENT
    agent.say(a_status())  # somebody else started it
    await until(lambda: connection.view.link is Link.ANSWERS)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_jobs_and_earnings_come_by_signal(qtbot: QtBot) -> None:
    agent = PretendAgent(jobs=500)
    fetched: list[object] = []
    async with connected(agent) as connection:
        connection.jobs_fetched.connect(lambda first, last, jobs: fetched.append((first, last, len(jobs))))
        connection.fetch_jobs(101, 300)
        await until(lambda: fetched)
        connection.earnings_fetched.connect(lambda shown, buckets: fetched.append((shown.span, len(buckets))))
        connection.fetch_earnings(window(Span.WEEK, NOON))
        await until(lambda: len(fetched) == 2)
    assert fetched == [(101, 300, 200), (Span.WEEK, window(Span.WEEK, NOON).steps)]


async def test_jobs_that_do_not_come_are_reported(qtbot: QtBot) -> None:
    agent = PretendAgent()
    missing: list[tuple[int, int]] = []
    async with connected(agent) as connection:
        connection.jobs_not_fetched.connect(lambda first, last: missing.append((first, last)))
        agent.runs = False
        connection.fetch_jobs(1, 200)
        await until(lambda: missing)
    assert missing == [(1, 200)]


async def test_the_wallet_stays_until_a_newer_one_comes(qtbot: QtBot) -> None:
    agent = PretendAgent()
    async with connected(agent) as connection:
        agent.say(a_status(), wallet=a_wallet())
        agent.say(a_status(NodeState.READY))  # it comes when it has changed
        await until(lambda: connection.view.status == a_status(NodeState.READY))
        assert connection.view.wallet == a_wallet()
        agent.fall_silent()
        await until(lambda: connection.view.is_stale)
        assert connection.view.wallet == a_wallet()
        agent.say(a_status(), wallet=a_wallet(waiting=1))
        await until(lambda: connection.view.wallet == a_wallet(waiting=1))


async def test_history_and_the_account_of_all_come_by_signal(qtbot: QtBot) -> None:
    agent = PretendAgent(transactions=120)
    fetched: list[object] = []
    async with connected(agent) as connection:
        connection.history_fetched.connect(lambda offset, limit, page: fetched.append((offset, limit, len(page))))
        connection.history_not_fetched.connect(lambda offset, limit: fetched.append((offset, limit)))
        connection.reconciled.connect(fetched.append)
        connection.fetch_history(100, 50)
        await until(lambda: fetched)
        connection.reconcile()
        await until(lambda: len(fetched) == 2)
        agent.runs = False
        connection.reconcile()  # the account shown has its time
        connection.fetch_history(0, 50)
        await until(lambda: len(fetched) == 3)
    assert fetched == [(100, 50, 20), an_account(), (0, 50)]


async def test_a_payout_shows_the_wallet_after_it_or_says_why_not(qtbot: QtBot) -> None:
    agent = PretendAgent()
    answers: list[object] = []
    async with connected(agent) as connection:
        agent.say(a_status(), wallet=a_wallet())
        await until(lambda: connection.view.wallet)
        connection.payout_answered.connect(lambda: answers.append("answered"))
        connection.failed.connect(answers.append)
        connection.pay_out(PROXY_KEY)
        await until(lambda: answers)
        assert (agent.payouts, connection.view.wallet) == ([PROXY_KEY], a_wallet(waiting=0))
        agent.payout_refusal = UserFacingError("Nothing is paid out.", "The node wallet lacks gas.", "Top it up.")
        connection.pay_out(PROXY_KEY)
        await until(lambda: len(answers) == 3)
    assert answers == ["answered", agent.payout_refusal, "answered"]


async def test_play_money_is_asked_for_or_it_is_said_why_there_is_none(qtbot: QtBot) -> None:
    agent = PretendAgent()
    answers: list[object] = []
    async with connected(agent) as connection:
        connection.play_money_answered.connect(lambda: answers.append("answered"))
        connection.failed.connect(answers.append)
        connection.get_play_money()
        await until(lambda: answers)
        assert (agent.gifts, connection.view.wallet) == (1, a_wallet())
        agent.play_money_refusal = UserFacingError("There is none.", "It gives once a minute.", "Ask again.")
        connection.get_play_money()
        await until(lambda: len(answers) == 3)
    assert answers == ["answered", agent.play_money_refusal, "answered"]


async def test_a_proxy_is_dialled_or_it_is_said_why_not(qtbot: QtBot) -> None:
    agent = PretendAgent()
    failed: list[object] = []
    async with connected(agent) as connection:
        connection.failed.connect(failed.append)
        connection.dial("demo proxy 1")
        await until(lambda: agent.dialled)
        agent.runs = False
        connection.dial("demo proxy 2")
        await until(lambda: failed)
    assert agent.dialled == ["demo proxy 1"]


def test_what_is_asked_before_there_is_a_line_is_dropped(qtbot: QtBot) -> None:
    connection = Connection()
    connection.send(Command(Want.START))
    connection.fetch_jobs(1, 2)
    assert connection.view == View()


async def test_an_agent_that_is_still_being_started_is_not_called_gone(qtbot: QtBot) -> None:
    agent = PretendAgent(runs=False)
    problems: list[UserFacingError] = []
    connection = Connection()
    connection.eligibility_not_read.connect(problems.append)
    started = asyncio.Event()
    running = asyncio.create_task(connection.run(agent, started.wait))
    await asyncio.sleep(0)
    connection.fetch_eligibility(False)
    for _ in range(20):
        await asyncio.sleep(0)
    assert (problems, connection.view.link) == ([], Link.STARTING)
    started.set()
    agent.say(a_status())
    agent.fall_silent()
    await until(lambda: connection.view.link is Link.SILENT)
    connection.fetch_eligibility(False)
    await until(lambda: problems)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    connection.deleteLater()
