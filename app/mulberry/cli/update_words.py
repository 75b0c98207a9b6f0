"""What the terminal prints of newer versions. Pure: values in, lines out."""

from collections.abc import Iterator

from mulberry.cli.words import for_a_terminal
from mulberry.model.text import plain
from mulberry.model.update import Release, UpdateStatus, UpdateWork, in_megabytes

MOST_LINES = 40  # of notes


@for_a_terminal
def of_update(status: UpdateStatus) -> Iterator[str]:
    """`mulberry update`."""
    yield f"This is Mulberry {status.version}. {status.how}"
    if status.cannot_check:
        yield f"Nobody can be asked for a newer version. {status.cannot_check}"
    elif status.checked_at is None:
        yield "Nobody was asked for a newer version yet: `mulberry update check` asks now."
    else:
        yield f"{status.feed} was asked last at {status.checked_at.astimezone():%Y-%m-%d %H:%M}."
    if not status.cannot_check:
        yield (
            "It is asked once a day."
            if status.checks
            else "It is not asked by itself: `mulberry config set update_check on` changes that."
        )
    yield from of_offer(status)
    if status.skipped:
        yield f"Skipped: {', '.join(status.skipped)}"
    if status.work is not UpdateWork.NOTHING:
        yield of_work(status)
    if status.problem is not None:
        yield f"{status.problem.what} {status.problem.why} {status.problem.next_step}"


def of_offer(status: UpdateStatus) -> Iterator[str]:
    release = status.offered
    if release is None:
        if status.checked_at is not None and not status.cannot_check:
            yield "No newer version is offered."
        return
    yield f"Version {release.version} of {release.released} is there. The maintainers say:"
    yield from of_notes(release)
    if status.command:
        yield "It is fetched and checked. This puts it in place:"
        yield f"  {status.command}"
    elif status.takes_bytes and status.work is UpdateWork.NOTHING:
        yield f"It takes {in_megabytes(status.takes_bytes)}. Install it with `mulberry update apply`,"
        yield "or hear no more of it with `mulberry update skip`."
    if status.quiet_until is not None:
        yield f"You hear of it again on {status.quiet_until.astimezone():%Y-%m-%d}."


def of_notes(release: Release) -> Iterator[str]:
    """As text, cut."""
    lines = plain(release.notes, lines=True).splitlines()
    yield from (f"  | {line}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield "  | …"


@for_a_terminal
def of_question(status: UpdateStatus) -> Iterator[str]:
    """What it will take, before it begins."""
    if status.offered is None:
        return
    yield f"Version {status.offered.version} takes {in_megabytes(status.takes_bytes)} from {status.feed}."
    if status.by_itself:
        yield "It is checked and put in place when no request runs."
        yield "The agent then starts again and goes on as you wished."
    else:
        yield "It is checked, and you get the command that puts it in place. Work goes on meanwhile."


def of_work(status: UpdateStatus) -> str:
    match status.work:
        case UpdateWork.CHECKING:
            return f"Asking {status.feed}…"
        case UpdateWork.FETCHING:
            return f"Fetching: {in_megabytes(status.received_bytes)} of {in_megabytes(status.takes_bytes)}."
        case UpdateWork.DRAINING:
            return "Waiting for the requests that run; no new ones are taken. `mulberry update cancel` ends that."
        case UpdateWork.HANDED_OVER:
            return "The new version takes over. The agent starts again and goes on as you wished."
        case UpdateWork.NOTHING:
            return ""
