"""What an agent tells of newer versions, for tests of what shows it."""

from datetime import date, timedelta

from mulberry.model.update import InstalledBy, Release, UpdateStatus
from samples import NOON

NOTES = """Faster start, and a page for the weather of the network.

- The first request is answered a second earlier.
- A payout that would cost more than it brings says so on the Wallet page."""
RELEASE = Release("0.2.0", date(2026, 11, 20), NOTES, ())
NOTHING_KNOWN = UpdateStatus(
    "0.1.0",
    InstalledBy.APPIMAGE,
    NOON,
    feed="releases.example",
    how="It is one file of yours, which is replaced when no request runs.",
    by_itself=True,
)
A_NEWER_VERSION = UpdateStatus(
    "0.1.0",
    InstalledBy.APPIMAGE,
    NOON,
    feed="releases.example",
    how="It is one file of yours, which is replaced when no request runs.",
    by_itself=True,
    checks=True,
    offered=RELEASE,
    takes_bytes=98_000_000,
    checked_at=NOON - timedelta(hours=3),
)
