"""Single GPUs that the owner's rules keep while others work: their job process ends, and begins again when they may."""

import asyncio
from collections.abc import Callable

from mulberry.runtime.card import Card
from mulberry.runtime.several import SeveralCards


class RestingCards:
    """`may_use` says of a GPU, by its UUID, whether the rules let it work now."""

    def __init__(self, cards: SeveralCards, may_use: Callable[[str], bool]) -> None:
        self._cards = cards
        self._may_use = may_use
        self._resting: dict[str, Card] = {}
        self._turn = asyncio.Event()

    def rules_told(self) -> None:
        """The rules have decided something else than before."""
        self._turn.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._turn.wait()
            self._turn.clear()
            for card in self._cards.cards:
                if not self._may_use(card.gpu.uuid):
                    self._resting[card.gpu.uuid] = card
                    await self._cards.end_card(card.gpu.uuid)
            for uuid, card in list(self._resting.items()):
                if self._may_use(uuid):
                    del self._resting[uuid]
                    await self._cards.begin_card(card)
