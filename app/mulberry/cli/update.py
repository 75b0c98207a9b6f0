"""`mulberry update …`: whether there is a newer version, and what is to be done about it. The agent does it."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, AsJson, Data, Network, network_of, say, with_agent

if TYPE_CHECKING:
    from mulberry.client.control import ControlClient
    from mulberry.model.update import Release, UpdateOrder, UpdateStatus

LOOK_SECONDS = 0.25

application = typer.Typer(invoke_without_command=True, help="Look for newer versions of Mulberry, and install them.")


@application.callback()
def _begin(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        status(network_of(context, CHOSEN_LAST))


@application.command()
def status(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Say what is known of newer versions, without asking anybody."""
    _show(with_agent(network, data, lambda client: client.update()), as_json=as_json)


@application.command()
def check(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Ask the feed of releases now; skipped versions are offered again. Ends with 1 when it gave nothing to believe."""
    from mulberry.model.update import UpdateOrder, UpdateVerb

    async def ask(client: "ControlClient") -> "UpdateStatus":
        return await _followed(client, UpdateOrder(UpdateVerb.CHECK), quiet=as_json)

    found = with_agent(network, data, ask)
    _show(found, as_json=as_json)
    raise typer.Exit(1 if found.problem else 0)


@application.command()
def apply(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", show_default=False)] = False,
    even_if_metered: Annotated[
        bool, typer.Option("--even-if-metered", help="Also over a metered connection.", show_default=False)
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fetch the offered version, check it, and install it when no request runs; or say what installs it."""
    from mulberry.cli.update_words import of_question
    from mulberry.model.update import UpdateOrder, UpdateVerb

    found = with_agent(network, data, lambda client: client.update())
    offered = _offered(found)
    if not yes:
        for line in of_question(found):
            typer.echo(line, err=as_json)
        typer.confirm("Go on?", abort=True, err=as_json)
    order = UpdateOrder(UpdateVerb.APPLY, offered.version, even_if_metered)

    async def ask(client: "ControlClient") -> "UpdateStatus":
        return await _followed(client, order, quiet=as_json)

    found = with_agent(network, data, ask)
    _show(found, as_json=as_json)
    raise typer.Exit(1 if found.problem else 0)


@application.command()
def skip(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Hear no more of the offered version; a later one is offered again."""
    _decide("skip", network, data, as_json=as_json)


@application.command()
def later(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """Hear no more of the offered version for some days."""
    _decide("later", network, data, as_json=as_json)


@application.command()
def cancel(network: Network = CHOSEN_LAST, data: Data = None, as_json: AsJson = False) -> None:
    """End what is under way, and keep this version. What was fetched is kept too."""
    from mulberry.model.update import UpdateOrder, UpdateVerb

    order = UpdateOrder(UpdateVerb.CANCEL)
    _show(with_agent(network, data, lambda client: client.order_update(order)), as_json=as_json)


def _offered(found: "UpdateStatus") -> "Release":
    """Raises `UserFacingError`: there is nothing to decide."""
    from mulberry.model.errors import UserFacingError

    if found.offered is None:
        raise UserFacingError(
            what="No newer version is offered.",
            why=found.cannot_check or "None is known that you have not skipped.",
            next_step="Ask whether there is one, skipped ones too: `mulberry update check`.",
        )
    return found.offered


def _decide(verb: str, network: str, data: Path | None, *, as_json: bool) -> None:
    """About the version that is offered now."""
    from mulberry.model.update import UpdateOrder, UpdateVerb

    async def ask(client: "ControlClient") -> "UpdateStatus":
        return await client.order_update(UpdateOrder(UpdateVerb(verb), _offered(await client.update()).version))

    _show(with_agent(network, data, ask), as_json=as_json)


async def _followed(client: "ControlClient", order: "UpdateOrder", *, quiet: bool) -> "UpdateStatus":
    """The status when it is done. An agent that hands over is gone soon: what it said last is the last word."""
    from mulberry.cli.model_words import ProgressLine
    from mulberry.cli.update_words import of_work
    from mulberry.client.control import AgentNotRunning
    from mulberry.model.models import CopyProgress
    from mulberry.model.update import UpdateWork

    found = await client.order_update(order)
    told = None
    with ProgressLine(sys.stderr) as line:
        while found.work not in (UpdateWork.NOTHING, UpdateWork.HANDED_OVER):
            if found.work is UpdateWork.FETCHING and not quiet:
                line.tell(CopyProgress("", found.received_bytes, found.takes_bytes))
            elif found.work is not told and not quiet:
                typer.echo(of_work(found), err=True)
            told = found.work
            await asyncio.sleep(LOOK_SECONDS)
            try:
                found = await client.update()
            except AgentNotRunning:
                if not found.by_itself or told is UpdateWork.CHECKING:
                    raise
                found = replace(found, work=UpdateWork.HANDED_OVER)
    return found


def _show(found: "UpdateStatus", *, as_json: bool) -> None:
    from mulberry.cli.update_words import of_update
    from mulberry.model.encoding import to_json
    from mulberry.model.update import UpdateStatus

    say([to_json(UpdateStatus, found).decode()] if as_json else of_update(found))
