"""Where a runtime's files can be had: pip says, from whatever index its owner or packager has configured.

Mulberry names no index. pip lists what it could take (`finding`), and addresses are all that is believed of that: each
file is compared with the table's hash. pip does not fetch the files itself: what it has fetched of one is lost when it
is interrupted, and a runtime has some hundred megabytes in a file.
"""

import asyncio
import importlib.util
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from mulberry.model.errors import UserFacingError
from mulberry.model.gpu_runtime import Wheel
from mulberry.model.language import tr
from mulberry.model.shown import shown

PATIENCE_SECONDS = 180.0
ANSWER_LIMIT_BYTES = 4 << 20  # every file of all versions of a dozen projects
WORDS_LIMIT_BYTES = 4096
FINDING = Path(__file__).with_name("finding.py")

NOBODY_SAYS = tr("Nobody says where the GPU runtime's files can be had.")

_ANSWER = TypeAdapter(tuple[tuple[str, str, str], ...])  # the name, the address, the SHA-256 that the index tells or ""


async def ask_pip(wheels: Sequence[Wheel], pip: Sequence[str] = ()) -> Mapping[str, str]:
    """The address of each file by its name. `pip` is the command that says it. Raises `UserFacingError`."""
    pip = pip or await asyncio.to_thread(_pip)
    untrusted = await _said([*pip, *dict.fromkeys(wheel.project for wheel in wheels)])
    try:
        found = _ANSWER.validate_json(untrusted)
    except ValueError as problem:
        raise _nowhere(tr("pip's answer cannot be read.")) from problem
    named: dict[str, str] = {}
    for wheel in wheels:
        for name, address, sha256 in found:
            if name == wheel.name and sha256 in (wheel.sha256, ""):
                named.setdefault(name, address)
        if wheel.name not in named:
            raise _nowhere(tr("pip's index has no {name}.", name=wheel.name))
    return named


def _pip() -> Sequence[str]:
    """That which is installed, or else the one that Python has for new environments. Raises `UserFacingError`."""
    command = (sys.executable, "-I", str(FINDING))
    if importlib.util.find_spec("pip") is not None:
        return command
    wheel = wheel_of_pip()
    if wheel is None:
        raise UserFacingError(
            what=NOBODY_SAYS,
            why=tr("Python's pip, which knows where files can be had, is not here."),
            next_step=tr(
                "Install Debian's python3-pip-whl, or say `uv tool install --with pip mulberry` or "
                "`pipx inject mulberry pip`. Or bring the files: `mulberry gpu-setup --from FOLDER`."
            ),
        )
    return (*command, str(wheel))


def wheel_of_pip() -> Path | None:
    """The one that ensurepip (PEP 453) installs and `uv tool` does not: in Python itself, or where a system keeps it.
    It is imported from where it lies, as PEP 427 allows and ensurepip itself does."""
    folders = [Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled")]
    if elsewhere := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        folders.append(Path(elsewhere))
    return next((wheel for folder in folders for wheel in sorted(folder.glob("pip-*.whl"), reverse=True)), None)


async def _said(command: Sequence[str]) -> bytes:
    """What it wrote; more than can be is cut off, and then no answer."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None  # noqa: S101 - asked for above
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            said, words = await asyncio.gather(
                end_of(process.stdout, ANSWER_LIMIT_BYTES), end_of(process.stderr, WORDS_LIMIT_BYTES)
            )
            status = await process.wait()
    except TimeoutError as problem:
        raise _nowhere(
            tr("pip found no answer within {seconds} seconds.", seconds=f"{PATIENCE_SECONDS:.0f}")
        ) from problem
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status:
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        raise _nowhere(tr("pip found them nowhere, or could not ask."), shown(last, 300))
    return said


async def end_of(stream: asyncio.StreamReader, most_bytes: int) -> bytes:
    """The last of what it says, however much that is."""
    end = bytearray()
    while part := await stream.read(most_bytes):
        end += part
        del end[:-most_bytes]
    return bytes(end)


def _nowhere(why: str, detail: str = "") -> UserFacingError:
    return UserFacingError(
        what=NOBODY_SAYS,
        why=why,
        next_step=tr(
            "See to the connection and to pip's configuration, or bring the files: `mulberry gpu-setup --from FOLDER`."
        ),
        detail=detail,
    )
