"""What the agent finds on the synthetic computers, by the real code: for tests and pictures of what shows it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fake_driver import loaded, no_library
from mulberry.agent.eligibility import Preflight
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.clock import Clock
from mulberry.model.eligibility import EligibilityReport
from mulberry.model.gpu import GpuReport
from mulberry.model.host import ConfidentialReport, HostReport
from mulberry.runtime.sandbox.choose import Choice, choose
from synthetic_computers import COMPUTERS


@dataclass(frozen=True)
class SeenComputer:
    name: str
    gpus: GpuReport
    host: HostReport
    confidential: ConfidentialReport
    eligibility: EligibilityReport


def see(
    name: str, library: Path, folder: Path, clock: Clock, find_sandbox: Callable[[], Awaitable[Choice]] = choose
) -> SeenComputer:
    """The computer `name` of `synthetic_computers`, built below `folder`. `library` is the fake driver's."""
    (computer,) = (one for one in COMPUTERS if one.name == name)
    files = SystemFiles(folder / "root")
    state = computer.build(folder / "root")
    with ExitStack() as stack:
        if computer.driver is None:
            stack.enter_context(no_library())
        else:
            stack.enter_context(loaded(library, folder / "driver-state")).says(state)
        gpus = Gpus(clock, files)
        stack.callback(gpus.close)
        preflight = Preflight(folder / "data", gpus, clock, Random(1), files=files, find_sandbox=find_sandbox)
        report = asyncio.run(preflight.report())
        return SeenComputer(name, gpus.read(), read_host(files), gpus.confidential(), report)
