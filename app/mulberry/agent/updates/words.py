"""What its owner is told when something about an update does not go on."""

from urllib.parse import urlsplit

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.model.text import plain
from mulberry.model.update import Artefact, Problem, Release, Version, in_megabytes

NO_KEYS = tr("This copy came without release keys, so it could believe nobody who says that there is a newer one.")
NO_FEED = tr("No feed of releases is known: this copy came without one, and the settings name none.")


def cannot_check(why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("Nobody can be asked for updates."),
        why=why,
        next_step=tr("Look for a newer version where you got this one."),
    )


def not_offered(asked_for: str, offered: Release | None) -> UserFacingError:
    now = tr("{version} is offered now.", version=offered.version) if offered else tr("No newer version is known.")
    return UserFacingError(
        what=tr("Version “{version}” is not offered.", version=plain(asked_for, 20)),
        why=now,
        next_step=tr("Look again what there is."),
    )


def not_by_itself(how: str) -> UserFacingError:
    return UserFacingError(tr("Mulberry does not replace itself here."), how, tr("Update it that way."))


def metered(artefact: Artefact) -> UserFacingError:
    return UserFacingError(
        what=tr("The update was not fetched."),
        why=tr(
            "Your system calls the connection metered, and this takes {size}.", size=in_megabytes(artefact.takes_bytes)
        ),
        next_step=tr("Wait for another network, or say `mulberry update apply --even-if-metered`."),
    )


def one_after_the_other() -> UserFacingError:
    return UserFacingError(
        what=tr("One thing after the other."),
        why=tr("An agent of this computer is busy with updates already."),
        next_step=tr("Wait until it is done, or cancel it."),
    )


def not_believed(address: str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The feed of releases was not used."),
        why=why,
        next_step=tr("It is asked again later if you want that. This version goes on as it is."),
        whose_turn=WhoseTurn.NOBODY,
        detail=plain(urlsplit(address).hostname or "", 100),
    )


def changed_since() -> UserFacingError:
    return UserFacingError(
        what=tr("The update was not made."),
        why=tr("Its file was changed on this computer after it had been checked."),
        next_step=tr("Fetch it again, and see who writes into Mulberry's data folder."),
    )


def not_kept(place: object, problem: OSError) -> UserFacingError:
    return UserFacingError(
        what=tr("Your decision about the update was not kept."),
        why=tr("{place} cannot be written: {problem}.", place=place, problem=problem.strerror or problem),
        next_step=tr("Make room on its disk, or see who may write there."),
    )


def of_the_disk(problem: OSError) -> UserFacingError:
    named = f"{problem.filename}: " if problem.filename else ""
    return UserFacingError(
        what=tr("The update was not made."),
        why=f"{named}{problem.strerror or problem}.",
        next_step=tr("See to the disk, then try again. This version goes on as it is."),
    )


def no_image() -> UserFacingError:
    return UserFacingError(
        what=tr("The update was not made."),
        why=tr("This copy does not know which AppImage it was started from."),
        next_step=tr("Start Mulberry by its AppImage and try again, or replace that file by hand."),
    )


def still_the_old_one(wanted: str, version: Version) -> Problem:
    return Problem(
        what=tr("The update to {version} was not made.", version=wanted),
        why=tr("Its installer was begun, and this is still {version}.", version=version),
        next_step=tr("Try again. If it stays so, install it by hand from where you got Mulberry."),
    )


def as_problem(error: UserFacingError) -> Problem:
    return Problem(error.what, error.why, error.next_step)
