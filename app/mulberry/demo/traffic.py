"""How busy the demo's customers should be: `traffic.json`, so that it outlives a restart."""

import asyncio
import logging
from pathlib import Path

from pydantic import ValidationError

from mulberry.model.clock import Clock
from mulberry.model.files import write_whole
from mulberry.model.network import Traffic

SIZE_LIMIT_BYTES = 10_000

log = logging.getLogger(__name__)


class TrafficFile:
    """The plan in force. Only this process writes the file while it runs."""

    def __init__(self, path: Path, default: Traffic, clock: Clock) -> None:
        """Reads the file, or takes `default` where there is none. A damaged file is kept aside, under another name."""
        self._path = path
        self._change = asyncio.Event()
        self.plan = default
        try:
            with path.open("rb") as file:
                self.plan = Traffic.model_validate_json(file.read(SIZE_LIMIT_BYTES))
        except FileNotFoundError:
            return
        except ValidationError:
            aside = path.with_name(f"traffic.broken-{clock.now():%Y%m%dT%H%M%SZ}.json")
            path.replace(aside)
            log.warning("traffic.json was damaged and is kept as %s; the profile's traffic is used", aside.name)

    def change(self, plan: Traffic) -> None:
        """Takes effect at once, and counts its jobs from zero. Raises OSError: not written, nothing changed."""
        write_whole(self._path, plan.model_dump_json(indent=2).encode() + b"\n")
        self.plan = plan
        self._change.set()

    async def changed(self) -> None:
        """Returns after the next `change`. For one waiter."""
        await self._change.wait()
        self._change.clear()
