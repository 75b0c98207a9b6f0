"""Moves all models to another disk: copied, compared, switched over by one small file, and only then removed.

Whatever ends it, one whole set of models is in use: before `store.json` is replaced the old one, after it the new one.
What is left of the other stands in `left_behind` and is removed by the next move or by `collect`.
"""

import asyncio
import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.models import CopyProgress
from mulberry.runtime.manifest import MANIFEST
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.store.disk import RESERVE_BYTES, let_read, make_folder, no_room, on_disk
from mulberry.runtime.store.store import ModelStore, clear

BLOCK_BYTES = 8 << 20
Tell = Callable[[CopyProgress], None]


async def move_models(store: ModelStore, new_place: Path, tell: Tell = lambda progress: None) -> None:
    """`new_place` must not exist, or be an empty folder, or one where a move broke off.

    Raises `UserFacingError`: a model is in use or damaged, there is no room, or the folder is not to be had.
    """
    with store.importing(), store.changing():
        choices, old_place, models = store.choices, store.place, store.models()
        new_place = _checked(old_place, new_place, choices.left_behind)
        if used := [model.title or model.entry for model in models if model.in_use]:
            raise _not_moved(
                tr("The agent uses {models}.", models=", ".join(used)),
                tr("Stop the agent (`mulberry stop`), then move them."),
            )
        total = sum(model.size_bytes for model in models)
        others = tuple(place for place in choices.left_behind if place != new_place)
        try:
            # From here on what lies there is ours to remove, should this break off.
            store.save(choices.model_copy(update={"left_behind": (*others, new_place)}))
            clear(new_place)
            make_folder(new_place)
            free = store.disk.free_bytes(new_place)
            if total + RESERVE_BYTES > free:
                raise no_room(tr("all models"), total, free)
            done = 0
            for model in models:
                note = tr("Copying {model}", model=model.title or model.entry)

                def copied(there: int, note: str = note, before: int = done) -> None:
                    tell(CopyProgress(note, before + there, total))

                await _copy_off_loop(store, old_place / model.entry, new_place / model.entry, copied)
                done += model.size_bytes
            on_disk(new_place)
            moved = choices.model_copy(update={"place": new_place, "left_behind": (*others, old_place)})
            store.save(moved)
        except OSError as problem:
            if problem.errno in (errno.ENOSPC, errno.EDQUOT):
                raise no_room(tr("all models"), total, store.disk.free_bytes(new_place)) from problem
            why = f"{problem.filename or new_place}: {problem.strerror or problem}."
            raise _not_moved(why, tr("See to the disk, then move them again.")) from problem
        tell(CopyProgress(tr("Removing the old copies"), total, total))
        left = tuple([place for place in moved.left_behind if not await asyncio.to_thread(clear, place)])
        store.save(moved.model_copy(update={"left_behind": left}))


async def _copy_off_loop(store: ModelStore, entry: Path, target: Path, copied: Callable[[int], None]) -> None:
    """Returns, also when it is cancelled, only after nothing is written any more: the next move begins by clearing."""
    loop, given_up = asyncio.get_running_loop(), threading.Event()

    def tell(there: int) -> None:
        if given_up.is_set():
            raise InterruptedError(f"the copy of {entry.name} was given up")
        loop.call_soon_threadsafe(copied, there)

    copying = asyncio.create_task(asyncio.to_thread(_copy, store, entry, target, tell))
    try:
        await asyncio.shield(copying)
    finally:
        given_up.set()
        await asyncio.wait((copying,))


def _copy(store: ModelStore, entry: Path, target: Path, tell: Callable[[int], None]) -> None:
    """Raises `OSError`, what `tell` raises, and `UserFacingError`: the copy, or what was copied, is not what the
    manifest says."""
    model = ModelFolder.read(entry / "model")
    copy = target.with_name(f".moving-{target.name}")
    make_folder(copy / "model")
    there = 0
    tell(there)
    for name in (MANIFEST, *(file.name for file in model.manifest.files)):
        with (entry / "model" / name).open("rb") as source, store.disk.append(copy / "model" / name) as written:
            while block := source.read(BLOCK_BYTES):
                written.write(block)
                there += len(block)
                tell(min(there, model.manifest.size_bytes))
        on_disk(copy / "model" / name)
    shutil.copyfile(entry / "record.json", copy / "record.json")
    ModelFolder.read(copy / "model").verify()
    let_read(copy / "model")
    for path in (copy / "record.json", copy / "model", copy):
        on_disk(path)
    copy.rename(target)


def _checked(old: Path, named: Path, left_behind: tuple[Path, ...]) -> Path:
    new = named.absolute()
    if new == old or old in new.parents or new in old.parents:
        raise _not_moved(
            tr("{folder} and the old folder lie in one another.", folder=new), tr("Name a folder on another disk.")
        )
    if new.exists() and not new.is_dir():
        raise _not_moved(tr("{folder} is no folder.", folder=new), tr("Name a folder on another disk."))
    if new.is_dir() and new not in left_behind and (strange := next(new.iterdir(), None)) is not None:
        raise _not_moved(
            tr("{folder} is not empty: {name} lies in it.", folder=new, name=f"{strange.name!r}"),
            tr("Name an empty or a new folder."),
        )
    return new


def _not_moved(why: str, next_step: str) -> UserFacingError:
    return UserFacingError(what=tr("The models were not moved."), why=why, next_step=next_step)
