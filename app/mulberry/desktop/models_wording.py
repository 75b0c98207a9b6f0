"""What the Models page says. Manifests, addresses and errors are strangers' words: each is cut to where it stands."""

import re

from mulberry.desktop import wording
from mulberry.desktop.network_wording import Fact
from mulberry.model.models import (
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

NOT_HEARD_YET = "The agent has not answered yet; what models there are is not known."
NOTHING_IMPORTED = "No models are imported. The demo network needs none: its own comes with Mulberry."
EXPLANATION = "What answers the requests. A stranger's model is inspected in the sandbox before it may serve."
IMPORT = (
    "From a folder of this computer, or from an address with https. Every file is compared with the model's manifest, "
    "then the model is inspected in the sandbox. Nobody vouches for how good it is but whoever offers it."
)
BUNDLED = "Demo model, comes with Mulberry"
STOP_FIRST = "It serves now. Press Stop on the Home page first."


def title(model: StoredModel) -> str:
    return _cut(model.title or model.entry)


def state_line(model: StoredModel) -> tuple[str, str]:
    """What is to be known first, and the colour's role for it."""
    if model.problem:
        return f"Cannot serve: {plain(model.problem, LONGEST_REASONS)}", "bad"
    if model.in_use:
        return "Serves now", "strong"
    if not model.kind.may_serve:
        return "For `mulberry benchmark` alone: only models that write text are sold on Cocoon today", "source"
    return "May serve", "source"


def facts(model: StoredModel) -> tuple[Fact, ...]:
    """What the manifest says, and what we found ourselves."""
    word = "Its makers' word, from the manifest."
    return (
        Fact("Name on the network", _cut(model.name), f"Requests carry this name. {plain(model.name)}"),
        Fact("Licence", _cut(model.licence) or "not said", f"Of the weights. {word}"),
        Fact("Kind and context", _kind(model), f"It {model.kind.in_words}. {word}"),
        Fact("Runs on", _ways(model), f"What it needs at least. {word}"),
        Fact("On the disk", size_in_words(model.size_bytes), "All of its files."),
        inspection(model),
        Fact("Version", _version(model), word),
        Fact("Source", _cut(model.source or model.made_from) or "not known", _source(model)),
    )


def inspection(model: StoredModel) -> Fact:
    name = "Inspection"
    if model.is_bundled:
        compared = "Its files are compared with its manifest at each start."
        return Fact(name, "not needed: ours", f"It comes with Mulberry. {compared}")
    if model.problem:
        return Fact(name, "does not hold", plain(model.problem), "bad")
    return Fact(name, "accepted", f"It was read in: {_cut(model.judged_in) or 'not known'}. Nothing was against it.")


def work_title(work: ModelWork, status: ModelsStatus) -> str:
    """One line: what is under way, or how it ended."""
    about = _about(work, status)
    match work.state, work.verb:
        case WorkState.REFUSED, _ if work.problem is not None:
            return plain(work.problem[0], LONGEST_REASONS)
        case WorkState.RUNNING, ModelVerb.IMPORT:
            return f"Importing {about}"
        case WorkState.RUNNING, ModelVerb.MOVE:
            return f"Moving all models to {about}"
        case WorkState.RUNNING, _:
            return f"Inspecting {about}"
        case WorkState.DONE, ModelVerb.IMPORT:
            return f"{_cut(work.title)} is here. Nothing is against it."
        case WorkState.DONE, ModelVerb.MOVE:
            return f"All models lie in {about} now."
        case WorkState.DONE, _:
            return f"{about} was inspected: nothing is against it."
    return f"Cancelled: {_CANCELLED.get(work.verb, 'the work on')} {about}"


def work_line(work: ModelWork) -> str:
    """What is to be known besides: how far it is, or why it ended and what to do."""
    progress = work.progress
    if work.problem is not None:
        return plain(f"{work.problem[1]} {work.problem[2]}", LONGEST_REASONS)
    if work.state is WorkState.CANCELLED and _is_fetched(work):
        return "What came so far is kept: it goes on from there."
    if work.state is WorkState.CANCELLED:
        return "Everything is as it was."
    if work.state is WorkState.DONE:
        return ""
    if progress is None:
        return "Looking at it…"
    done, total = size_in_words(progress.done_bytes), size_in_words(progress.total_bytes)
    return f"{done} of {total} · {_cut(progress.note)}"


def share_done(work: ModelWork) -> float | None:
    """0 to 1, None: not known."""
    progress = work.progress
    return progress.done_bytes / progress.total_bytes if progress is not None and progress.total_bytes > 0 else None


def again_button(work: ModelWork) -> str:
    """What leads on from here, "" where nothing does."""
    if work.state is WorkState.CANCELLED:
        return "Go on" if _is_fetched(work) else "Do it after all"
    return "Try again" if work.state is WorkState.REFUSED else ""


def room_facts(store: StoreStatus) -> tuple[Fact, ...]:
    limit = size_in_words(store.quota_bytes) if store.quota_bytes is not None else "none"
    return (
        Fact("Used", size_in_words(store.used_bytes), "By imported models and unfinished imports.", _room_tone(store)),
        Fact("Your limit", limit, "For imports. Nothing is removed when it is reached."),
        Fact("Free on the disk", size_in_words(store.free_bytes), "512 MB of it stay yours, whatever is imported."),
    )


def share_used(store: StoreStatus) -> float | None:
    """Of the owner's limit, or of what is used and free together."""
    whole = store.quota_bytes if store.quota_bytes is not None else store.used_bytes + store.free_bytes
    return store.used_bytes / whole if whole > 0 else None


def room_line(store: StoreStatus) -> str:
    """Where they lie, and what could not be removed yet."""
    left = "".join(f" What could not be removed yet lies in {_cut(str(place))}." for place in store.left_behind)
    return f"In {_cut(str(store.place))}.{left}"


def remove_question(model: StoredModel) -> tuple[str, str]:
    text = f"Remove {title(model)} from this computer?"
    again = f" It came from {_cut(model.source)}." if model.source else ""
    return text, f"{size_in_words(model.size_bytes)} are free again.{again}"


def move_question(store: StoreStatus, folder: str) -> tuple[str, str]:
    size = size_in_words(sum(model.size_bytes for model in store.models))
    text = f"Move {wording.count(len(store.models), 'model')} to {_cut(folder)}?"
    return text, (
        f"{size} are copied and compared there, and only then removed here. It goes on when the window is closed; a "
        "model that serves cannot be moved."
    )


_CANCELLED = {
    ModelVerb.IMPORT: "the import of",
    ModelVerb.INSPECT: "the inspection of",
    ModelVerb.MOVE: "the move to",
}


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
    return f"{model.kind}, {model.context_tokens:,} tokens" if model.context_tokens else "not known"


def _ways(model: StoredModel) -> str:
    """A line each: `CUDA (fp16), 8.00 GB VRAM`."""
    lines = []
    for way in model.ways:
        memory = f", {size_in_words(way.minimum_vram_bytes)} VRAM" if way.minimum_vram_bytes else ""
        lines.append(f"{way.provider.upper()} ({way.precision}){memory}")
    return "\n".join(lines) or "not known"


def _version(model: StoredModel) -> str:
    imported = f", imported {model.imported_at.astimezone():%d %b %Y}" if model.imported_at is not None else ""
    return f"{_cut(model.version) or 'not known'}{imported}"


def _source(model: StoredModel) -> str:
    parts = (
        model.source and f"Imported from {model.source}.",
        model.made_from and f"Its makers say: {model.made_from}",
    )
    return plain(" ".join(part for part in parts if part)) or "Nothing is said of it."


def _room_tone(store: StoreStatus) -> str:
    return "warn" if store.quota_bytes is not None and store.used_bytes > store.quota_bytes else ""
