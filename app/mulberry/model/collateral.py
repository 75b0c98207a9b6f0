"""What is here of Intel's word on TDX platforms, and whether the service that gives it answers. Nouns only."""

from dataclasses import dataclass
from datetime import datetime

from mulberry.model.host import Finding


@dataclass(frozen=True, slots=True)
class PlatformCollateral:
    """One platform family: FMSPC (12 upper-case hex digits) and authority (`platform`, `processor`).

    `expires` None: there is none, or it is broken. `problem` is why the last attempt to fetch it failed, a sentence;
    empty when it went well or none was made. `next_attempt_at` None: nothing is planned.
    """

    fmspc: str
    ca: str
    expires: datetime | None
    problem: str = ""
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CollateralStatus:
    """`service` is the address that is asked; `reachable` is as of the last question to it."""

    service: str
    reachable: Finding[bool]
    platforms: tuple[PlatformCollateral, ...]
