"""What the Models page says. Manifests, addresses and errors are strangers' words: each is cut to where it stands."""

import re

from mulberry.desktop.network_wording import Fact
from mulberry.model.language import dated, tr, tr_count
from mulberry.model.models import (
    ModelKind,
    ModelsStatus,
    ModelVerb,
    ModelWork,
    StoredModel,
    StoreStatus,
    WorkState,
    size_in_words,
)
from mulberry.model.text import plain

LONGEST_VALUE = 80  # characters
LONGEST_WORD = 20
UNBROKEN = re.compile(rf"[^\s/-]{{{LONGEST_WORD + 1},}}")
LONGEST_REASONS = 1_500
GIGABYTE = 10**9

NOT_HEARD_YET = tr("The agent has not answered yet; what models there are is not known.")
NOTHING_IMPORTED = tr("No models are imported. The demo network needs none: its own comes with Mulberry.")
EXPLANATION = tr("What answers the requests. A stranger's model is inspected in the sandbox before it may serve.")
IMPORT = tr(
    "From a folder of this computer, or from an address with https. Every file is compared with the model's manifest, "
    "then the model is inspected in the sandbox. Nobody vouches for how good it is but whoever offers it."
)
KINDS = {
    ModelKind.TEXT_GENERATION: tr("text-generation"),
    ModelKind.EMBEDDING: tr("embedding"),
    ModelKind.CLASSIFICATION: tr("classification"),
}
DOES = {
    ModelKind.TEXT_GENERATION: tr("It writes text."),
    ModelKind.EMBEDDING: tr("It turns texts into vectors, which is not sold on Cocoon today."),
    ModelKind.CLASSIFICATION: tr("It sorts texts by labels, which is not sold on Cocoon today."),
}
BUNDLED = tr("Demo model, comes with Mulberry")
STOP_FIRST = tr("It serves now. Press Stop on the Home page first.")


def title(model: StoredModel) -> str:
    return _cut(model.title or model.entry)


def state_line(model: StoredModel) -> tuple[str, str]:
    """What is to be known first, and the colour's role for it."""
    if model.problem:
        return tr("Cannot serve: {reason}", reason=plain(model.problem, LONGEST_REASONS)), "bad"
    if model.in_use:
        return tr("Serves now"), "strong"
    if not model.kind.may_serve:
        return tr("For `mulberry benchmark` alone: only models that write text are sold on Cocoon today"), "source"
    return tr("May serve"), "source"


def facts(model: StoredModel) -> tuple[Fact, ...]:
    """What the manifest says, and what we found ourselves."""
    word = tr("Its makers' word, from the manifest.")
    return (
        Fact(tr("Name on the network"), _cut(model.name), f"{tr('Requests carry this name.')} {plain(model.name)}"),
        Fact(tr("Licence"), _cut(model.licence) or tr("not said"), f"{tr('Of the weights.')} {word}"),
        Fact(tr("Kind and context"), _kind(model), f"{DOES[model.kind]} {word}"),
        Fact(tr("Runs on"), _ways(model), f"{tr('What it needs at least.')} {word}"),
        Fact(tr("On the disk"), size_in_words(model.size_bytes), tr("All of its files.")),
        inspection(model),
        Fact(tr("Version"), _version(model), word),
        Fact(tr("Source"), _cut(model.source or model.made_from) or tr("not known"), _source(model)),
    )


def inspection(model: StoredModel) -> Fact:
    name = tr("Inspection")
    if model.is_bundled:
        compared = tr("Its files are compared with its manifest at each start.")
        return Fact(name, tr("not needed: ours"), f"{tr('It comes with Mulberry.')} {compared}")
    if model.problem:
        return Fact(name, tr("does not hold"), plain(model.problem), "bad")
    read_in = _cut(model.judged_in) or tr("not known")
    return Fact(name, tr("accepted"), tr("It was read in: {sandbox}. Nothing was against it.", sandbox=read_in))


def work_title(work: ModelWork, status: ModelsStatus) -> str:
    """One line: what is under way, or how it ended."""
    about = _about(work, status)
    match work.state, work.verb:
        case WorkState.REFUSED, _ if work.problem is not None:
            return plain(work.problem[0], LONGEST_REASONS)
        case WorkState.RUNNING, ModelVerb.IMPORT:
            return tr("Importing {about}", about=about)
        case WorkState.RUNNING, ModelVerb.MOVE:
            return tr("Moving all models to {about}", about=about)
        case WorkState.RUNNING, _:
            return tr("Inspecting {about}", about=about)
        case WorkState.DONE, ModelVerb.IMPORT:
            return tr("{title} is here. Nothing is against it.", title=_cut(work.title))
        case WorkState.DONE, ModelVerb.MOVE:
            return tr("All models lie in {about} now.", about=about)
        case WorkState.DONE, _:
            return tr("{about} was inspected: nothing is against it.", about=about)
    return _cancelled(work.verb, about)


def _cancelled(verb: ModelVerb, about: str) -> str:
    match verb:
        case ModelVerb.IMPORT:
            return tr("Cancelled: the import of {about}", about=about)
        case ModelVerb.INSPECT:
            return tr("Cancelled: the inspection of {about}", about=about)
        case ModelVerb.MOVE:
            return tr("Cancelled: the move to {about}", about=about)
    return tr("Cancelled: the work on {about}", about=about)


def work_line(work: ModelWork) -> str:
    """What is to be known besides: how far it is, or why it ended and what to do."""
    progress = work.progress
    if work.problem is not None:
        return plain(f"{work.problem[1]} {work.problem[2]}", LONGEST_REASONS)
    if work.state is WorkState.CANCELLED and _is_fetched(work):
        return tr("What came so far is kept: it goes on from there.")
    if work.state is WorkState.CANCELLED:
        return tr("Everything is as it was.")
    if work.state is WorkState.DONE:
        return ""
    if progress is None:
        return tr("Looking at it…")
    done, total = size_in_words(progress.done_bytes), size_in_words(progress.total_bytes)
    return tr("{done} of {total} · {note}", done=done, total=total, note=_cut(progress.note))


def share_done(work: ModelWork) -> float | None:
    """0 to 1, None: not known."""
    progress = work.progress
    return progress.done_bytes / progress.total_bytes if progress is not None and progress.total_bytes > 0 else None


def again_button(work: ModelWork) -> str:
    """What leads on from here, "" where nothing does."""
    if work.state is WorkState.CANCELLED:
        return tr("Go on") if _is_fetched(work) else tr("Do it after all")
    return tr("Try again") if work.state is WorkState.REFUSED else ""


def room_facts(store: StoreStatus) -> tuple[Fact, ...]:
    limit = size_in_words(store.quota_bytes) if store.quota_bytes is not None else tr("none")
    return (
        Fact(
            tr("Used"),
            size_in_words(store.used_bytes),
            tr("By imported models and unfinished imports."),
            _room_tone(store),
        ),
        Fact(tr("Your limit"), limit, tr("For imports. Nothing is removed when it is reached.")),
        Fact(
            tr("Free on the disk"),
            size_in_words(store.free_bytes),
            tr("512 MB of it stay yours, whatever is imported."),
        ),
    )


def share_used(store: StoreStatus) -> float | None:
    """Of the owner's limit, or of what is used and free together."""
    whole = store.quota_bytes if store.quota_bytes is not None else store.used_bytes + store.free_bytes
    return store.used_bytes / whole if whole > 0 else None


def room_line(store: StoreStatus) -> str:
    """Where they lie, and what could not be removed yet."""
    left = (
        tr("What could not be removed yet lies in {folder}.", folder=_cut(str(place))) for place in store.left_behind
    )
    return " ".join((tr("In {folder}.", folder=_cut(str(store.place))), *left))


def remove_question(model: StoredModel) -> tuple[str, str]:
    text = tr("Remove {model} from this computer?", model=title(model))
    more = tr("{size} are free again.", size=size_in_words(model.size_bytes))
    return text, f"{more} {tr('It came from {source}.', source=_cut(model.source))}" if model.source else more


def move_question(store: StoreStatus, folder: str) -> tuple[str, str]:
    models, size = len(store.models), size_in_words(sum(model.size_bytes for model in store.models))
    text = tr_count("Move {count} model to {folder}?", "Move {count} models to {folder}?", models, folder=_cut(folder))
    return text, tr(
        "{size} are copied and compared there, and only then removed here. It goes on when the window is closed; a "
        "model that serves cannot be moved.",
        size=size,
    )


def _is_fetched(work: ModelWork) -> bool:
    """From an address: what has come need not come again. A folder is copied anew."""
    return work.verb is ModelVerb.IMPORT and "://" in work.about


def _about(work: ModelWork, status: ModelsStatus) -> str:
    models = status.store.models if status.store is not None else ()
    return next((title(model) for model in models if model.entry == work.about), _cut(work.about))


def _cut(untrusted: str) -> str:
    """On few lines; a word that no line could hold is cut too."""
    return UNBROKEN.sub(lambda word: f"{word[0][:LONGEST_WORD]}…", plain(untrusted, LONGEST_VALUE).strip())


def _kind(model: StoredModel) -> str:
    if not model.context_tokens:
        return tr("not known")
    return tr_count("{kind}, {count} token", "{kind}, {count} tokens", model.context_tokens, kind=KINDS[model.kind])


def _ways(model: StoredModel) -> str:
    """A line each: `CUDA (fp16), 8.00 GB VRAM`."""
    lines = []
    for way in model.ways:
        memory = f", {size_in_words(way.minimum_vram_bytes)} VRAM" if way.minimum_vram_bytes else ""
        lines.append(f"{way.provider.upper()} ({way.precision}){memory}")
    return "\n".join(lines) or tr("not known")


def _version(model: StoredModel) -> str:
    version = _cut(model.version) or tr("not known")
    if model.imported_at is None:
        return version
    return tr("{version}, imported {date}", version=version, date=dated(model.imported_at.astimezone(), "%d %b %Y"))


def _source(model: StoredModel) -> str:
    parts = (
        model.source and tr("Imported from {source}.", source=model.source),
        model.made_from and tr("Its makers say: {words}", words=model.made_from),
    )
    return plain(" ".join(part for part in parts if part)) or tr("Nothing is said of it.")


def _room_tone(store: StoreStatus) -> str:
    return "warn" if store.quota_bytes is not None and store.used_bytes > store.quota_bytes else ""
