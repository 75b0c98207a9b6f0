"""`mulberry leave`: what an installer says before it replaces or removes the program."""

import asyncio
from typing import Annotated

import typer

from mulberry.cli.asking import Data, root_of


def leave(
    within: Annotated[
        float, typer.Option(min=0, max=3600, help="Seconds to complete requests; then they are cut off.")
    ] = 300.0,
    data: Data = None,
) -> None:
    """End every window and agent, after the requests that run; what you wished stays. 0: nothing runs any more."""
    from mulberry.client.leaving import folders_of
    from mulberry.client.leaving import leave as leave_all

    ended = asyncio.run(leave_all(folders_of(root_of(data)), within, typer.echo))
    raise typer.Exit(0 if ended else 1)
