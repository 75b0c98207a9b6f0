"""What a Toncoin costs: as its owner typed it, or as a place says that the owner named. Both are used for a while only.

Nothing is asked for before the owner has named an address, and then only while somebody wants to know.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import urlsplit

from mulberry.agent.bounded_get import NoAnswer, bounded_get
from mulberry.attestation.collateral_fetch import Answer
from mulberry.model.clock import Clock
from mulberry.model.host import Finding
from mulberry.model.language import tr
from mulberry.model.text import plain

TYPED_LASTS = timedelta(days=7)
FETCHED_LASTS = timedelta(hours=1)
ASK_AGAIN = timedelta(minutes=15)
PAUSE_SECONDS = 300.0  # between two askings, whatever the first one brought
MOST_THOUSANDTHS = 10**9
CURRENCY_MARK = "{currency}"  # in address and path: the code of the owner's currency, in lower case

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PriceWish:
    """What the owner chose. `typed` is in thousandths of `currency`; `url` None: nobody is asked.

    `path` leads to the number in the JSON that comes: names with / between them, in which case does not matter.
    """

    currency: str
    typed: int | None = None
    typed_at: datetime | None = None
    url: str | None = None
    path: str = ""

    @property
    def address(self) -> str:
        return (self.url or "").replace(CURRENCY_MARK, self.currency.lower())

    @property
    def host(self) -> str:
        return plain(urlsplit(self.address).hostname or "", 100)


@dataclass(frozen=True, slots=True)
class _Fetched:
    thousandths: int
    at: datetime


class ToncoinPrice:
    """`now` is the answer; `run` asks when somebody wants to know. Play money has no price."""

    def __init__(
        self,
        wish: PriceWish,
        clock: Clock,
        *,
        is_play_money: bool,
        get: Callable[[str], Awaitable[Answer]] = bounded_get,
    ) -> None:
        self._wish = wish
        self._clock = clock
        self._is_play_money = is_play_money
        self._get = get
        self._fetched: _Fetched | None = None
        self._problem = ""
        self._asked_at: float | None = None  # on the loop's clock
        self._wanted = asyncio.Event()

    def use(self, wish: PriceWish) -> None:
        """What the owner chose anew."""
        if (wish.url, wish.path, wish.currency) != (self._wish.url, self._wish.path, self._wish.currency):
            self._fetched, self._asked_at, self._problem = None, None, ""
        self._wish = wish

    def now(self) -> Finding[int]:
        """Thousandths of the owner's currency for a Toncoin, with whose word that is and how long it is used."""
        if self._is_play_money:
            return Finding(None, tr("Play money has no price."))
        wish, now = self._wish, self._clock.now()
        if wish.url is not None:
            self._wanted.set()
            fetched = self._fetched
            if fetched is not None and _is_fresh(fetched.at, now, FETCHED_LASTS):
                until = f"{(fetched.at + FETCHED_LASTS).astimezone():%H:%M}"
                said = tr(
                    "{host} said so at {time}; it is used until {until}.",
                    host=wish.host,
                    time=f"{fetched.at.astimezone():%H:%M}",
                    until=until,
                )
                return Finding(fetched.thousandths, said)
        if wish.typed is None or wish.typed_at is None:
            return Finding(None, self._why_unknown())
        if not _is_fresh(wish.typed_at, now, TYPED_LASTS):
            return Finding(
                None,
                tr(
                    "You typed a price of Toncoin on {day}: too long ago. Type it anew.",
                    day=_day(wish.typed_at),
                ),
            )
        until = _day(wish.typed_at + TYPED_LASTS)
        return Finding(
            wish.typed,
            tr("As you typed it on {day}; it is used until {until}.", day=_day(wish.typed_at), until=until),
        )

    def _why_unknown(self) -> str:
        wish = self._wish
        if wish.url is None and wish.typed is not None:
            return tr("The price of Toncoin that you typed was for another currency. Type it anew.")
        if wish.url is None:
            return tr("You have named no price of Toncoin; the Settings page has a place for it.")
        if self._problem:
            return tr(
                "{host} gave no price of Toncoin. {problem} It is asked again.", host=wish.host, problem=self._problem
            )
        return tr("{host} is being asked for the price of Toncoin.", host=wish.host)

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._is_due():
                await self._ask(self._wish)

    def _is_due(self) -> bool:
        if self._wish.url is None:
            return False
        if self._fetched is not None and _is_fresh(self._fetched.at, self._clock.now(), ASK_AGAIN):
            return False
        return self._asked_at is None or asyncio.get_running_loop().time() - self._asked_at >= PAUSE_SECONDS

    async def _ask(self, wish: PriceWish) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        try:
            answer = await self._get(wish.address)
            if answer.status != 200:
                raise NoAnswer(tr("It answered with status {status}.", status=answer.status))
            price = price_in(answer.body, wish.path.replace(CURRENCY_MARK, wish.currency))
        except NoAnswer as problem:
            self._problem = str(problem)
        except ValueError as problem:
            self._problem = tr("Its answer cannot be used: {problem}.", problem=problem)
        else:
            self._problem = ""
            if (wish.url, wish.path, wish.currency) == (self._wish.url, self._wish.path, self._wish.currency):
                self._fetched = _Fetched(price, self._clock.now())
            return
        log.info("price of Toncoin: %s", self._problem)


def price_in(untrusted: bytes, path: str) -> int:
    """The number at `path`, in thousandths. Raises `ValueError`: there is none that could be a price."""
    try:
        found = json.loads(untrusted, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse)
        for name in path.split("/"):
            found = _under(found, name)
        price = Decimal(found) if isinstance(found, str) and len(found) <= 40 else found
        if not isinstance(price, Decimal) or not 0 < price * 1000 <= MOST_THOUSANDTHS:
            raise ValueError(tr("what is there is no price"))
        thousandths = int((price * 1000).to_integral_value(ROUND_HALF_UP))
    except (ArithmeticError, RecursionError) as problem:
        raise ValueError(tr("what is there is no number")) from problem
    except UnicodeDecodeError as problem:
        raise ValueError(tr("it is no text")) from problem
    except json.JSONDecodeError as problem:
        raise ValueError(tr("it is no JSON")) from problem
    if not thousandths:
        raise ValueError(tr("the price is less than a thousandth"))
    return thousandths


def _under(found: object, name: str) -> object:
    if isinstance(found, dict):
        for key, value in found.items():
            if key.casefold() == name.casefold():
                return value
    raise ValueError(tr("it has nothing under “{name}”", name=name))


def _refuse(constant: str) -> None:
    raise ValueError(tr("{what} is no number", what=constant))


def _is_fresh(at: datetime, now: datetime, lasts: timedelta) -> bool:
    """A time still to come, by a clock that was set back, is not fresh either."""
    return timedelta() <= now - at < lasts


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d}"
