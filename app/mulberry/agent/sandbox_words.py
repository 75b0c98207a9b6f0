"""What needs a sandbox, and what the owner is told where none holds."""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mulberry.model.errors import UserFacingError, WhoseTurn
from mulberry.model.language import tr
from mulberry.runtime.sandbox.choose import Choice
from mulberry.runtime.sandbox.words import none_to_try
from mulberry.runtime.store.judging import judge

if TYPE_CHECKING:
    from mulberry.runtime.store.importing import Judge


def no_sandbox(network: str, choice: Choice) -> UserFacingError:
    return UserFacingError(
        what=tr("{network} cannot be served on this computer.", network=network),
        why=tr("Strangers' jobs run in a tested sandbox only. {why}", why=why_none(choice)),
        next_step=_way_out(),
        whose_turn=WhoseTurn.YOU,
    )


async def judge_in_sandbox(find_sandbox: Callable[[], Awaitable[Choice]]) -> "Judge":
    """The inspection in this computer's sandbox. Raises `UserFacingError`: there is none that holds."""
    choice = await find_sandbox()
    if not choice.is_for_strangers:
        raise UserFacingError(
            what=tr("Models cannot be inspected on this computer, so none is imported."),
            why=why_none(choice),
            next_step=tr("`mulberry sandbox selftest` shows every check, and what is missing."),
        )
    return lambda model: judge(model, choice.sandbox)


def why_none(choice: Choice) -> str:
    """A sentence or two for each way that was tried."""
    if not choice.trials:
        return none_to_try()
    return " ".join(f"{trial.tier.in_words}: {trial.problem}" for trial in choice.trials)


def _way_out() -> str:
    if sys.platform != "linux":
        return tr("Try the demo network, or run Mulberry on Linux.")
    return tr(
        "Install bubblewrap (on Debian and Ubuntu: sudo apt install bubblewrap), start Mulberry as an ordinary user, "
        "then press Start. `mulberry sandbox selftest` shows every check."
    )
