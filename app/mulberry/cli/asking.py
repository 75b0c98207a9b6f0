"""How the commands reach an agent: the options that name it, and a call that starts it first."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mulberry.model.places import DataFolder, default_data_root

if TYPE_CHECKING:
    from mulberry.client.control import ControlClient

Network = Annotated[str, typer.Option(help="A bundled network's name.")]
Data = Annotated[Path | None, typer.Option(help="Mulberry's data folder, if not the usual one.", show_default=False)]
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
