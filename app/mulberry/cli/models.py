"""`mulberry models`: the imported models of this computer. Works with and without a running agent."""

import asyncio
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.model.places import default_data_root, model_store

if TYPE_CHECKING:
    from mulberry.runtime.store.importing import Judge
    from mulberry.runtime.store.judging import Verdict
    from mulberry.runtime.store.store import ModelStore

models = typer.Typer(no_args_is_help=True, help="Import models, inspect them, and see how much room they take.")

Data = Annotated[Path | None, typer.Option(help="Mulberry's data folder, if not the usual one.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its name, or its entry as `mulberry models list` shows it.")
]


@models.command(name="list")
def list_(data: Data = None, as_json: AsJson = False) -> None:
    """Show what is imported, where it lies and how much room it takes."""
    from mulberry.cli.model_words import of_store
    from mulberry.model.encoding import to_json
    from mulberry.model.models import StoreStatus

    status = _store(data).status()
    if as_json:
        typer.echo(to_json(StoreStatus, status).decode())
    else:
        for line in of_store(status):
            typer.echo(line)


@models.command(name="import")
def import_(
    place: Annotated[str, typer.Argument(metavar="FOLDER-OR-ADDRESS", help="A folder, or an address with https://.")],
    data: Data = None,
) -> None:
    """Bring a model in: fetched or copied, compared with its manifest, inspected in the sandbox.

    What broke off goes on where it was when you ask again.
    """
    from mulberry.cli.model_words import ProgressLine
    from mulberry.model.clock import SystemClock
    from mulberry.runtime.store.importing import import_model
    from mulberry.runtime.store.sources import source_of

    store = _store(data)

    async def work() -> str:
        judge = await _judge_here()
        async with source_of(place, store.disk) as source:
            with ProgressLine(sys.stderr) as line:
                return (await import_model(store, source, judge, SystemClock(), line.tell)).entry

    model = store.find(asyncio.run(work()))
    typer.echo(
        f"{model.title} ({model.name}, version {model.version}) is here{' and may serve' * model.kind.may_serve}."
    )
    if not model.kind.may_serve:
        typer.echo(f"It {model.kind.in_words}. Measure it: `mulberry benchmark --model {model.name}`.")


@models.command()
def inspect(
    name: Annotated[
        str, typer.Argument(metavar="MODEL", help="Its name, its entry, or a folder that is not imported yet.")
    ],
    data: Data = None,
) -> None:
    """Compare all files with the manifest and inspect the model anew."""
    from mulberry.cli.model_words import of_verdict
    from mulberry.model.clock import SystemClock
    from mulberry.runtime.manifest import MANIFEST
    from mulberry.runtime.models import ModelFolder
    from mulberry.runtime.store.importing import judge_again

    async def work() -> "Verdict":
        judge = await _judge_here()
        if folder is None:
            return await judge_again(_store(data), name, judge, SystemClock())
        model = ModelFolder.read(folder)
        await asyncio.to_thread(model.verify)
        return await judge(model)

    folder = Path(name).absolute() if (Path(name) / MANIFEST).exists() else None
    verdict = asyncio.run(work())
    for line in of_verdict(verdict):
        typer.echo(line)
    raise typer.Exit(0 if verdict.may_serve else 1)


@models.command()
def remove(name: Name, data: Data = None) -> None:
    """Remove a model from the disk, unless the agent uses it."""
    store = _store(data)
    model = store.find(name)
    store.remove(model.entry)
    typer.echo(f"{model.entry} was removed.")


@models.command()
def move(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder, on any disk.")], data: Data = None
) -> None:
    """Move all models to another disk: copied, compared, and only then removed where they were."""
    from mulberry.cli.model_words import ProgressLine
    from mulberry.runtime.store.moving import move_models

    store = _store(data)
    with ProgressLine(sys.stderr) as line:
        asyncio.run(move_models(store, folder, line.tell))
    typer.echo(f"The models lie in {store.place}.")


@models.command()
def quota(
    size: Annotated[str | None, typer.Argument(help="20GB, 500MB …, or none.", show_default=False)] = None,
    data: Data = None,
) -> None:
    """Show or set how much room models may take. Nothing is removed by it."""
    from mulberry.cli.model_words import of_room

    store = _store(data)
    if size is not None:
        try:
            store.set_quota(_bytes(size))
        except ValueError as mistake:
            raise typer.BadParameter(str(mistake)) from mistake
    typer.echo(of_room(store.status()))


@models.command()
def collect(data: Data = None) -> None:
    """Remove unfinished imports and older versions that nobody uses."""
    from mulberry.model.models import size_in_words

    typer.echo(f"{size_in_words(_store(data).collect())} are free again.")


def _store(data: Path | None) -> "ModelStore":
    from mulberry.runtime.store.store import ModelStore

    return ModelStore(model_store(data.absolute() if data else default_data_root()))


async def _judge_here() -> "Judge":
    from mulberry.agent.sandbox_words import judge_in_sandbox
    from mulberry.runtime.sandbox.choose import choose

    return await judge_in_sandbox(choose)


def _bytes(text: str) -> int | None:
    """`20GB`, `1.5 TB`, `none`. Raises `ValueError`."""
    if text.strip().lower() == "none":
        return None
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([MGT])B", text.strip().upper())
    if found is None:
        raise ValueError(f"{text!r} is no size; write 500MB, 20GB or none")
    return int(float(found[1]) * {"M": 10**6, "G": 10**9, "T": 10**12}[found[2]])
