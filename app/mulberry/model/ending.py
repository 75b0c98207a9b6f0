"""What was left when a stretch of work was over: who stops wants to know that everything has ended."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """The last stretch of work, after everything that ran for it was taken down, at `at`.

    `job_process` and `demo_network`: there was one, and it has ended; a job process takes its sandbox along. `gpu` is
    the name of the GPU that it worked on, "" if on none; `memory_is_back` whether that GPU's memory was given back, by
    the driver's word; None: nobody can tell.
    """

    at: datetime
    job_process: bool = False
    demo_network: bool = False
    gpu: str = ""
    memory_is_back: bool | None = None
