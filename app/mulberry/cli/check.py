"""`mulberry check`: can this computer earn? Needs no agent, no wallet and nothing set up."""

import asyncio
import json
import logging
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated

import typer

from mulberry.cli.asking import AsJson, Data, root_of, say

if TYPE_CHECKING:
    from mulberry.model.eligibility import EligibilityReport
    from mulberry.model.network import NetworkProfile


def check(
    network: Annotated[
        str | None,
        typer.Option(help="Only this one: a bundled or joined network, or a profile's path.", show_default=False),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask TON now what the network accepts.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Say whether this computer can earn, on which network, and what is missing.

    Ends with 0 if it can now: on the network named, else on one that pays real Toncoin. With 1 if not.
    """
    from mulberry.agent.eligibility import check_here
    from mulberry.cli.check_words import of_report
    from mulberry.model.clock import SystemClock

    logging.getLogger("mulberry").addHandler(logging.NullHandler())  # what servers did wrong is no news to this owner
    if fresh and not as_json:
        typer.echo("Asking TON what its networks accept; this takes up to half a minute.", err=True)
    root = root_of(data)
    only = _profile(root, network) if network is not None else None
    report = asyncio.run(check_here(root, SystemClock(), SystemRandom(), fresh=fresh, only=only))
    can = can_work(report, is_one=only is not None)
    say([_as_json(report, can)] if as_json else of_report(report, everything=only is not None))
    raise typer.Exit(0 if can else 1)


def can_work(report: "EligibilityReport", *, is_one: bool) -> bool:
    """Whether it can work now: on the one network asked about, or on one that pays real money."""
    from mulberry.model.eligibility import Answer

    return any(found.answer is Answer.CAN for found in report.networks if is_one or found.is_main)


def _profile(root: Path, network: str) -> "NetworkProfile":
    """As the agent finds it. Raises `UserFacingError`."""
    from mulberry.model.network import load_profile
    from mulberry.model.places import DataFolder

    own = DataFolder.of_network(root, network).profile
    with suppress(OSError):  # a data folder that may not be entered holds no network of its own
        if own.is_file():
            return load_profile(str(own))
    return load_profile(network)


def _as_json(report: "EligibilityReport", can: bool) -> str:
    """docs/hardware.md describes it."""
    from mulberry.model.eligibility import EligibilityReport
    from mulberry.model.encoding import to_json

    return json.dumps({"can_work": can, **json.loads(to_json(EligibilityReport, report))}, indent=2, ensure_ascii=False)
