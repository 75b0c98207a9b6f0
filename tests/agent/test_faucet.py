"""Play money is asked for by a click: what comes back is money, or a sentence that says when to ask again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from mulberry.agent.faucet import ask_for_play_money
from mulberry.model.errors import UserFacingError
from samples import NODE_WALLET


@asynccontextmanager
async def faucet(status: int, asked: list[object]) -> AsyncIterator[str]:
    """A faucet that answers with `status`; its address."""

    async def give(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({"nanoton": 5}, status=status)

    application = web.Application()
    application.add_routes([web.post("/demo/faucet", give)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/demo/faucet"
    finally:
        await runner.cleanup()


async def test_it_is_asked_once_for_the_address() -> None:
    asked: list[object] = []
    async with faucet(200, asked) as url:
        await ask_for_play_money(url, NODE_WALLET)
    assert asked == [{"address": NODE_WALLET}]


@pytest.mark.parametrize(("status", "why"), [(429, "once a minute"), (500, "did not answer as it should")])
async def test_a_faucet_that_gives_nothing_says_what_to_do(status: int, why: str) -> None:
    async with faucet(status, []) as url:
        with pytest.raises(UserFacingError, match="no play money") as refused:
            await ask_for_play_money(url, NODE_WALLET)
    assert why in refused.value.why
    assert refused.value.next_step.startswith("Ask again in a minute")


async def test_a_faucet_that_is_not_there_is_said_to_be_so() -> None:
    async with faucet(200, []) as url:
        pass
    with pytest.raises(UserFacingError, match="no play money"):
        await ask_for_play_money(url, NODE_WALLET)
