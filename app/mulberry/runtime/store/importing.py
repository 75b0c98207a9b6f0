"""Brings a model into the store. Nobody sees it before it is whole, judged and on disk."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.files import write_whole
from mulberry.model.language import english, tr
from mulberry.model.models import CopyProgress, StoredModel, size_in_words
from mulberry.runtime.manifest import MANIFEST, Manifest, parse_manifest
from mulberry.runtime.models import ModelFolder
from mulberry.runtime.store.disk import (
    RESERVE_BYTES,
    let_read,
    make_folder,
    no_room,
    on_disk,
    remove_folder,
    used_bytes,
)
from mulberry.runtime.store.judging import Verdict
from mulberry.runtime.store.sources import Source
from mulberry.runtime.store.store import INSPECTION, ModelStore, Record, digest_of, entry_name, used_in

Judge = Callable[[ModelFolder], Awaitable[Verdict]]
Tell = Callable[[CopyProgress], None]


async def import_model(
    store: ModelStore, source: Source, judge: Judge, clock: Clock, tell: Tell = lambda progress: None
) -> StoredModel:
    """The imported model; the one that is there already when its manifest is the same.

    Raises `UserFacingError`: what comes is not what the manifest names, there is no room, or the inspection refused
    it. What is right of an import that broke off is kept for the next attempt.
    """
    with store.importing():
        untrusted_manifest = await source.manifest()
        manifest = _parsed(untrusted_manifest, source.name)
        entry = entry_name(manifest, untrusted_manifest)
        there = {model.entry: model for model in store.models()}
        if entry in there and not there[entry].problem:
            return there[entry]
        staging = store.parts / digest_of(untrusted_manifest)
        _check_room(store, manifest, staging)
        try:
            make_folder(staging / "model")
            (staging / "model" / MANIFEST).write_bytes(untrusted_manifest)
            await _fetch_all(source, manifest, staging, tell)
            folder = ModelFolder(staging / "model", manifest)
            folder.compare_names()
            let_read(folder.path)
            tell(CopyProgress(tr("Inspecting the model"), manifest.size_bytes, manifest.size_bytes))
            record = await _judged(folder, source.name, judge, clock, staging)
            await asyncio.to_thread(_publish, store, staging, entry, record)
        except OSError as problem:
            raise _disk_says(problem, manifest, store) from problem
        return store.find(entry)


async def judge_again(store: ModelStore, wanted: str, judge: Judge, clock: Clock) -> Verdict:
    """Compares all hashes and inspects anew. A model that was judged by an older inspection may serve again after it.

    Raises `UserFacingError`: it is not there, or its files were changed.
    """
    with store.changing():
        model = store.find(wanted)
        folder = ModelFolder.read(store.path_of(model.entry))
        await asyncio.to_thread(folder.verify)
        verdict = await judge(folder)
        record = Record(
            imported_at=model.imported_at or clock.now(),
            source=model.source,
            inspection=INSPECTION,
            judged_in=english(verdict.judged_in),
            refused=tuple(map(english, verdict.reasons)),
        )
        write_whole(store.place / model.entry / "record.json", record.model_dump_json(indent=2).encode())
        return verdict


def _check_room(store: ModelStore, manifest: Manifest, staging: Path) -> None:
    there = used_bytes(staging)
    needed = max(manifest.size_bytes - there, 0)
    quota, used = store.choices.quota_bytes, used_in(store.place)
    if quota is not None and used + needed > quota:
        raise UserFacingError(
            what=tr("There is no room for {title}.", title=manifest.title),
            why=tr(
                "It needs {needed}; your limit for models is {quota}, of which {used} are used.",
                needed=size_in_words(needed),
                quota=size_in_words(quota),
                used=size_in_words(used),
            ),
            next_step=tr(
                "Remove a model (`mulberry models remove`), collect old versions (`mulberry models collect`), "
                "or raise the limit (`mulberry models quota`)."
            ),
        )
    make_folder(store.place)
    free = store.disk.free_bytes(store.place)
    if needed + RESERVE_BYTES > free:
        raise no_room(manifest.title, needed, free)


async def _fetch_all(source: Source, manifest: Manifest, staging: Path, tell: Tell) -> None:
    done = 0
    for expected in sorted(manifest.files, key=lambda file: file.size):  # what is wrong shows before the large ones

        def progress(there: int, name: str = expected.name, before: int = done) -> None:
            tell(CopyProgress(name, before + there, manifest.size_bytes))

        await source.fetch(expected, staging / "model" / expected.name, staging / f"{expected.name}.etag", progress)
        done += expected.size


async def _judged(folder: ModelFolder, source: str, judge: Judge, clock: Clock, staging: Path) -> Record:
    verdict = await judge(folder)
    if not verdict.may_serve:
        remove_folder(staging)
        raise UserFacingError(
            what=tr("{title} was inspected and refused. It is not on your disk any more.", title=folder.manifest.title),
            why=" ".join(verdict.reasons),
            next_step=tr("Choose another model, or ask its makers for one that needs nothing of this."),
        )
    return Record(imported_at=clock.now(), source=source, inspection=INSPECTION, judged_in=english(verdict.judged_in))


def _publish(store: ModelStore, staging: Path, entry: str, record: Record) -> None:
    for path in (*(staging / "model").iterdir(), staging / "model"):
        on_disk(path)
    write_whole(staging / "record.json", record.model_dump_json(indent=2).encode())
    with store.changing():
        target = store.place / entry
        remove_folder(target)  # one that was damaged
        staging.rename(target)
        on_disk(store.place)


def _parsed(untrusted_manifest: bytes, name: str) -> Manifest:
    """Raises `UserFacingError`."""
    try:
        return parse_manifest(untrusted_manifest, name)
    except UserFacingError as problem:
        raise UserFacingError(
            what=tr("The model in {name} was not imported.", name=name),
            why=problem.why,
            next_step=tr(
                "Ask for a correct manifest where it came from; docs/model-manifest.md says what stands in one."
            ),
        ) from problem


def _disk_says(problem: OSError, manifest: Manifest, store: ModelStore) -> UserFacingError:
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_room(manifest.title, manifest.size_bytes, store.disk.free_bytes(store.place))
    return UserFacingError(
        what=tr("{title} could not be written to your disk.", title=manifest.title),
        why=f"{problem.filename or store.place}: {problem.strerror or problem}.",
        next_step=tr("See to the disk, then import it again: what is here already is kept."),
    )
