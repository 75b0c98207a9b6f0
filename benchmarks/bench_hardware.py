"""What watching GPUs costs the agent, with eight cards that do not exist. The real driver's own time comes on top."""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # for the fake driver

from fake_driver import build_library, loaded
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.clock import SystemClock

CARDS = 8
READS = 300
GOAL_PERCENT = 0.5  # of a core, at one reading a second
GOAL_HOST_MILLISECONDS = 50


def told(what: str, value: float, unit: str, goal: float) -> None:
    print(f"{what:30} {value:8.3f} {unit:12} goal {goal:g}, ratio {value / goal:.2f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        library = build_library(Path(folder))
        if library is None:
            print("no C compiler: nothing measured")
            return
        with loaded(library, Path(folder) / "state") as driver:
            driver.says(f"count {CARDS}\necc 1\nmig 0\nproc c 4242 1073741824 0\n")
            gpus = Gpus(SystemClock())
            gpus.read()
            began = time.process_time()
            for _ in range(READS):
                gpus.read()
            spent = (time.process_time() - began) / READS
            gpus.close()
    percent = spent * 100
    told(f"{CARDS} GPUs, read once a second", percent, "% of a core", GOAL_PERCENT)
    began = time.perf_counter()
    read_host(SystemFiles())
    took = (time.perf_counter() - began) * 1000
    told("the host, read once", took, "ms", GOAL_HOST_MILLISECONDS)


if __name__ == "__main__":
    main()
