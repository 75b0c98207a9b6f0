"""`mulberry gpu-setup`: install what computes on NVIDIA GPUs. Works with and without a running agent."""

import asyncio
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import AsJson, Data, root_of, say

if TYPE_CHECKING:
    from mulberry.model.gpu_runtime import GpuSetupStatus, SetupOrder


def gpu_setup(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it begins.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it would take, and what is installed.")] = False,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="Back to the one before, or to what came with Mulberry.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--from", help="A folder that has the files already.", show_default=False)
    ] = None,
    runtime: Annotated[
        str, typer.Option(help="This one, whatever GPU is here: cuda13, cuda12.", show_default=False)
    ] = "",
    even_if_metered: Annotated[
        bool, typer.Option("--even-if-metered", help="Download over a connection that may cost by the byte, too.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Install what computes on your NVIDIA GPU: onnxruntime with CUDA, in the version that fits card and driver.

    It says what it will take, and asks. What broke off goes on where it was when you ask again. Engines that run are
    left alone: the next Start on the GPU uses it.
    """
    from mulberry.model.gpu_runtime import SetupOrder, SetupVerb

    if roll_back:
        order = SetupOrder(SetupVerb.ROLL_BACK)
    else:
        order = SetupOrder(SetupVerb.INSTALL, str(folder.absolute()) if folder else "", even_if_metered)
    try:
        asyncio.run(_run(root_of(data), order, runtime, plan=plan, yes=yes, as_json=as_json))
    except KeyboardInterrupt:
        typer.echo("\nStopped. What has come so far is kept: it goes on from there.", err=True)
        raise typer.Exit(130) from None


async def _run(root: Path, order: "SetupOrder", runtime: str, *, plan: bool, yes: bool, as_json: bool) -> None:
    from mulberry.agent.gpu_setup import GpuSetup
    from mulberry.cli.gpu_setup_words import of_outcome, of_plan
    from mulberry.cli.model_words import ProgressLine
    from mulberry.hardware.gpu import Gpus
    from mulberry.model.clock import SystemClock
    from mulberry.model.gpu_runtime import SetupVerb
    from mulberry.model.places import gpu_runtimes
    from mulberry.runtime.gpu_runtimes.folder import GpuRuntimes

    clock = SystemClock()
    with closing(Gpus(clock)) as gpus, ProgressLine(sys.stderr) as line:
        setup = GpuSetup(GpuRuntimes(gpu_runtimes(root)), gpus, clock, wanted=runtime, tell=line.tell)
        if order.verb is SetupVerb.ROLL_BACK:
            await setup.obey(order)
        else:
            status = await setup.status()
            if plan:
                say([_json(status)] if as_json else of_plan(status, with_files=True, from_index=not order.folder))
                return
            if status.offer is not None:
                for words in of_plan(status, with_files=False, from_index=not order.folder):
                    typer.echo(words, err=as_json)
                if not yes and not _agreed():
                    raise typer.Exit(1)
            await setup.run(order)
        status = await setup.status()
    say([_json(status)] if as_json else of_outcome(status))


def _agreed() -> bool:
    """Who cannot be asked has not agreed."""
    if not sys.stdin.isatty():
        typer.echo("Nobody can be asked here. Say --yes to begin.", err=True)
        return False
    return typer.confirm("Begin?", err=True)


def _json(status: "GpuSetupStatus") -> str:
    from mulberry.model.encoding import to_json
    from mulberry.model.gpu_runtime import GpuSetupStatus

    return to_json(GpuSetupStatus, status).decode()
