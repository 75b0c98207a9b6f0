"""What the window says of newer versions. Pure, so that each sentence can be read and tested."""

from mulberry.model.language import tr
from mulberry.model.text import plain
from mulberry.model.update import UpdateStatus, UpdateWork, in_megabytes

MOST_LINES = 30  # of notes

TITLE = tr("Newer versions")
NOT_HEARD_YET = tr("Waiting for the agent, which knows about newer versions.")
ONCE_A_DAY = tr("Look once a day")
LEARNS = tr("Whoever serves the feed of releases then learns your IP address. Nothing is fetched before you say so.")
CHECK = tr("Look now")
LATER = tr("Later")
SKIP = tr("Skip this version")
CANCEL = tr("Cancel")
COPY = tr("Copy the command")
GO_ON = tr("Go on")


def state(status: UpdateStatus) -> str:
    """What this is, how it is updated, and what is known."""
    this = tr("The agent is version {version}.", version=status.version)
    return f"{this} {status.how} {_known(status)}"


def _known(status: UpdateStatus) -> str:
    if status.cannot_check:
        return status.cannot_check
    if status.work is UpdateWork.CHECKING:
        return tr("{host} is being asked…", host=status.feed)
    if status.checked_at is None:
        return tr("Nobody was asked for a newer version yet.")
    when = f"{status.checked_at.astimezone():%Y-%m-%d %H:%M}"
    if status.offered is None:
        return tr(
            "{host} was asked at {when}: there is no newer one that you have not skipped.", host=status.feed, when=when
        )
    return tr("{host} was asked at {when}.", host=status.feed, when=when)


def other_window(status: UpdateStatus, window_version: str) -> str:
    """What an owner must know whose agent was replaced while they looked."""
    if status.version == window_version:
        return ""
    return tr(
        "This window is still version {window}. Close it and open it again to have the one of the agent.",
        window=window_version,
    )


def offer(status: UpdateStatus) -> str:
    if status.offered is None:
        return ""
    return tr(
        "Version {version} of {date} is there. The maintainers say:",
        version=status.offered.version,
        date=status.offered.released,
    )


def notes(status: UpdateStatus) -> str:
    """As text, cut."""
    if status.offered is None:
        return ""
    lines = plain(status.offered.notes, lines=True).splitlines()
    return "\n".join(lines if len(lines) <= MOST_LINES else (*lines[:MOST_LINES], "…"))


def install_button(status: UpdateStatus) -> str:
    """ "" where there is nothing for Mulberry to do."""
    is_possible = status.offered is not None and status.takes_bytes and not status.command
    if not is_possible or status.work not in (UpdateWork.NOTHING, UpdateWork.CHECKING):
        return ""
    return tr("Install…") if status.by_itself else tr("Fetch…")


def question_of(status: UpdateStatus) -> tuple[str, str]:
    """What it takes, before it begins."""
    version = status.offered.version if status.offered else ""
    asked = tr("Install version {version}?", version=version)
    if not status.by_itself:
        asked = tr("Fetch version {version}?", version=version)
    takes = tr("{size} are fetched from {host}, and checked.", size=in_megabytes(status.takes_bytes), host=status.feed)
    then = tr("You then get the command that puts it in place. Work goes on meanwhile.")
    if status.by_itself:
        then = tr(
            "When no request runs any more it is put in place, and the agent starts again and goes on as you wished. "
            "Until then no new requests are taken."
        )
    return asked, f"{takes} {then}"


def progress(status: UpdateStatus) -> str:
    match status.work:
        case UpdateWork.FETCHING:
            return tr(
                "{here} of {all} fetched.",
                here=in_megabytes(status.received_bytes),
                all=in_megabytes(status.takes_bytes),
            )
        case UpdateWork.DRAINING:
            return tr("It waits for the requests that run; no new ones are taken.")
        case UpdateWork.HANDED_OVER:
            return tr("The new version takes over. The agent starts again and goes on as you wished.")
        case _:
            return ""


def share_fetched(status: UpdateStatus) -> float | None:
    if status.work is not UpdateWork.FETCHING or not status.takes_bytes:
        return None
    return status.received_bytes / status.takes_bytes


def ready(status: UpdateStatus) -> str:
    return tr("It is fetched and checked. In a terminal, this puts it in place:") if status.command else ""


def problem(status: UpdateStatus) -> str:
    told = status.problem
    return f"{told.what} {told.why} {told.next_step}" if told is not None else ""


def quiet(status: UpdateStatus) -> str:
    if status.quiet_until is None:
        return ""
    return tr("You hear of it again on {date}.", date=f"{status.quiet_until.astimezone():%Y-%m-%d}")
