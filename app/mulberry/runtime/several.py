"""One job process for each GPU, together one engine: what one card can earn, eight earn eight times.

Requests go where the fewest answers are written. A card that fails takes its own requests with it and no others; the
engine is ready while one card is. The set of cards may change while it works.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mulberry.model.engine import EngineStats
from mulberry.model.errors import WhoseTurn
from mulberry.model.language import tr
from mulberry.runtime.card import Card
from mulberry.runtime.engine import EngineFailed, EngineState, EngineStatus, Piece, RunningEngine
from mulberry.runtime.wire import GenerationRequest

ONCE_MORE = tr("See agent.log. To try that GPU once more, press Stop, then Start.")
NOT_WORKING = (EngineState.RESTARTING, EngineState.BROKEN)
BEST_FIRST = (EngineState.READY, EngineState.LOADING, EngineState.RESTARTING, EngineState.BROKEN)

MakeOnCard = Callable[[Card, Callable[[EngineStatus], None]], RunningEngine]
EndOnCard = Callable[[Card, int | None, Callable[[], Awaitable[None]]], Awaitable[bool | None]]


@dataclass(slots=True, eq=False)
class _Member:
    card: Card
    engine: RunningEngine
    wanted: bool = False  # to work, and not ended since
    ending: asyncio.Lock = field(default_factory=asyncio.Lock)
    answers: int = 0  # under way
    failure: str = ""  # why it did not start
    used_before: int | None = None  # bytes of the card's memory, by all programs

    @property
    def status(self) -> EngineStatus:
        return EngineStatus(EngineState.BROKEN, self.failure) if self.failure else self.engine.status

    @property
    def state(self) -> EngineState:
        return self.status.state


class SeveralCards:
    """The engine (`engine.RunningEngine`) made of one engine on each of `cards`, one at least.

    `make` makes a card's engine, which tells its status as it is told to. `end` ends what runs on a card, by its last
    argument, and says whether the memory came back; before the start, so many bytes of it were in use. `on_change` is
    called with every new status of the whole, from the event loop. Raises `ValueError`: the model cannot run on a card.
    """

    def __init__(
        self,
        make: MakeOnCard,
        end: EndOnCard,
        cards: Sequence[Card],
        *,
        on_change: Callable[[EngineStatus], None] = lambda status: None,
    ) -> None:
        self.status = EngineStatus(EngineState.STOPPED)
        self.memory_is_back: dict[str, bool | None] = {}  # by UUID, of cards where it has ended; None: nobody can tell
        self._make = make
        self._end = end
        self._on_change = on_change
        self._members: dict[str, _Member] = {}  # by UUID
        for card in cards:
            self._add(card)
        first = next(iter(self._members.values()))
        self.default_temperature = first.engine.default_temperature

    @property
    def cards(self) -> tuple[Card, ...]:
        """Those that work, or try to, or were given up."""
        return tuple(member.card for member in self._members.values())

    @property
    def places(self) -> int:
        """Of all cards together; one that was given up has none."""
        working = (member for member in self._members.values() if member.state is not EngineState.BROKEN)
        return sum(member.engine.places for member in working)

    def stats(self) -> tuple[EngineStats, ...]:
        """Of each card."""
        return tuple(part for member in self._members.values() for part in member.engine.stats())

    async def start(self) -> None:
        """Returns when each card has been tried. Raises `EngineFailed`: the model runs on none; nothing runs then."""
        async with asyncio.TaskGroup() as group:
            for member in self._members.values():
                group.create_task(self._begin(member), name=f"start on {member.card.gpu.name}")
        if all(member.failure for member in self._members.values()):
            raise EngineFailed(self.status.note)

    async def stop(self) -> None:
        """Ends all requests and all processes, on all cards at once."""
        ends = [self._end_member(member) for member in self._members.values()]
        outcomes = await asyncio.gather(*ends, return_exceptions=True)
        self._tell()
        for outcome in outcomes:
            if outcome is not None:
                raise outcome

    async def begin_card(self, card: Card) -> None:
        """From now on `card` works too. One that was given up is tried once more. Returns when it has been tried; where
        that failed, the status says why. Raises `ValueError`: the model cannot run there, or it is at work already."""
        known = self._members.get(card.gpu.uuid)
        if known is not None and (known.state is EngineState.BROKEN or not known.wanted):
            await self.end_card(card.gpu.uuid)
        if card.gpu.uuid in self._members:
            raise ValueError(f"{card.gpu.name} works already")
        await self._begin(self._add(card))

    async def end_card(self, uuid: str) -> None:
        """Ends a card's requests and its process; the others go on. One that is not there has ended already."""
        member = self._members.get(uuid)
        if member is None:
            return
        await self._end_member(member)
        if self._members.get(uuid) is member:
            del self._members[uuid]
            self._tell()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Piece, None]:
        """See `engine.Engine`."""
        ready = [one for one in self._members.values() if one.wanted and one.state is EngineState.READY]
        if not ready:
            raise EngineFailed(self.status.note or tr("The engine is not running."))
        member = min(ready, key=lambda one: one.answers / one.engine.places)
        member.answers += request.answers
        try:
            async with contextlib.aclosing(member.engine.generate(request)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            member.answers -= request.answers

    def _add(self, card: Card) -> _Member:
        member = _Member(card, self._make(card, lambda status: self._tell()))
        self._members[card.gpu.uuid] = member
        return member

    async def _begin(self, member: _Member) -> None:
        member.wanted, member.failure = True, ""
        self.memory_is_back.pop(member.card.gpu.uuid, None)
        member.used_before = await asyncio.to_thread(member.card.used_bytes)
        if not member.wanted:  # it was ended meanwhile
            return
        try:
            await member.engine.start()
        except EngineFailed as failure:
            member.failure = str(failure)
        self._tell()

    async def _end_member(self, member: _Member) -> None:
        """Once, whoever asks for it; all of them wait for the end."""
        async with member.ending:
            if not member.wanted:
                return
            member.wanted, card = False, member.card
            self.memory_is_back[card.gpu.uuid] = await self._end(card, member.used_before, member.engine.stop)
            member.failure = ""

    # What the whole says

    def _tell(self) -> None:
        status = self._now()
        if status != self.status:
            self.status = status
            self._on_change(status)

    def _now(self) -> EngineStatus:
        members = list(self._members.values())
        if len(members) == 1:
            return members[0].status
        state = next((state for state in BEST_FIRST if any(one.state is state for one in members)), EngineState.STOPPED)
        ready = [one.status for one in members if one.state is EngineState.READY]
        given_up = any(one.state is EngineState.BROKEN for one in members)
        return EngineStatus(
            state,
            self._note(state),
            confinement=next((status.confinement for status in ready if status.confinement), None),
            runs_on=in_words(status.runs_on for status in ready if status.runs_on),
            next_step=ONCE_MORE if given_up else "",
            whose_turn=WhoseTurn.YOU if given_up else WhoseTurn.NOBODY,
        )

    def _note(self, state: EngineState) -> str:
        """Which card is loading, or what is the matter with each that does not work."""
        names = Counter(member.card.gpu.name for member in self._members.values())
        told = (EngineState.LOADING,) if state is EngineState.LOADING else NOT_WORKING
        notes = []
        for member in self._members.values():
            name, note = member.card.gpu.name, member.status.note
            if note and member.state in told:
                place = name if names[name] == 1 else member.card.place
                notes.append(note if note.startswith(place) else f"{place}: {note}")
        return " ".join(notes[:1] if state is EngineState.LOADING else notes)


def in_words(names: Iterable[str]) -> str:
    """`2 × NVIDIA H200 and NVIDIA L4`."""
    parts = [name if count == 1 else f"{count} × {name}" for name, count in Counter(names).items()]
    return tr("{names} and {last}", names=", ".join(parts[:-1]), last=parts[-1]) if len(parts) > 1 else "".join(parts)
