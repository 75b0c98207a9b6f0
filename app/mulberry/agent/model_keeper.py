"""What the owner does with models through the agent: one long work at a time, off the loop, whoever looks or not.

The store itself survives a crash at any point; what broke off goes on when the same import is asked for again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mulberry.agent.reasons import OWN_MISTAKE
from mulberry.agent.sandbox_words import judge_in_sandbox
from mulberry.agent.shift import Shift
from mulberry.agent.workshop import Workshop
from mulberry.model.clock import Clock
from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.models import (
    CopyProgress,
    ModelOrder,
    ModelsStatus,
    ModelVerb,
    ModelWork,
    StoreStatus,
    WorkState,
)
from mulberry.model.places import model_store, resource
from mulberry.runtime.sandbox.choose import Choice
from mulberry.runtime.store.importing import import_model, judge_again
from mulberry.runtime.store.moving import move_models
from mulberry.runtime.store.sources import source_of
from mulberry.runtime.store.store import ModelStore, bundled_models

log = logging.getLogger(__name__)

VERBS = {
    ModelVerb.IMPORT: tr("import"),
    ModelVerb.INSPECT: tr("inspection"),
    ModelVerb.MOVE: tr("move"),
    ModelVerb.REMOVE: tr("removal"),
    ModelVerb.LIMIT: tr("limit"),
    ModelVerb.COLLECT: tr("collection"),
    ModelVerb.CANCEL: tr("end"),
}

LONGEST_PLACE = 2_000  # characters
LARGEST_LIMIT_BYTES = 1 << 60


class ModelKeeper:
    def __init__(
        self,
        store: ModelStore,
        find_sandbox: Callable[[], Awaitable[Choice]],
        clock: Clock,
        *,
        served: Callable[[], Path | None],
        on_usable: Callable[[], None],
    ) -> None:
        """`served` is the folder of the model that serves now; `on_usable` hears that one more may serve."""
        self._store = store
        self._find_sandbox = find_sandbox
        self._clock = clock
        self._served = served
        self._on_usable = on_usable
        self._work: ModelWork | None = None
        self._task: asyncio.Task[None] | None = None

    async def status(self) -> ModelsStatus:
        """What is there, read from the disk now, and what is under way."""
        served, work = self._served(), self._work
        store, problem = await asyncio.to_thread(self._read_store)
        bundled = await asyncio.to_thread(bundled_models)
        serving = tuple(replace(model, in_use=resource(f"models/{model.entry}") == served) for model in bundled)
        return ModelsStatus(serving, store, problem, work)

    async def obey(self, order: ModelOrder) -> None:
        """Does it, or begins what takes long. Raises `UserFacingError`; what fails later is told by `status`."""
        match order.verb:
            case ModelVerb.IMPORT:
                self._begin(order, partial(self._import, _whole(order.about, may_be_address=True)))
            case ModelVerb.INSPECT:
                self._begin(order, partial(self._inspect, order.about))
            case ModelVerb.MOVE:
                self._begin(order, partial(self._move, Path(_whole(order.about))))
            case ModelVerb.REMOVE:
                await self._at_once(partial(self._store.remove, order.about))
            case ModelVerb.LIMIT:
                await self._at_once(partial(self._store.set_quota, _limit(order.limit_bytes)))
            case ModelVerb.COLLECT:
                await self._at_once(self._store.collect)
            case ModelVerb.CANCEL:
                await self.end()

    async def end(self) -> None:
        """Whatever is under way ends now. What an import has brought so far is kept for the next one."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._change(state=WorkState.CANCELLED)

    def _begin(self, order: ModelOrder, work: Callable[[], Coroutine[Any, Any, str]]) -> None:
        if self._work is not None and self._work.state is WorkState.RUNNING:
            raise UserFacingError(
                what=tr("One thing after the other."),
                why=tr(
                    "The agent is busy with the models ({verb}: {about}).",
                    verb=VERBS[self._work.verb],
                    about=self._work.about,
                ),
                next_step=tr("Wait until it is done, or cancel it."),
            )
        self._work = ModelWork(order.verb, order.about, WorkState.RUNNING)
        self._task = asyncio.create_task(self._run(work), name=f"models: {order.verb}")

    async def _run(self, work: Callable[[], Coroutine[Any, Any, str]]) -> None:
        try:
            title = await work()
        except UserFacingError as problem:
            self._change(state=WorkState.REFUSED, problem=(problem.what, problem.why, problem.next_step))
        except OSError as problem:
            self._change(state=WorkState.REFUSED, problem=_disk_problem(problem))
        except Exception:
            log.exception("a bug ended the work on the models")
            self._change(state=WorkState.REFUSED, problem=OWN_MISTAKE)
        else:
            self._change(state=WorkState.DONE, title=title)

    async def _import(self, place: str) -> str:
        judge_here = await judge_in_sandbox(self._find_sandbox)
        async with source_of(place, self._store.disk) as source:
            model = await import_model(self._store, source, judge_here, self._clock, self._tell)
        self._on_usable()
        return model.title

    async def _inspect(self, entry: str) -> str:
        judge_here = await judge_in_sandbox(self._find_sandbox)
        model = await asyncio.to_thread(self._store.find, entry)
        verdict = await judge_again(self._store, model.entry, judge_here, self._clock)
        if not verdict.may_serve:
            raise UserFacingError(
                what=tr("{model} was inspected and refused.", model=model.title or model.entry),
                why=" ".join(verdict.reasons),
                next_step=tr("Remove it, and choose another model."),
            )
        self._on_usable()
        return model.title

    async def _move(self, folder: Path) -> str:
        await move_models(self._store, folder, self._tell)
        return ""

    def _tell(self, progress: CopyProgress) -> None:
        self._change(progress=progress)

    def _change(self, **changes: Any) -> None:
        if self._work is not None and self._work.state is WorkState.RUNNING:
            self._work = replace(self._work, **changes)

    async def _at_once(self, change: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(change)
        except OSError as problem:
            raise UserFacingError(*_disk_problem(problem)) from problem

    def _read_store(self) -> tuple[StoreStatus | None, str]:
        try:
            return self._store.status(), ""
        except UserFacingError as problem:
            return None, str(problem)
        except OSError as problem:
            return None, " ".join(_disk_problem(problem))


def keeper_of(workshop: Workshop, shift: Callable[[], Shift | None], on_usable: Callable[[], None]) -> ModelKeeper:
    """The agent's own, of the store that serves all networks; `shift` is the present one."""

    def served() -> Path | None:
        present = shift()
        return present.served if present is not None else None

    store = ModelStore(model_store(workshop.folder.path.parent))
    return ModelKeeper(store, workshop.find_sandbox, workshop.clock, served=served, on_usable=on_usable)


def _whole(untrusted_place: str, *, may_be_address: bool = False) -> str:
    """Raises `UserFacingError`: too long, or it depends on the folder that the agent happens to be in."""
    place = untrusted_place.strip()
    is_address = may_be_address and (place.startswith("file:") or "://" in place)
    if len(place) <= LONGEST_PLACE and "\0" not in place and (is_address or Path(place).is_absolute()):
        return place
    named = f"{place[:80]!r}"
    if may_be_address:
        raise UserFacingError(
            what=tr("There is no model to import."),
            why=tr("{named} is not an address with https:// or a folder with its whole path.", named=named),
            next_step=tr("Name an address with https:// or a folder with its whole path."),
        )
    raise UserFacingError(
        what=tr("This is no place for models."),
        why=tr("{named} is not a folder's whole path.", named=named),
        next_step=tr("Name a folder's whole path."),
    )


def _limit(untrusted_bytes: int | None) -> int | None:
    """Raises `ValueError`."""
    if untrusted_bytes is not None and not 0 <= untrusted_bytes <= LARGEST_LIMIT_BYTES:
        raise ValueError(f"a limit lies between 0 and {LARGEST_LIMIT_BYTES:,} bytes")
    return untrusted_bytes


def _disk_problem(problem: OSError) -> tuple[str, str, str]:
    why = f"{problem.filename}: {problem.strerror}." if problem.filename else f"{problem.strerror or problem}."
    return tr("The models' disk does not do what it should."), why, tr("See to the disk, then try again.")
