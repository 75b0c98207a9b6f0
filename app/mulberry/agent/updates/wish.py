"""What an owner chose about updates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpdateWish:
    """`checks`: ask once a day. `feed` is the address to ask, if not the packager's."""

    checks: bool = False
    feed: str | None = None
