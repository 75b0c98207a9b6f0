"""`mulberry sandbox selftest`: what would stand around strangers' jobs on this computer, tried out now."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from typing import Any

from mulberry.runtime.sandbox.choose import Trial, candidates, try_out
from mulberry.runtime.sandbox.provider import Tier
from mulberry.runtime.sandbox.words import MISSED, PASSED, none_to_try
from mulberry.runtime.wire import ALL_CANARIES


async def every_trial() -> tuple[Trial, ...]:
    """All that this system has, the strongest first; the first that holds is the one that jobs run in."""
    return tuple([await try_out(sandbox) for sandbox in await asyncio.to_thread(candidates)])


def holds(trials: Iterable[Trial]) -> bool:
    return any(not trial.problem for trial in trials)


def in_lines(trials: tuple[Trial, ...]) -> Iterator[str]:
    if not trials:
        yield none_to_try()
    for trial in trials:
        yield f"{trial.tier} ({trial.seconds:.1f} s)" if trial.confinement else str(trial.tier)
        if trial.confinement is None:
            yield f"  [✗] {trial.problem}"
            continue
        for canary in ALL_CANARIES:
            passed = canary in trial.confinement.passed
            yield f"  [{'✓' if passed else '✗'}] {'a job ' + PASSED[canary] if passed else MISSED[canary]}"
    chosen = next((trial for trial in trials if not trial.problem), None)
    if chosen is None:
        yield "No sandbox holds here, so no strangers' jobs run. The demo network still works."
    else:
        yield f"Strangers' jobs run in: {chosen.tier}."


def as_json(trials: tuple[Trial, ...]) -> str:
    """`passed` is the bitmap that the job process reported, `checks` the same by name."""
    chosen = next((trial.tier for trial in trials if not trial.problem), Tier.NONE)
    return json.dumps({"chosen": chosen, "tiers": [_as_object(trial) for trial in trials]}, indent=2)


def _as_object(trial: Trial) -> dict[str, Any]:
    shown = trial.confinement
    return {
        "tier": trial.tier,
        "holds": not trial.problem,
        "problem": trial.problem,
        "passed": int(shown.passed) if shown else 0,
        "checks": {str(canary.name).lower(): canary in shown.passed for canary in ALL_CANARIES} if shown else {},
        "landlock": shown.landlock if shown else None,
        "user": shown.user if shown else None,
        "seconds": round(trial.seconds, 3),
    }
