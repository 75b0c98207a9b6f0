"""What the owner is told where no sandbox holds."""

import sys

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.runtime.sandbox.choose import Choice


def no_sandbox(network: str, choice: Choice) -> UserFacingError:
    return UserFacingError(
        what=f"{network} cannot be served on this computer.",
        why=f"Strangers' jobs run in a tested sandbox only. {why_none(choice)}",
        next_step=_way_out(),
        whose_turn=WhoseTurn.YOU,
    )


def why_none(choice: Choice) -> str:
    """A sentence or two for each way that was tried."""
    if not choice.trials:
        return "There is no sandbox for this system yet."
    return " ".join(f"{trial.tier}: {trial.problem}" for trial in choice.trials)


def _way_out() -> str:
    if sys.platform != "linux":
        return "Try the demo network, or run Mulberry on Linux."
    return (
        "Install bubblewrap (on Debian and Ubuntu: sudo apt install bubblewrap), start Mulberry as an ordinary user, "
        "then press Start. `mulberry sandbox selftest` shows every check."
    )
