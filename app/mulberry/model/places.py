"""Where things lie: the user's data, one folder a network, and the files that come with Mulberry."""

import hashlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

NETWORK_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
LEAVE = b"leave\n"  # said to the window's socket when its program is about to be replaced
SOCKET_PATH_LIMIT_BYTES = 100  # sockaddr_un holds 108 on Linux, 104 on the BSDs and macOS


def resource(relative: str) -> Path:
    """A file or folder under `resources/`, in a checkout and in an installed package alike."""
    package = Path(__file__).resolve().parent.parent
    for root in (package / "resources", package.parent.parent / "resources"):
        path = root / relative
        if path.exists():
            return path
    raise FileNotFoundError(f"this installation lacks resources/{relative}")


def this_program() -> list[str]:
    """The words that start Mulberry's command line as another process; never what lies in the current folder (-P)."""
    return [sys.executable, "-P", "-m", "mulberry"]


def lasting_program() -> list[str]:
    """The same for a process that outlives this one. An AppImage's files go with the process that mounted them, so it
    is started by its one file again."""
    image, mounted = os.environ.get("APPIMAGE"), os.environ.get("APPDIR")  # also set for what an AppImage starts
    if image and mounted and Path(sys.executable).is_relative_to(mounted):
        return [image]
    return this_program()


def default_data_root() -> Path:
    """The user's data folder for Mulberry; `MULBERRY_DATA` names another one."""
    named = os.environ.get("MULBERRY_DATA")
    return Path(named) if named else Path(platformdirs.user_data_dir("mulberry", appauthor=False))


def model_store(root: Path) -> Path:
    """Where imported models and what is known of them lie, for all networks; no network's name has an underscore."""
    return root / "model_store"


def computer_settings(root: Path) -> Path:
    """What the owner chose for this computer, whichever network it works for."""
    return root / "computer.json"


def gpu_runtimes(root: Path) -> Path:
    """Where what computes on GPUs is installed, for all networks."""
    return root / "gpu_runtimes"


def benchmark_file(root: Path) -> Path:
    """The last measurement of this computer, of whichever model."""
    return root / "benchmark.json"


def updates_folder(root: Path) -> Path:
    """What is known of newer versions, for all networks; none has this name."""
    return root / "app_updates"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The files of one network. Play money and real money never share a folder."""

    path: Path

    @classmethod
    def of_network(cls, root: Path, network: str) -> "DataFolder":
        return cls(root / network)

    def create(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        return self.path / "agent.lock"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.sqlite3"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def intent(self) -> Path:
        return self.path / "intent.json"

    @property
    def trusted_block(self) -> Path:
        """The newest block of TON that was proven."""
        return self.path / "trusted-block.json"

    @property
    def seen_root(self) -> Path:
        """What the root contract accepted when it was read last."""
        return self.path / "root-contract.json"

    @property
    def profile(self) -> Path:
        """The network's own profile, where `mulberry run` made one."""
        return self.path / "profile.json"

    @property
    def collateral(self) -> Path:
        """Intel's word on TDX platforms, one file each."""
        return self.path / "collateral"

    @property
    def gpu_references(self) -> Path:
        """NVIDIA's word on drivers, VBIOSes and revoked certificates; see `attestation.gpu_references`."""
        return self.path / "gpu-references"

    @property
    def tpm_roots(self) -> Path:
        """Certificates of TPM makers that are trusted, as files of PEM or DER."""
        return self.path / "tpm-roots"

    @property
    def stats_token(self) -> Path:
        """What the stats page's control actions ask for."""
        return self.path / "stats.token"

    @property
    def demo_key(self) -> Path:
        """The demo network's node wallet key. Real money's lies in the keyring."""
        return self.path / "node-wallet.key"

    @property
    def sealed_key(self) -> Path:
        """The node wallet's key under a passphrase, where its owner chose one."""
        return self.path / "node-wallet.sealed-key"

    @property
    def seen_key(self) -> Path:
        """The public half of the node wallet's key, so that a lost key is noticed."""
        return self.path / "node-wallet.public-key"

    @property
    def device_key(self) -> Path:
        """What signs this computer's statements about itself; no money."""
        return self.path / "device.key"

    @property
    def agent_log(self) -> Path:
        return self.path / "agent.log"

    @property
    def window_log(self) -> Path:
        return self.path / "window.log"

    @property
    def demo_network(self) -> Path:
        """The demo network's own folder: its proxy's key and counters, `network.json`, `traffic.json`."""
        return self.path / "demo-network"

    @property
    def control_address(self) -> str:
        """The agent's socket; on Windows a pipe's name. Long paths get a short name in the runtime folder instead."""
        digest = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
        if os.name == "nt":
            return rf"\\.\pipe\mulberry-{digest}"
        beside = self.path / "agent.sock"
        if len(os.fsencode(beside)) <= SOCKET_PATH_LIMIT_BYTES:
            return str(beside)
        runtime = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return str(Path(runtime) / f"mulberry-{os.getuid()}-{digest}" / "agent.sock")

    @property
    def window_address(self) -> str:
        """Where the window listens to other starts, beside the agent's socket."""
        if os.name == "nt":
            return f"{self.control_address}-window"
        return str(Path(self.control_address).with_name("window.sock"))

    @property
    def window_lock(self) -> Path:
        """Held by the window for as long as it lives."""
        return self.path / "window.lock"


def is_bundled(network: str) -> bool:
    """Whether a network of this name comes with Mulberry."""
    try:
        return resource(f"networks/{network}.json").is_file()
    except FileNotFoundError:
        return False


def is_known_network(root: Path, name: str) -> bool:
    """Whether it comes with Mulberry or was joined by a file."""
    return NETWORK_NAME.fullmatch(name) is not None and (
        is_bundled(name) or DataFolder.of_network(root, name).profile.is_file()
    )
