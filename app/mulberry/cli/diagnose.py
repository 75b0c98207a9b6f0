"""`mulberry diagnose`: what a helper needs to know, shown in full before it is saved. Works without an agent too."""

import asyncio
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import CHOSEN_LAST, Data, Network, root_of, say

if TYPE_CHECKING:
    from mulberry.model.diagnosis import Diagnosis, DiagnosisWish
    from mulberry.model.places import DataFolder


def diagnose(
    network: Network = CHOSEN_LAST,
    only_preview: Annotated[bool, typer.Option("--preview", help="Show it, and save nothing.")] = False,
    with_addresses: Annotated[bool, typer.Option("--with-addresses", help="Leave addresses on TON in it.")] = False,
    with_earnings: Annotated[bool, typer.Option("--with-earnings", help="Leave amounts of money in it.")] = False,
    output: Annotated[Path | None, typer.Option(help="The new file.", show_default=False)] = None,
    without_asking: Annotated[bool, typer.Option("--yes", help="Save it without showing it first.")] = False,
    data: Data = None,
) -> None:
    """Collect what a helper needs to know, without keys, names and paths. Nothing is sent anywhere."""
    from mulberry.client.diagnosis_file import save
    from mulberry.model.diagnosis import DiagnosisWish, preview
    from mulberry.model.places import DataFolder

    folder = DataFolder.of_network(root_of(data), network)
    diagnosis = asyncio.run(diagnosis_of(folder, DiagnosisWish(with_addresses, with_earnings)))
    if only_preview or not without_asking:
        say(preview(diagnosis).splitlines())
    if only_preview:
        return
    path = output or Path(diagnosis.file_name)
    if not without_asking:
        typer.confirm(f"Save all this, and no more, as {path}?", abort=True)
    save(diagnosis, path)
    say([f"Saved: {path}. It was not sent anywhere; hand it to whoever helps you."])


async def diagnosis_of(folder: "DataFolder", wish: "DiagnosisWish") -> "Diagnosis":
    """By the agent, which knows most; where it does not answer, what can be seen without it."""
    from mulberry.client.control import ControlClient
    from mulberry.model.errors import UserFacingError

    try:
        return await ControlClient(folder).diagnosis(wish)
    except UserFacingError as problem:
        from mulberry.agent.diagnosis import diagnose_here
        from mulberry.model.clock import SystemClock

        return await diagnose_here(folder, SystemClock(), SystemRandom(), wish, f"{problem.what} {problem.why}")
