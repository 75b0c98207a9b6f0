"""`mulberry autostart …`: whether it starts when you log in. That is kept by your system, and shown as it is there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, Data, Network, root_of, say

if TYPE_CHECKING:
    from mulberry.client.autostart import Autostart

application = typer.Typer(no_args_is_help=True, help="Whether Mulberry starts when you log in.")


@application.command()
def on(
    network: Network = CHOSEN_LAST,
    data: Data = None,
    with_window: Annotated[
        bool, typer.Option("--with-window", help="Also the window, hidden in the tray.", show_default=False)
    ] = False,
) -> None:
    """Start the agent at each login; it goes on with what you wished last."""
    from mulberry.client.autostart import Starts, start_at_login

    starts = Starts.WINDOW if with_window else Starts.AGENT
    say(_in_lines(start_at_login(starts, root_of(data), network)))


@application.command()
def off() -> None:
    """Start nothing at login, and leave nothing behind."""
    from mulberry.client.autostart import Starts, start_at_login
    from mulberry.model.places import default_data_root

    say(_in_lines(start_at_login(Starts.NOTHING, default_data_root(), "")))


@application.command()
def status() -> None:
    """Say what starts at login."""
    from mulberry.client.autostart import autostart

    say(_in_lines(autostart()))


def _in_lines(found: "Autostart") -> Iterator[str]:
    from mulberry.client.autostart import WORDS, Starts

    yield WORDS[found.starts]
    if found.starts is not Starts.NOTHING:
        yield f"Kept at: {found.where}"
    if found.problem:
        yield found.problem
