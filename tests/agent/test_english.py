"""Customers, the ledger and the log are not the owner's alone: what they get is English, whatever the owner speaks."""

import logging
from collections.abc import AsyncGenerator
from random import Random

import pytest

from conftest import SettableClock
from mulberry.agent import reasons
from mulberry.agent.backend import EngineBackend
from mulberry.cocoon.requests import CheckedRequest, Path
from mulberry.cocoon.seams import BackendFailed
from mulberry.model.errors import UserFacingError
from mulberry.model.language import english, number, tr, tr_count
from mulberry.model.log_file import in_english
from mulberry.runtime.engine import EngineFailed, Piece
from mulberry.runtime.wire import GenerationRequest

pytestmark = pytest.mark.usefixtures("in_brackets")


class BrokenEngine:
    default_temperature = 0.0

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        why = tr("{card} cannot be used. {why}", card="NVIDIA L4", why=tr("The GPU's memory is full."))
        raise EngineFailed(tr("{why} It starts again by itself.", why=why))
        yield


async def test_a_customer_hears_in_english_what_broke(clock: SettableClock) -> None:
    """The same text goes into the ledger."""
    backend = EngineBackend(BrokenEngine(), clock, Random(1))
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    with pytest.raises(BackendFailed) as failed:
        async for _ in backend.answer(CheckedRequest(Path.CHAT, body, stream=False, size_bytes=100)):
            pass
    assert failed.value.text == "NVIDIA L4 cannot be used. The GPU's memory is full. It starts again by itself."


def test_the_owner_hears_it_in_the_owners_language() -> None:
    assert reasons.chain_unreachable("No server answers.").evidence == "⟦TON cannot be read: No server answers.⟧"


def test_a_text_knows_its_english_through_an_exception_and_in_another_text() -> None:
    problem = ValueError(tr("{count} of them", count=number("1,234.5")))
    said = tr("It failed: {problem}.", problem=problem)
    assert (said, english(said)) == ("⟦It failed: ⟦1.234,5 of them⟧.⟧", "It failed: 1,234.5 of them.")
    assert english(tr_count("{count} job", "{count} jobs", 3)) == "3 jobs"


def test_the_log_is_in_english() -> None:
    problem = UserFacingError(tr("Nothing runs."), tr("It stopped."), tr("Press Start."))
    record = logging.LogRecord(
        "mulberry", logging.INFO, "", 0, "%s; %s; %s; %d", (problem, ValueError(tr("no answer")), tr("Ready"), 7), None
    )
    assert in_english(record)
    assert record.getMessage() == "Nothing runs. It stopped. Press Start.; no answer; Ready; 7"
