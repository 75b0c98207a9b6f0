"""The command line. Each command imports what it needs when it runs, so that the quick ones are quick."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry import __version__
from mulberry.cli import attest, autostart, check, config, diagnose, earnings, joining, key, leaving, update
from mulberry.cli.asking import (
    CHOSEN_LAST,
    AsJson,
    Data,
    Network,
    WayThere,
    client_of,
    has_display,
    root_of,
    say,
    with_agent,
)
from mulberry.cli.gpu_setup import gpu_setup
from mulberry.cli.models import models
from mulberry.model import language
from mulberry.model.errors import UserFacingError

if TYPE_CHECKING:
    from mulberry.client.control import ControlClient
    from mulberry.model.jobs import Job
    from mulberry.model.node import Status
    from mulberry.model.wallet import ChainTransaction

application = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    help="Lend your NVIDIA GPU to Cocoon and earn Toncoin.",
)

sandboxes = typer.Typer(no_args_is_help=True, help="What stands around strangers' jobs.")
application.add_typer(key.application, name="key")
application.add_typer(config.application, name="config")
application.add_typer(attest.application, name="attest")
application.add_typer(autostart.application, name="autostart")
application.add_typer(update.application, name="update")
application.add_typer(sandboxes, name="sandbox")
application.add_typer(models, name="models")

application.command()(joining.run)
application.command()(joining.proxies)
application.command()(check.check)
application.command(name="gpu-setup")(gpu_setup)
application.command()(diagnose.diagnose)
application.command()(earnings.earnings)
application.command()(leaving.leave)

TonConfig = Annotated[
    Path | None, typer.Option(help="TON's global.config.json with lite servers to ask.", show_default=False)
]

JOBS_A_CALL = 1000
TRANSACTIONS_A_CALL = 500


def main() -> None:
    """Runs the command line and ends the process: 0, or 1 with what the owner can do about it on stderr."""
    try:
        application(prog_name="mulberry")  # however it was started
    except UserFacingError as error:
        from mulberry.cli.words import of_error

        for line in of_error(error):
            typer.echo(line, err=True)
        sys.exit(1)


@application.callback(invoke_without_command=True)
def _begin(context: typer.Context, version: Annotated[bool, typer.Option("--version")] = False) -> None:
    if version:
        typer.echo(f"mulberry {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        desktop()


@application.command()
def agent(
    network: Annotated[str, typer.Option(help="A bundled network's name, or the path of a profile.")] = "demo",
    data: Data = None,
    transport: WayThere = None,
    ton_config: TonConfig = None,
    until_stdin_closes: Annotated[bool, typer.Option(help="End when the standard input ends.")] = False,
) -> None:
    """Run the agent in the foreground: it earns; window and command line only talk to it."""
    root = root_of(data)
    language.use(language.of_the_owner(root))
    from mulberry.agent.main import run_agent

    run_agent(root, network, transport=transport, ton_config=ton_config, until_stdin_closes=until_stdin_closes)


@application.command()
def status(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Say in one sentence, and then in detail, what is going on."""
    from mulberry.cli.words import of_status

    found = asyncio.run(client_of(network, data).status())
    say([_status_json(found)] if as_json else of_status(found))


@application.command()
def start(network: Network = CHOSEN_LAST, data: Data = None, ton_config: TonConfig = None) -> None:
    """Start earning; starts the agent too when it is not running."""
    from mulberry.cli.following import start_and_follow

    servers = ton_config.absolute() if ton_config else None
    ready = asyncio.run(start_and_follow(root_of(data), network, lambda line: say([line]), ton_config=servers))
    raise typer.Exit(0 if ready else 1)


@application.command()
def stop(network: Network = CHOSEN_LAST, data: Data = None) -> None:
    """Stop at once. Requests that run are cancelled, everything is given back."""
    _command(network, data, "stop")


@application.command()
def finish(network: Network = CHOSEN_LAST, data: Data = None) -> None:
    """Take no new requests, complete those that run, then stop."""
    _command(network, data, "finish")


@application.command()
def pause(
    duration: Annotated[str, typer.Option("--for", help="30m, 1h, 2d …")],
    network: Network = CHOSEN_LAST,
    data: Data = None,
) -> None:
    """Stop at once and go on by itself after a while."""
    from mulberry.cli.words import seconds

    try:
        pause_seconds = seconds(duration)
    except ValueError as mistake:
        raise typer.BadParameter(str(mistake), param_hint="--for") from mistake
    _command(network, data, "pause", pause_seconds)


@application.command()
def jobs(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest last.")] = 20,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """List the newest jobs."""
    from mulberry.cli.words import of_jobs, of_jobs_as_csv

    found = asyncio.run(_newest_jobs(client_of(network, data), last))
    if as_json:
        from mulberry.model.encoding import to_json
        from mulberry.model.jobs import Job

        say([to_json(tuple[Job, ...], tuple(found)).decode()])
    else:
        say(of_jobs_as_csv(found) if as_csv else of_jobs(found))


@application.command()
def wallet(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    get_play_money: Annotated[
        bool, typer.Option("--get-play-money", help="Ask the demo network for some first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the money on TON: balances, the next payouts, and what it was read from."""
    from mulberry.cli.money_words import of_wallet
    from mulberry.model.encoding import to_json
    from mulberry.model.wallet import WalletStatus

    client = client_of(network, data)
    found = asyncio.run(client.get_play_money() if get_play_money else client.wallet())
    if get_play_money and not as_json:
        say(["Play money is on its way to the node wallet; it is there with one of the next blocks."])
    say([to_json(WalletStatus, found).decode()] if as_json else of_wallet(found))


@application.command()
def history(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    last: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 20,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    """List the newest transactions of the node's accounts on TON."""
    from mulberry.cli.money_words import of_history, of_history_as_csv
    from mulberry.model.encoding import to_json
    from mulberry.model.wallet import ChainTransaction

    found = asyncio.run(_newest_transactions(client_of(network, data), last))
    if as_json:
        say([to_json(tuple[ChainTransaction, ...], tuple(found)).decode()])
    else:
        say(of_history_as_csv(found) if as_csv else of_history(found))


@application.command()
def payout(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    proxy: Annotated[
        str | None, typer.Option(help="Only at this proxy, by its public key.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pay out now what the proxies have signed, without waiting for the network's threshold."""
    from mulberry.cli.money_words import of_payout
    from mulberry.model.encoding import to_json
    from mulberry.model.wallet import WalletStatus

    found = asyncio.run(client_of(network, data).payout(proxy))
    lines = [of_payout(payout) for payout in found.payouts if proxy in (None, payout.proxy)]
    say([to_json(WalletStatus, found).decode()] if as_json else lines)


@application.command()
def owner(
    address: Annotated[str | None, typer.Argument(help="A wallet of yours.", show_default=False)] = None,
    network: Network = CHOSEN_LAST,
    data: Data = None,
) -> None:
    """Say who is paid, or name the address that is to be paid from now on."""
    from mulberry.cli.money_words import of_owner

    found = with_agent(network, data, lambda client: client.wallet() if address is None else client.name_owner(address))
    say(of_owner(found, is_new=address is not None))


@application.command(name="quit")
def quit_(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    stop_first: Annotated[
        bool, typer.Option("--stop", help="Stop earning first, and see that everything ends.", show_default=False)
    ] = False,
) -> None:
    """End the agent. What its owner wished stays: started again, it goes on with that."""
    if stop_first:
        from mulberry.cli.farewell import stop_and_quit
        from mulberry.model.places import DataFolder

        folder = DataFolder.of_network(root_of(data), network)
        raise typer.Exit(0 if stop_and_quit(folder, typer.echo) else 1)
    asyncio.run(client_of(network, data).quit())


@application.command()
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="In the terminal, without a window.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="End after so many jobs.", show_default=False)] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Requests a minute.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="The same questions each time.", show_default=False)] = None,
    transport: WayThere = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Try everything on this computer: a network of its own, real requests, play money."""
    if not headless and jobs is None and transport is None and not as_json and has_display():
        root = root_of(data)
        language.use(language.of_the_owner(root))
        from mulberry.desktop.app import run

        raise typer.Exit(run(root))
    from mulberry.cli.demo import run_headless

    raise typer.Exit(run_headless(data, jobs=jobs, rate=rate, seed=seed, transport=transport, as_json=as_json))


@application.command(hidden=True)
def rehearse() -> None:
    """Say what messages to the chain would do and cost: a question on the standard input, the answer on the output."""
    from mulberry.ton.rehearsal import answer_a_process

    answer_a_process()


@application.command(name="demo-network")
def demo_network(
    folder: Annotated[Path, typer.Option(help="Where its key, accounts and profile lie.")],
    network: Annotated[str, typer.Option(help="A bundled network's name, or the path of a profile.")] = "demo",
    transport: WayThere = None,
    requests_per_minute: Annotated[float | None, typer.Option(min=0, show_default=False)] = None,
    jobs: Annotated[int | None, typer.Option(min=0, help="Questions to ask.", show_default=False)] = None,
    until_stdin_closes: Annotated[bool, typer.Option(help="End when the standard input ends.")] = False,
) -> None:
    """Run the demo network alone: a proxy, a door for customers, and customers."""
    from mulberry.demo.network import run_demo_network

    run_demo_network(
        folder,
        network,
        transport=transport,
        requests_per_minute=requests_per_minute,
        jobs=jobs,
        until_stdin_closes=until_stdin_closes,
    )


@sandboxes.command()
def selftest(as_json: AsJson = False) -> None:
    """Try to get out of each sandbox that this computer has. 0: one holds."""
    from mulberry.cli import sandbox

    trials = asyncio.run(sandbox.every_trial())
    say([sandbox.as_json(trials)] if as_json else sandbox.in_lines(trials))
    raise typer.Exit(0 if sandbox.holds(trials) else 1)


@application.command()
def benchmark(
    network: Annotated[str, typer.Option(help="A bundled network's name, or the path of a profile.")] = "demo",
    model: Annotated[
        str | None, typer.Option(help="An imported model instead of the network's own.", show_default=False)
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="For each number of requests at once.")] = 5.0,
    last: Annotated[bool, typer.Option("--last", help="Show the last result instead of measuring.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Measure how fast a model is here, as it would serve. Stop the agent first, or they share the computer."""
    from mulberry.cli.benchmark import in_lines, last_one, measure_and_keep
    from mulberry.model.benchmark import Benchmark
    from mulberry.model.encoding import to_json
    from mulberry.model.network import load_profile

    profile = load_profile(network)
    measured = (
        last_one(root_of(data)) if last else asyncio.run(measure_and_keep(root_of(data), profile, model, seconds))
    )
    say([to_json(Benchmark, measured).decode()] if as_json else in_lines(measured, profile))


@application.command()
def desktop(
    network: Annotated[
        str | None, typer.Option(help="Instead of the network that you chose last.", show_default=False)
    ] = None,
    data: Data = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Only the icon in the tray, until it is clicked.")] = False,
) -> None:
    """Open the window."""
    root = root_of(data)
    language.use(language.of_the_owner(root))
    from mulberry.client.first_run import chosen_network
    from mulberry.desktop.app import run

    raise typer.Exit(run(root, network or chosen_network(root), hidden=hidden))


def _command(network: str, data: Path | None, want: str, pause_seconds: float | None = None) -> None:
    from mulberry.model.control import Command
    from mulberry.model.node import Want
    from mulberry.model.sentence import sentence

    client = client_of(network, data)
    say([sentence(asyncio.run(client.command(Command(Want(want), pause_seconds))))])


async def _newest_jobs(client: "ControlClient", count: int) -> "list[Job]":
    newest = (await client.status()).earnings.jobs_total
    found: list[Job] = []
    for first in range(max(1, newest - count + 1), newest + 1, JOBS_A_CALL):
        found += await client.jobs(first, min(first + JOBS_A_CALL - 1, newest))
    return found


async def _newest_transactions(client: "ControlClient", count: int) -> "list[ChainTransaction]":
    found: list[ChainTransaction] = []
    while len(found) < count:
        page = await client.history(len(found), min(TRANSACTIONS_A_CALL, count - len(found)))
        if not page:
            break
        found += page
    return found


def _status_json(status: "Status") -> str:
    from mulberry.model.encoding import to_json
    from mulberry.model.node import Status
    from mulberry.model.sentence import sentence

    return json.dumps({"sentence": sentence(status), **json.loads(to_json(Status, status))}, indent=2)
