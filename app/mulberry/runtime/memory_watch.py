"""Ends a job process that takes too much memory. The kernel's own limits are harder, where there are some; this one is
everywhere, and it counts what is held, not what is mapped."""

import asyncio

from mulberry.model.language import number, tr
from mulberry.runtime.job_link import JobLink
from mulberry.runtime.process import JobProcess, resident_bytes

LOOK_SECONDS = 0.25  # a process that fills a gigabyte meanwhile is a quarter above its limit when it is seen


async def watch_memory(process: JobProcess, link: JobLink, limit_bytes: int) -> None:
    """Until it is cancelled, or the process is gone."""
    while (used := resident_bytes(process.pid)) is not None:
        if used > limit_bytes:
            limit = number(f"{limit_bytes >> 20:,} MiB")
            link.end(tr("The engine used more than {limit} of memory and was ended.", limit=limit))
        await asyncio.sleep(LOOK_SECONDS)
