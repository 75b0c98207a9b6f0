"""Where play money comes from: the demo network gives some to an address, once a minute."""

import aiohttp

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr

FAUCET_SECONDS = 10.0
NONE_GIVEN = tr("There is no play money this time.")


async def ask_for_play_money(faucet_url: str, address: str) -> None:
    """It arrives with one of the next blocks. Raises `UserFacingError`: none was given."""
    limit = aiohttp.ClientTimeout(total=FAUCET_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(faucet_url, json={"address": address}) as answer,
        ):
            if answer.status == 429:
                why = tr("The demo network gives some to an address once a minute.")
                raise UserFacingError(NONE_GIVEN, why, tr("Ask again in a minute."))
            answer.raise_for_status()
    except (aiohttp.ClientError, OSError) as problem:
        raise UserFacingError(
            what=NONE_GIVEN,
            why=tr("The demo network's faucet did not answer as it should."),
            next_step=tr("Ask again in a minute; if it stays so, stop and start earning."),
            detail=repr(problem),
        ) from problem
