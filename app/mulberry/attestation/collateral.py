"""Intel's word on TDX platforms, kept in a folder: revocation lists, TCB levels, the quoting enclave's identity.

One file per platform family and PCK authority, `FMSPC_AUTHORITY.json` in dcap-qvl's form of QuoteCollateralV3. It lives
about 30 days. Every part is signed under Intel's root, so it may come from anywhere; `tdx` checks the signatures.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from mulberry.model.files import read_bounded

_FILE_NAME = re.compile(r"([0-9A-F]{12})_(platform|processor)\.json")


class Collateral(Protocol):
    """Where collateral comes from."""

    def find(self, fmspc: str, ca: str) -> str | None:
        """The JSON for a platform family (12 upper-case hex digits) and authority (`platform`, `processor`), if any."""
        ...


@dataclass(frozen=True, slots=True)
class Shelved:
    """One platform family whose collateral is here. `expires` None: the file is broken."""

    fmspc: str
    ca: str
    expires: datetime | None


class CollateralFolder:
    """Collateral that was fetched before. Nothing here asks the network."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, fmspc: str, ca: str) -> str | None:
        name = file_name(fmspc, ca)
        if name is None:
            return None
        try:
            content = read_bounded(self._folder / name)
            return None if content is None else content.decode()
        except (OSError, ValueError):
            return None

    def shelf(self) -> list[Shelved]:
        """What is here, for the faces."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            if named := _FILE_NAME.fullmatch(path.name):
                content = self.find(named[1], named[2])
                try:
                    expires = None if content is None else expiry(content)
                except ValueError:
                    expires = None
                found.append(Shelved(named[1], named[2], expires))
        return found


def file_name(fmspc: str, ca: str) -> str | None:
    """None: they name no platform family and authority. Both are read off a stranger's certificate."""
    name = f"{fmspc}_{ca}.json"
    return name if _FILE_NAME.fullmatch(name) else None


def expiry(collateral_json: str) -> datetime:
    """When the first of the parts runs out. Raises `ValueError`: not collateral."""
    from cryptography import x509

    try:
        parts = json.loads(collateral_json)
        ends = [datetime.fromisoformat(json.loads(parts[part])["nextUpdate"]) for part in ("tcb_info", "qe_identity")]
        lists = [x509.load_der_x509_crl(bytes.fromhex(parts[part])) for part in ("root_ca_crl", "pck_crl")]
        return min(*ends, *(each.next_update_utc for each in lists if each.next_update_utc is not None))
    except (KeyError, TypeError, ValueError, RecursionError) as problem:
        raise ValueError("not collateral for TDX quotes") from problem
