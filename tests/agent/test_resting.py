"""An owner who keeps one of two GPUs gets that one at once, and the other one earns on."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from mulberry.agent.resting import RestingCards
from mulberry.runtime.card import Card
from mulberry.runtime.several import SeveralCards
from samples import RTX_4090

pytestmark = pytest.mark.virtual_time

FIRST, SECOND = (Card(replace(RTX_4090, uuid=uuid), lambda: None) for uuid in ("GPU-1", "GPU-2"))


class TwoCards:
    """Stands where `SeveralCards` stands."""

    def __init__(self) -> None:
        self.cards: tuple[Card, ...] = (FIRST, SECOND)

    @property
    def uuids(self) -> list[str]:
        return [card.gpu.uuid for card in self.cards]

    async def end_card(self, uuid: str) -> None:
        self.cards = tuple(card for card in self.cards if card.gpu.uuid != uuid)

    async def begin_card(self, card: Card) -> None:
        self.cards = (*self.cards, card)


async def test_a_card_rests_while_a_rule_keeps_it_and_begins_again_after_it() -> None:
    cards, kept = TwoCards(), {"GPU-1"}
    resting = RestingCards(cast(SeveralCards, cards), lambda uuid: uuid not in kept)
    running = asyncio.create_task(resting.run())
    try:
        await asyncio.sleep(1)
        assert cards.uuids == ["GPU-1", "GPU-2"], "nobody has told yet"
        resting.rules_told()
        await asyncio.sleep(1)
        assert cards.uuids == ["GPU-2"]
        kept.clear()
        resting.rules_told()
        await asyncio.sleep(1)
        assert cards.uuids == ["GPU-2", "GPU-1"]
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
