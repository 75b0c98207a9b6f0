"""`mulberry config …`: every setting, from its one definition. Where the agent runs it changes them, so that they hold
at once; else they are changed in its files.
"""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, AsJson, Data, Network, client_of, root_of, say
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder

if TYPE_CHECKING:
    from mulberry.agent.choices import Choices
    from mulberry.model.settings import RuleNow, Setting, SettingsChange, SettingsStatus

application = typer.Typer(no_args_is_help=True, help="What you chose: show it, change it.")

Name = Annotated[str, typer.Argument(help="The setting's name.", show_default=False)]


@application.command("list")
def list_settings(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    everything: Annotated[bool, typer.Option("--all", help="With those for operators.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show all settings, and what your rules let happen."""
    status = _ask(network, data, None)
    if as_json:
        say([json.dumps({setting.name: setting.value for setting in status.settings}, indent=2, ensure_ascii=False)])
    else:
        say(_in_lines(status, _rules_now(network, data), everything=everything))


@application.command()
def get(name: Name, network: Network = CHOSEN_LAST, data: Data = None) -> None:
    """Show one setting's value."""
    from mulberry.model.settings import shown

    say([shown(_named(_ask(network, data, None), name))])


@application.command("set")
def set_value(
    name: Name,
    value: Annotated[str, typer.Argument(help="What it shall be; `off` switches off what can be.", show_default=False)],
    network: Network = CHOSEN_LAST,
    data: Data = None,
) -> None:
    """Change one setting."""
    from mulberry.model.settings import SettingsChange, shown, typed

    setting = _named(_ask(network, data, None), name)
    try:
        wanted = typed(setting, value)
    except ValueError as mistake:
        raise UserFacingError(
            what="The setting was not changed.",
            why=f"{setting.title}: {mistake}.",
            next_step=f"It is now: {shown(setting)}.",
        ) from mistake
    _tell(_ask(network, data, SettingsChange({name: wanted})), name, _rules_now(network, data))


@application.command()
def reset(name: Name, network: Network = CHOSEN_LAST, data: Data = None) -> None:
    """Give one setting its default again."""
    from mulberry.model.settings import SettingsChange

    _named(_ask(network, data, None), name)
    _tell(_ask(network, data, SettingsChange({}, reset=(name,))), name, _rules_now(network, data))


def _ask(network: str, data: Path | None, change: "SettingsChange | None") -> "SettingsStatus":
    from mulberry.client.control import AgentNotRunning

    async def ask() -> "SettingsStatus":
        client = client_of(network, data)
        return await (client.settings() if change is None else client.change_settings(change))

    try:
        return asyncio.run(ask())
    except AgentNotRunning:
        choices = _choices(network, data)
        if change is None:
            return choices.status()
        from mulberry.agent.choices import refuse_special

        refuse_special(change)
        return choices.change(change)[1]


def _rules_now(network: str, data: Path | None) -> "dict[str, RuleNow]":
    """What the rules hold up and cannot see; nothing where no agent looks."""
    from mulberry.client.control import AgentNotRunning
    from mulberry.model.settings import rules_now

    try:
        return rules_now(asyncio.run(client_of(network, data).rules_now()))
    except AgentNotRunning:
        return {}


def _choices(network: str, data: Path | None) -> "Choices":
    from mulberry.agent.choices import Choices
    from mulberry.model.clock import SystemClock

    return Choices(DataFolder.of_network(root_of(data), network), SystemClock())


def _named(status: "SettingsStatus", name: str) -> "Setting":
    try:
        return status.named(name)
    except KeyError:
        raise UserFacingError(
            what=f"There is no setting “{name}”.",
            why="Settings have one name, on the command line and in the files.",
            next_step="`mulberry config list --all` names them all.",
        ) from None


def _tell(status: "SettingsStatus", name: str, now: "dict[str, RuleNow]") -> None:
    from mulberry.model.settings import TakesEffect, shown

    setting = status.named(name)
    when = "" if setting.takes_effect is TakesEffect.AT_ONCE else f" It holds {setting.takes_effect}."
    told = now[name].told if name in now else ()
    say([f"{setting.title}: {shown(setting)}.{when}", *told, *status.contradictions])


def _in_lines(status: "SettingsStatus", now: "dict[str, RuleNow]", *, everything: bool) -> Iterator[str]:
    from mulberry.model.settings import Page

    listed = [setting for setting in status.settings if everything or not setting.is_for_experts]
    for page in Page:
        settings = [setting for setting in listed if setting.page is page]
        if settings:
            yield str(page)
        for setting in settings:
            changed = "" if setting.is_default else " (changed)"
            yield f"  {setting.name} = {_with_unit(setting)}{changed}"
            yield f"      {setting.explanation}"
            yield from (f"      {told}" for told in (now[setting.name].told if setting.name in now else ()))
    yield from status.contradictions


def _with_unit(setting: "Setting") -> str:
    from mulberry.model.settings import shown

    text = shown(setting) or "none"
    return text if setting.value is None or not setting.unit else f"{text} {setting.unit}"
