"""The faces ask for what is proven over the control socket; a node that begins to serve looks by itself."""

import asyncio
from pathlib import Path

import pytest

from agent_workshop import DEMO
from conftest import SettableClock
from mulberry.agent.startup_money import UnlockKey
from mulberry.attestation.envelope import read_envelope
from mulberry.attestation.manifest import read_statement
from mulberry.client.control import ControlClient
from mulberry.model.attestation import Policy
from mulberry.model.control import Command
from mulberry.model.errors import UserFacingError
from mulberry.model.node import Want
from mulberry.model.proof import AttestationStatus, Level
from shown_computer import NONCE
from waiting_agent import an_agent_of

PLAIN = DEMO.model_copy(update={"worker_policy": Policy.ANY})


async def looked_at(client: ControlClient) -> AttestationStatus:
    async with asyncio.timeout(20):
        while (status := await client.attestation()).verdict is None or status.is_checking:  # noqa: ASYNC110 - as a face
            await asyncio.sleep(0.02)
    return status


async def test_a_look_is_asked_for_and_heard_of(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent_of((UnlockKey,), PLAIN, tmp_path, clock) as client:
        before = await client.attestation()
        assert before.verdict is None and not before.is_checking and before.seen
        assert (await client.attest_again()).is_checking
        status = await looked_at(client)
        assert status.verdict is not None and status.verdict.level is Level.SELF_REPORTED


async def test_a_node_that_is_ready_looks_by_itself(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent_of((UnlockKey,), PLAIN, tmp_path, clock) as client:
        await client.command(Command(Want.START))
        assert (await looked_at(client)).facts


async def test_an_envelope_is_made_for_a_nonce(tmp_path: Path, clock: SettableClock) -> None:
    async with an_agent_of((UnlockKey,), PLAIN, tmp_path, clock) as client:
        envelope = await client.envelope(NONCE.hex())
        statement = read_statement(read_envelope(envelope.content.encode()).statement)
        assert (statement.nonce, statement.made) == (NONCE.hex(), clock.now())
        with pytest.raises(UserFacingError, match="16 to 64 bytes"):
            await client.envelope("0123")
        with pytest.raises(UserFacingError, match="no question"):
            await client.envelope(question="{}")
