"""What the window says of the GPU runtime."""

from mulberry.model.gpu_runtime import GpuSetupStatus, InstalledRuntime, SetupWork
from mulberry.model.language import tr
from mulberry.model.models import WorkState, size_in_words
from mulberry.model.text import plain

TITLE = tr("What computes on your GPU")
LEARNS = tr(
    "pip asks its index where they are: pypi.org, unless you chose another. The index learns your IP address and the "
    "versions of your system and Python; whoever serves the files learns your IP address and that it is Mulberry. "
    "Nobody is asked before you press the button."
)
LONGEST_REASONS = 600


def is_worth_showing(status: GpuSetupStatus) -> bool:
    """A computer without a GPU has nothing to install and nothing to read here."""
    return bool(status.offer or status.installed or status.current or status.work)


def state_line(status: GpuSetupStatus) -> tuple[str, str]:
    """How it stands in a sentence, and its look."""
    offer, current = status.offer, _current(status)
    if status.trouble:
        return tr("What is installed cannot be used. {trouble}", trouble=status.trouble), "bad"
    if current is not None:
        used = tr(
            "Installed: onnxruntime {version} with CUDA {cuda}.", version=current.onnxruntime, cuda=current.cuda_major
        )
        is_newer = offer is not None and offer.runtime.version != status.current and not _went_back(status)
        return (tr("{used} Another one fits better now.", used=used), "warn") if is_newer else (used, "value")
    if status.cuda_is_here:
        return tr("What came with Mulberry finds CUDA on this computer: nothing has to be installed."), "value"
    if offer is None:
        return plain(status.no_offer, LONGEST_REASONS), "value"
    if _went_back(status):
        return tr("What came with Mulberry is used; the installed one is kept."), "value"
    return tr("It is not installed. Without it, models run on the processor."), "warn"


def offer_lines(status: GpuSetupStatus) -> tuple[str, ...]:
    """What an installation would take, before it is begun; nothing where there is none to begin."""
    offer = status.offer
    if offer is None or (offer.is_here and not status.trouble):
        return ()
    runtime = offer.runtime
    takes = tr(
        "To download: {download}. On the disk: {unpacked}, and {room} while it is installed; {free} are free.",
        download=size_in_words(offer.left_bytes),
        unpacked=size_in_words(runtime.unpacked_bytes),
        room=size_in_words(offer.room_bytes),
        free=size_in_words(status.free_bytes),
    )
    lines = [
        tr("onnxruntime {version} with {cuda}.", version=runtime.onnxruntime, cuda=runtime.needs.cuda_in_words)
        + " "
        + plain(offer.because, LONGEST_REASONS),
        takes,
        tr(
            "Into {folder}. Every file is compared with the hash that came with Mulberry. CUDA and cuDNN are NVIDIA's, "
            "under NVIDIA's own licences.",
            folder=status.place,
        ),
    ]
    if offer.left_bytes:
        lines.append(LEARNS)
    if status.metered.value:
        lines.append(tr("Your connection is metered: the download may cost by the byte."))
    return tuple(lines)


def install_button(status: GpuSetupStatus) -> str:
    """ "" where there is nothing to install."""
    offer, work = status.offer, status.work
    if offer is None or (work is not None and work.state is WorkState.RUNNING):
        return ""
    if offer.is_here and not status.trouble:
        return "" if offer.runtime.version == status.current else tr("Use it again")
    if status.metered.value:
        return tr("Download all the same")
    if work is not None and work.state is WorkState.REFUSED:
        return tr("Try again")
    return tr("Go on") if 0 < offer.left_bytes < offer.runtime.download_bytes else tr("Install")


def back_button(status: GpuSetupStatus) -> str:
    """ "" where there is nothing to go back to."""
    if not status.current or (status.work is not None and status.work.state is WorkState.RUNNING):
        return ""
    return tr("Back to the one before") if status.previous else tr("Do without it")


def work_line(work: SetupWork) -> str:
    """How far it is, or how it ended."""
    if work.problem is not None:
        return plain(" ".join(work.problem), LONGEST_REASONS)
    if work.state is WorkState.CANCELLED:
        return tr("Cancelled. What came so far is kept: it goes on from there.")
    if work.state is WorkState.DONE:
        return tr("It is installed, and used from the next Start on.")
    if work.progress is None:
        return tr("It begins…")
    done, total = size_in_words(work.progress.done_bytes), size_in_words(work.progress.total_bytes)
    return tr("{done} of {total} · {note}", done=done, total=total, note=plain(work.progress.note, 200))


def share_done(work: SetupWork) -> float | None:
    """0 to 1, None: not known."""
    progress = work.progress
    return progress.done_bytes / progress.total_bytes if progress is not None and progress.total_bytes > 0 else None


def _current(status: GpuSetupStatus) -> InstalledRuntime | None:
    return next((one for one in status.installed if one.version == status.current), None)


def _went_back(status: GpuSetupStatus) -> bool:
    """From the very one that is offered."""
    return status.offer is not None and status.offer.runtime.version == status.previous
