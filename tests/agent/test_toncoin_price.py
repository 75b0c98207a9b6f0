"""A price from last month, of play money or from a stranger's joke makes every number of money on the screen a lie."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from conftest import SettableClock
from mulberry.agent.bounded_get import NoAnswer, web_address
from mulberry.agent.choices import Choices, refuse_special
from mulberry.agent.toncoin_price import (
    ASK_AGAIN,
    FETCHED_LASTS,
    MOST_THOUSANDTHS,
    PAUSE_SECONDS,
    TYPED_LASTS,
    PriceWish,
    ToncoinPrice,
    price_in,
)
from mulberry.attestation.collateral_fetch import Answer
from mulberry.model.errors import UserFacingError
from mulberry.model.places import DataFolder
from mulberry.model.settings import SettingsChange
from samples import NOON

ASKED = PriceWish("EUR", url="https://prices.example/v1?in={currency}", path="the-open-network/{currency}")
TYPED = PriceWish("EUR", typed=2950, typed_at=NOON)


class Place:
    """Stands where the network would be."""

    def __init__(self, body: bytes = b'{"the-open-network": {"eur": 2.9504}}', status: int = 200) -> None:
        self.body = body
        self.status = status
        self.is_silent = False
        self.asked: list[str] = []

    async def get(self, url: str) -> Answer:
        self.asked.append(url)
        if self.is_silent:
            raise NoAnswer("It did not answer within 8 s.")
        return Answer(self.status, {}, self.body)


@asynccontextmanager
async def open_price(wish: PriceWish, clock: SettableClock, place: Place, **kind: bool) -> AsyncIterator[ToncoinPrice]:
    price = ToncoinPrice(wish, clock, is_play_money=kind.get("is_play_money", False), get=place.get)
    task = asyncio.create_task(price.run())
    try:
        yield price
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def asked(price: ToncoinPrice) -> int | None:
    """What it knows a moment after somebody wanted to know."""
    price.now()
    await asyncio.sleep(0.01)
    return price.now().value


async def test_a_typed_price_is_used_for_a_week_and_says_so(clock: SettableClock) -> None:
    async with open_price(TYPED, clock, Place()) as price:
        found = price.now()
        assert (found.value, found.evidence) == (2950, "As you typed it on 2026-11-22; it is used until 2026-11-29.")
        clock.moment = NOON + TYPED_LASTS - timedelta(seconds=1)
        assert price.now().value == 2950
        clock.moment = NOON + TYPED_LASTS
        assert price.now().value is None
        assert price.now().evidence == "You typed a price of Toncoin on 2026-11-22: too long ago. Type it anew."
        clock.moment = NOON - timedelta(days=1)
        assert price.now().value is None, "a clock that was set back makes nothing fresh"


async def test_nobody_is_asked_before_the_owner_names_an_address(clock: SettableClock) -> None:
    place = Place()
    async with open_price(PriceWish("EUR"), clock, place) as price:
        assert await asked(price) is None
        assert price.now().evidence == "You have named no price of Toncoin; the Settings page has a place for it."
    assert place.asked == []


@pytest.mark.virtual_time
async def test_a_fetched_price_is_used_for_an_hour_and_asked_for_only_while_somebody_looks(
    clock: SettableClock,
) -> None:
    place = Place()
    async with open_price(ASKED, clock, place) as price:
        assert await asked(price) == 2950
        assert place.asked == ["https://prices.example/v1?in=eur"]
        assert price.now().evidence.startswith("prices.example said so at ")
        await asyncio.sleep(24 * 3600)
        assert len(place.asked) == 1
        place.is_silent = True
        clock.moment = NOON + ASK_AGAIN
        assert await asked(price) == 2950
        assert len(place.asked) == 2
        clock.moment = NOON + FETCHED_LASTS
        assert await asked(price) is None
        assert price.now().evidence == (
            "prices.example gave no price of Toncoin. It did not answer within 8 s. It is asked again."
        )
        place.is_silent = False
        assert len(place.asked) == 2, "a place that fails has some minutes of peace"
        await asyncio.sleep(PAUSE_SECONDS)
        assert await asked(price) == 2950


async def test_play_money_has_no_price_and_nobody_is_asked_for_it(clock: SettableClock) -> None:
    place = Place()
    for wish in (ASKED, TYPED):
        async with open_price(wish, clock, place, is_play_money=True) as price:
            assert await asked(price) is None
            assert price.now().evidence == "Play money has no price."
    assert place.asked == []


async def test_a_typed_price_stands_in_for_a_place_that_is_silent(clock: SettableClock) -> None:
    place = Place()
    place.is_silent = True
    wish = PriceWish("EUR", 3000, NOON, ASKED.url, ASKED.path)
    async with open_price(wish, clock, place) as price:
        assert await asked(price) == 3000
        place.is_silent = False
        price.use(PriceWish("EUR", 3000, NOON, "https://other.example/", ASKED.path))
        assert await asked(price) == 2950


async def test_another_currency_forgets_what_was_fetched_for_the_old_one(clock: SettableClock) -> None:
    place = Place()
    async with open_price(ASKED, clock, place) as price:
        assert await asked(price) == 2950
        price.use(PriceWish("IDR", url=ASKED.url, path=ASKED.path))
        assert price.now().evidence == "prices.example is being asked for the price of Toncoin."
        assert await asked(price) is None
        assert "Its answer cannot be used: it has nothing under “IDR”." in price.now().evidence


async def test_an_answer_that_is_no_success_is_no_price(clock: SettableClock) -> None:
    async with open_price(ASKED, clock, Place(status=429)) as price:
        assert await asked(price) is None
        assert "It answered with status 429." in price.now().evidence


async def test_a_place_on_this_computer_is_really_asked(clock: SettableClock) -> None:
    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"price": {request.query["in"]: "2.95"}})

    server = TestServer(web.Application())
    server.app.router.add_get("/v1", tell)
    async with server:
        price = ToncoinPrice(
            PriceWish("EUR", url=f"http://127.0.0.1:{server.port}/v1?in={{currency}}", path="price/{currency}"),
            clock,
            is_play_money=False,
        )
        task = asyncio.create_task(price.run())
        async with asyncio.timeout(30):
            while price.now().value is None:  # noqa: ASYNC110 - it has no event for who only looks
                await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert price.now().value == 2950


@pytest.mark.parametrize(
    ("body", "path", "thousandths"),
    [
        ('{"the-open-network": {"eur": 2.9504}}', "the-open-network/EUR", 2950),
        ('{"rates": {"TON": {"prices": {"EUR": 2.9505}}}}', "rates/ton/prices/eur", 2951),
        ('{"price": "2.95"}', "price", 2950),
        ('{"price": 48123}', "price", 48_123_000),
        ('{"price": 1e-3}', "price", 1),
    ],
)
def test_a_price_is_found_where_its_path_says(body: str, path: str, thousandths: int) -> None:
    assert price_in(body.encode(), path) == thousandths


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe{}",
        b"[]",
        b'{"price": null}',
        b'{"price": true}',
        b'{"price": [2.95]}',
        b'{"price": {"eur": 2}}',
        b'{"price": 0}',
        b'{"price": -2.95}',
        b'{"price": 0.0004}',
        b'{"price": 1000001}',
        b'{"price": NaN}',
        b'{"price": Infinity}',
        b'{"price": "NaN"}',
        b'{"price": "about three"}',
        b'{"price": 1e999999999999999999999}',
        b'{"price": 1e-999999999999999999999}',
        b'{"price": ' + b"9" * 60_000 + b"}",
        b'{"price": "' + b"9" * 60_000 + b'"}',
        b"[" * 60_000,
    ],
    ids=range(21),
)
def test_what_is_no_price_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{5,80}$"):
        price_in(body, "price")


@given(st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.lists(st.floats()))
def test_no_json_breaks_it(value: object) -> None:
    with suppress(ValueError):
        assert 0 < price_in(json.dumps({"price": value}).encode(), "price") <= MOST_THOUSANDTHS


@pytest.mark.parametrize(
    "address", ["ftp://a.example", "http://a.example", "https://", "https://me:secret@a.example/", "https://a/#b", "x"]
)
def test_an_address_that_anybody_could_answer_for_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        web_address(address)


def test_an_address_over_tls_or_of_this_computer_is_taken() -> None:
    for address in ("https://a.example/v1?in={currency}", "http://127.0.0.1:8000/price", "http://localhost/p"):
        assert web_address(address) == address


@pytest.fixture
def choices(tmp_path: Path, clock: SettableClock) -> Choices:
    return Choices(DataFolder.of_network(tmp_path, "demo"), clock)


def test_the_date_is_written_with_the_price_and_never_typed(choices: Choices, clock: SettableClock) -> None:
    chosen, _ = choices.change(SettingsChange({"toncoin_price": 2950}))
    assert (chosen.computer.toncoin_price_wish.typed, chosen.computer.toncoin_price_typed_at) == (2950, NOON)
    clock.pass_time(days=3)
    assert choices.change(SettingsChange({"base_watt": 60}))[0].computer.toncoin_price_typed_at == NOON
    chosen, _ = choices.change(SettingsChange({"toncoin_price": 2950}))
    assert chosen.computer.toncoin_price_typed_at == clock.now(), "the same number, typed anew"
    assert choices.read() == chosen
    assert choices.change(SettingsChange({}, reset=("toncoin_price",)))[0].computer.toncoin_price_typed_at is None
    with pytest.raises(UserFacingError, match="not changed"):
        refuse_special(SettingsChange({"toncoin_price_typed_at": "2026-11-22T12:00:00Z"}))


async def test_a_price_that_was_typed_for_another_currency_is_not_used(choices: Choices, clock: SettableClock) -> None:
    choices.change(SettingsChange({"toncoin_price": 2950}))
    chosen, _ = choices.change(SettingsChange({"currency": "USD"}))
    async with open_price(chosen.computer.toncoin_price_wish, clock, Place()) as price:
        assert price.now().value is None
        assert "was for another currency" in price.now().evidence
    both, _ = choices.change(SettingsChange({"currency": "GBP", "toncoin_price": 2500}))
    assert both.computer.toncoin_price_typed_at == clock.now()
