"""How the commands reach an agent: options that name it, a call that starts it first, and where their words go."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mulberry.model.attestation import TransportName
from mulberry.model.places import DataFolder, default_data_root

if TYPE_CHECKING:
    from mulberry.client.control import ControlClient

CHOSEN_LAST = ""
WHICH_NETWORK = "A network's name, if not the one that you chose last."
FALLBACK = "demo"


def network_of(context: typer.Context, network: str) -> str:
    """The one that was named, else the one that the owner chose last; which that is, is said where it is not the demo.

    On the error output, so that it is not taken for the answer.
    """
    if network or context.resilient_parsing:
        return network
    from mulberry.client.first_run import chosen_network

    chosen = chosen_network(root_of(context.params.get("data")), FALLBACK)
    if chosen != FALLBACK:
        typer.echo(f"For {chosen}, the network that you chose last; --network NAME is for another one.", err=True)
    return chosen


Network = Annotated[str, typer.Option(help=WHICH_NETWORK, show_default=False, callback=network_of)]
Data = Annotated[
    Path | None,
    typer.Option(help="Mulberry's data folder, if not the usual one.", show_default=False, is_eager=True),
]
WayThere = Annotated[
    TransportName | None,
    typer.Option("--transport", help="How proxies are reached, if not as the profile says.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Result = TypeVar("Result")


def root_of(data: Path | None) -> Path:
    return data.absolute() if data else default_data_root()


def with_agent(
    network: str, data: Path | None, ask: "Callable[[ControlClient], Coroutine[Any, Any, Result]]"
) -> Result:
    """Starts the agent where it does not run: on a new computer key and owner come before the first Start."""
    from mulberry.client.control import ControlClient
    from mulberry.client.spawn import start_agent

    root = root_of(data)

    async def work() -> Result:
        await start_agent(root, network)
        return await ask(ControlClient(DataFolder.of_network(root, network)))

    return asyncio.run(work())


def client_of(network: str, data: Path | None) -> "ControlClient":
    """Of an agent that runs already; each of its calls says so when none does."""
    from mulberry.client.control import ControlClient

    return ControlClient(DataFolder.of_network(root_of(data), network))


def say(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def has_display() -> bool:
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
