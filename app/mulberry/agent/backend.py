"""Runs the network's requests on the engine: `cocoon.worker.Backend` by `runtime.openai`."""

from collections.abc import AsyncGenerator
from random import Random
from typing import Any

from mulberry.cocoon.requests import CheckedRequest
from mulberry.cocoon.seams import BackendFailed, BackendRefused
from mulberry.model.clock import Clock
from mulberry.model.language import english
from mulberry.runtime.engine import Engine, EngineFailed, EngineRefused
from mulberry.runtime.openai import Stamp, answer

ID_BITS = 96
SEED_BITS = 63


class EngineBackend:
    """`random` gives ids and seeds; neither is a secret."""

    def __init__(self, engine: Engine, clock: Clock, random: Random) -> None:
        self._engine = engine
        self._clock = clock
        self._random = random

    async def answer(self, request: CheckedRequest) -> AsyncGenerator[dict[str, Any], None]:
        """See `cocoon.worker.Backend`."""
        answer_id, seed = divmod(self._random.getrandbits(ID_BITS + SEED_BITS), 2**SEED_BITS)  # asking twice costs 3 µs
        stamp = Stamp(f"{answer_id:024x}", created=int(self._clock.now().timestamp()), seed=seed)
        answers = answer(self._engine, request.path, request.body, stream=request.stream, stamp=stamp)
        try:
            async for untold in answers:
                yield untold
        except EngineRefused as refusal:
            raise BackendRefused(refusal.http_status, refusal.body) from refusal
        except EngineFailed as failure:
            raise BackendFailed(english(str(failure))) from failure  # it leaves the computer
        finally:
            await answers.aclose()
