"""What the terminal prints of GPU runtimes. Pure."""

from collections.abc import Iterator

from mulberry.model.gpu_runtime import GpuSetupStatus, Offer
from mulberry.model.models import size_in_words


def of_plan(status: GpuSetupStatus, *, with_files: bool, from_index: bool = True) -> Iterator[str]:
    """What is here, and what an installation would take; `from_index`: and who is asked for it."""
    yield from _of_installed(status)
    if status.cuda_is_here and not status.current:
        yield "What came with Mulberry finds CUDA on this computer: nothing has to be installed."
    if status.offer is None:
        yield f"There is nothing to install. {status.no_offer}"
        return
    yield from _of_offer(status.offer, status, with_files=with_files, from_index=from_index)


def of_outcome(status: GpuSetupStatus) -> Iterator[str]:
    """After an installation or a way back."""
    if status.current:
        yield f"The GPU runtime {status.current} is used from the next Start on."
    else:
        yield "What came with Mulberry is used from the next Start on."
    if status.previous or status.current:
        yield f"Before it: {status.previous or 'what came with Mulberry'} (`mulberry gpu-setup --roll-back`)."


def _of_installed(status: GpuSetupStatus) -> Iterator[str]:
    for one in status.installed:
        place = "in use" if one.version == status.current else "kept to go back to"
        place = place if one.version in (status.current, status.previous) else "goes when nobody uses it"
        when = f", installed {one.installed_at.astimezone():%Y-%m-%d %H:%M}" if one.installed_at else ""
        yield f"{one.version}: {size_in_words(one.size_bytes)}{when}, {place}"
        if one.problem:
            yield f"  cannot be used: {one.problem}"
    if status.trouble and not any(one.version == status.current for one in status.installed):
        yield f"cannot be used: {status.trouble}"


def _of_offer(offer: Offer, status: GpuSetupStatus, *, with_files: bool, from_index: bool) -> Iterator[str]:
    runtime = offer.runtime
    yield f"GPU runtime {runtime.version}: onnxruntime {runtime.onnxruntime} with {runtime.needs.cuda_in_words}"
    yield f"  {offer.because}"
    if offer.is_here:
        yield "  It is here."
        return
    left = ""
    if offer.left_bytes != runtime.download_bytes:
        left = f", {size_in_words(offer.left_bytes)} not here yet" if offer.left_bytes else ", all here already"
    yield f"  to download: {size_in_words(runtime.download_bytes)} in {len(runtime.wheels)} files{left}"
    unpacked, room = size_in_words(runtime.unpacked_bytes), size_in_words(offer.room_bytes)
    yield f"  on the disk: {unpacked}; while it is installed, {room}"
    yield f"  in {status.place}, where {size_in_words(status.free_bytes)} are free"
    yield "  CUDA and cuDNN are NVIDIA's, under NVIDIA's own licences, which come with them"
    if from_index and offer.left_bytes:
        yield "  pip asks its index where they are: pypi.org, unless you chose another. The index learns your IP"
        yield "  address and the versions of your system and Python; whoever serves the files learns your IP address"
        yield "  and that it is Mulberry. Nobody is asked before you agree."
    if status.metered.value:
        yield "  Your connection is metered: it may cost by the byte."
    if with_files:
        for wheel in runtime.wheels:
            yield f"  {wheel.sha256}  {wheel.name}  {size_in_words(wheel.size_bytes)}"
