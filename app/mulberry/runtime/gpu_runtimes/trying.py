"""Whether a runtime that was just unpacked computes here: on the processor always, on the GPU where one fits."""

import asyncio
import os
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import GpuRuntime
from mulberry.model.language import tr
from mulberry.model.shown import shown
from mulberry.runtime.gpu_runtimes import trial
from mulberry.runtime.gpu_runtimes.addresses import end_of
from mulberry.runtime.gpu_truth import truth_of
from mulberry.runtime.process import child_environment
from mulberry.runtime.wire import Provider

TRIAL_SECONDS = 180.0  # half a gigabyte of machine code from a slow disk
WORDS_LIMIT_BYTES = 64 << 10
CUDA_PROVIDER = "CUDAExecutionProvider"


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    onnxruntime: str = Field(max_length=100)
    providers: tuple[str, ...] = Field(max_length=100)


async def try_out(runtime: GpuRuntime, libraries: Path, gpu: str) -> None:
    """`gpu` is the UUID of one that it fits, "": there is none. Raises `UserFacingError`: it does not compute."""
    chosen = {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", trial.__file__, str(libraries), Provider.CPU, *([Provider.CUDA] if gpu else [])),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=child_environment(os.environ) | chosen,
        cwd=libraries.anchor,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(TRIAL_SECONDS):
            said, words = await asyncio.gather(
                end_of(process.stdout, WORDS_LIMIT_BYTES), end_of(process.stderr, WORDS_LIMIT_BYTES)
            )
            status = await process.wait()
    except TimeoutError as problem:
        raise _unfit(tr("It did not end within {seconds} seconds.", seconds=f"{TRIAL_SECONDS:.0f}"), "") from problem
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status:
        untrusted = words.decode(errors="replace")
        why = str(truth_of(untrusted)) if gpu else tr("onnxruntime could not be started with it.")
        raise _unfit(why, untrusted)
    try:
        found = _Said.model_validate_json(said)
    except ValueError as problem:
        raise _unfit(tr("It said something else than it should."), "") from problem
    if found.onnxruntime != runtime.onnxruntime or CUDA_PROVIDER not in found.providers:
        raise _unfit(tr("It is not what it should be: {version}.", version=shown(found.onnxruntime, 40)), "")


def _unfit(why: str, detail: str) -> UserFacingError:
    return UserFacingError(
        what=tr("The GPU runtime was tried out, does not work here, and is not used."),
        why=why,
        next_step=tr("What was downloaded is kept. When the cause is gone, install it again."),
        detail=shown(detail.strip(), 2000),
    )
