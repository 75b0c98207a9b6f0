"""TON's own transaction executor, as WebAssembly."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """How far loading has come. The compiler tells no fraction, so there is only time."""

    compiling: bool  # the slow first start; else the compiled module is being read
    elapsed_seconds: float


class Emulator:
    """Executes transactions and get methods. One may serve any number of chains, one call at a time."""

    @classmethod
    def load(cls, cache_folder: Path, on_progress: Callable[[LoadProgress], None] = lambda _: None) -> "Emulator":
        """Compiles on the first start (seconds, on a thread; calls `on_progress` twice a second), then reads its cache."""
        raise NotImplementedError
