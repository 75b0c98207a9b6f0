"""Synthetic computers as the eligibility check sees them: read through the fake driver and the files below a root."""

from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from fake_driver import loaded, no_library
from mulberry.hardware.files import SystemFiles
from mulberry.hardware.gpu import Gpus
from mulberry.hardware.host import read_host
from mulberry.model.attestation import Policy
from mulberry.model.clock import Clock
from mulberry.model.eligibility import Computer, NetworkRules, SeenRoot
from mulberry.model.host import Finding
from mulberry.model.models import ModelWay, StoredModel
from synthetic_computers import Computer as Synthetic

READ_AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
IMAGE = sha256(b"a guest's image").hexdigest()
QWEN = "Qwen/Qwen3-0.6B"

TINY = StoredModel(
    "tiny-lm",
    "mulberry/tiny-lm",
    "1",
    "Tiny test model",
    "Apache-2.0",
    2_720_000,
    None,
    "",
    in_use=False,
    ways=(ModelWay("cpu", "fp32", 0),),
    is_bundled=True,
)
FOR_GPUS = StoredModel(
    "qwen3-0-6b",
    QWEN,
    "1",
    "Qwen3 0.6B",
    "Apache-2.0",
    1_200_000_000,
    None,
    "",
    in_use=False,
    ways=(ModelWay("cuda", "fp16", 3 * 10**9),),
)
ROOT = SeenRoot("EQ…", 12, (IMAGE,), (sha256(QWEN.encode()).hexdigest(),), READ_AT)
MAIN = NetworkRules("mainnet", "Cocoon on TON", "mainnet", Policy.TDX, True, QWEN, False, ROOT)
DEMO = NetworkRules("demo", "Demo network", "demo", Policy.FAKE_TDX, True, "mulberry/tiny-lm", True)
TEST = NetworkRules("test", "Test networks", "test", Policy.ANY, False, "any", False, any_model=True)


def as_checked(computer: Synthetic, library: Path, folder: Path, clock: Clock) -> Computer:
    """What the check gathers of it: a sandbox holds, only the bundled model is there, and guests made their quote."""
    files = SystemFiles(folder / "root")
    state = computer.build(folder / "root")
    gpus = Gpus(clock, files)
    with ExitStack() as stack:
        if computer.driver is None:
            stack.enter_context(no_library())
        else:
            stack.enter_context(loaded(library, folder / "driver-state")).says(state)
        stack.callback(gpus.close)
        report, confidential = gpus.read(), gpus.confidential()
    host = read_host(files)
    image = Finding(IMAGE, "a TDX quote of this guest") if host.tdx_guest.value else Finding(None, "this is no guest")
    sandbox = Finding(True, "bubblewrap, Landlock and seccomp held in its self-test")
    return Computer(report, host, confidential, sandbox, image, (TINY,), 100 * 10**9)
