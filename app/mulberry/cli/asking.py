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

Network = Annotated[str, typer.Option(help="The network's name.")]
Data = Annotated[Path | None, typer.Option(help="Mulberry's data folder, if not the usual one.", show_default=False)]
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
