"""What the last benchmark lets expect of the work that is done now; nothing where it measured something else."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mulberry.agent.benchmark import last
from mulberry.model.benchmark import SECONDS_AN_HOUR, Benchmark, Estimate, earnings_limit
from mulberry.model.engine import EngineStats
from mulberry.model.errors import UserFacingError
from mulberry.model.language import english
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import RootParameters
from mulberry.runtime.manifest import Manifest


class LastBenchmark:
    """What is kept at `place`, read again only when it has been replaced."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._seen: tuple[int, int] | None = None
        self._read: Benchmark | None = None

    def now(self) -> Benchmark | None:
        """None: nothing was measured, or it cannot be read. Cheap enough for each status."""
        try:
            told = self._place.stat()
        except OSError:
            self._seen = self._read = None
            return None
        seen = told.st_mtime_ns, told.st_ino
        if seen != self._seen:
            self._seen, self._read = seen, self._read_it()
        return self._read

    def _read_it(self) -> Benchmark | None:
        try:
            return last(self._place)
        except UserFacingError:  # `mulberry benchmark --last` says what is the matter with it
            return None


def estimate_of(
    measured: Benchmark, model: Manifest, engines: Sequence[EngineStats], root: RootParameters, coefficient: int
) -> Estimate | None:
    """For `engines` that all run on what was measured, with the same version of the same model; None for others. A
    speed at more requests than an engine has places for does not count. `coefficient` in thousandths."""
    ready = [engine for engine in engines if engine.ready_seconds is not None]
    places = min((engine.places for engine in ready), default=0)
    speeds = tuple(speed for speed in measured.speeds if speed.at_once <= places)
    is_same = (measured.model, measured.model_version) == (model.name, model.version)
    if not speeds or not is_same or any(english(engine.name) != measured.runs_on for engine in ready):
        return None
    one = earnings_limit(replace(measured, speeds=speeds), root, SECONDS_AN_HOUR, coefficient)
    return Estimate(
        an_hour=Nanoton(one * len(ready)),
        model=measured.title,
        measured_on=ready[0].name,
        count=len(ready),
        measured_at=measured.as_of,
        coefficient=coefficient,
    )
