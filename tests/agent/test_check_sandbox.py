"""Whether strangers' jobs may run is decided here, and nowhere else."""

from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from agent_workshop import DEMO, EchoEngine, a_workshop
from mulberry.agent.bench import Bench
from mulberry.agent.startup import CheckSandbox
from mulberry.agent.task import Blocked, Done, Outcome
from mulberry.model.clock import SystemClock
from mulberry.model.errors import WhoseTurn
from mulberry.model.network import RegisteredProxy
from mulberry.runtime.sandbox.bare import NoSandbox
from mulberry.runtime.sandbox.choose import Choice, Trial
from mulberry.runtime.sandbox.landlock_only import LandlockOnly
from mulberry.runtime.sandbox.provider import Confinement, Tier
from mulberry.runtime.wire import ALL_CANARIES

HOLDS = Choice(LandlockOnly(), (Trial(Tier.LANDLOCK, "", Confinement(Tier.LANDLOCK, ALL_CANARIES, 7, 65534)),))
BROKEN = Choice(
    NoSandbox(),
    (
        Trial(Tier.BUBBLEWRAP, "It could not be started: Permission denied."),
        Trial(Tier.LANDLOCK, "The sandbox does not close: this kernel has no Landlock."),
    ),
)


async def check(root: Path, kind: str, choice: Choice) -> tuple[Outcome, Bench]:
    assert DEMO.chain is not None
    elsewhere = DEMO.chain.model_copy(update={"registered_proxies": (RegisteredProxy(seqno=1, address="192.0.2.7:1"),)})
    profile = DEMO.model_copy(update={"kind": kind, "chain": elsewhere})

    async def find() -> Choice:
        return choice

    with a_workshop(root, SystemClock(), profile=profile, make_engine=EchoEngine().make) as workshop:
        async with AsyncExitStack() as stack:
            bench = Bench(replace(workshop, find_sandbox=find), stack, lambda: None)
            return await CheckSandbox().run(bench, lambda note: None), bench


@pytest.mark.parametrize("kind", ["demo", "test", "mainnet"])
async def test_every_network_may_be_served_in_a_sandbox_that_holds(tmp_path: Path, kind: str) -> None:
    outcome, bench = await check(tmp_path, kind, HOLDS)
    assert outcome == Done("Landlock and seccomp: 13 of 13 checks passed")
    assert bench.sandbox is HOLDS.sandbox


@pytest.mark.parametrize("kind", ["test", "mainnet"])
async def test_without_one_the_owner_reads_why_for_each_and_what_to_do(tmp_path: Path, kind: str) -> None:
    outcome, bench = await check(tmp_path, kind, BROKEN)
    assert isinstance(outcome, Blocked)
    assert outcome.reason.whose_turn is WhoseTurn.YOU
    assert "Permission denied" in outcome.reason.evidence
    assert "no Landlock" in outcome.reason.evidence
    assert "as an ordinary user" in outcome.reason.next_step
    assert bench.sandbox is None
