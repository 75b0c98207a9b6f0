"""Which addresses models are fetched from: https, and plain http only from this computer."""

import ipaddress
from urllib.parse import urlsplit

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.shown import shown
from mulberry.runtime.manifest import MANIFEST


def manifest_address(untrusted_address: str) -> str:
    """The address of the manifest, whether it or its folder was named. Raises `UserFacingError`."""
    check_address(untrusted_address)
    parts = urlsplit(untrusted_address)
    if parts.query or parts.fragment:
        raise refused_address(untrusted_address, tr("It has a query, which would be lost for the other files."))
    if parts.path.endswith(f"/{MANIFEST}"):
        return untrusted_address
    return f"{untrusted_address.rstrip('/')}/{MANIFEST}"


def check_address(untrusted_address: str) -> None:
    """Raises `UserFacingError`."""
    try:
        parts = urlsplit(untrusted_address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refused_address(untrusted_address, tr("It is not well formed.")) from None
    if parts.username is not None or parts.password is not None:
        raise refused_address(untrusted_address, tr("It has a name or a password in it."))
    if not host or parts.scheme not in ("https", "http"):
        raise refused_address(untrusted_address, tr("It does not begin with https://."))
    if parts.scheme == "http" and not _is_this_computer(host):
        raise refused_address(untrusted_address, tr("It begins with http://, and anybody on the way could change it."))


def check_onward(address: str, untrusted_next: str) -> None:
    """What the server at `address` redirects to. One far away must not send us to this computer, where programs may
    obey whoever asks them. Raises `UserFacingError`."""
    check_address(untrusted_next)
    if urlsplit(address).scheme == "https" != urlsplit(untrusted_next).scheme:
        raise refused_address(untrusted_next, tr("It does not begin with https://."))


def refused_address(untrusted_address: str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("Nothing is fetched from {address}.", address=f"{without_secrets(untrusted_address)!r}"),
        why=why,
        next_step=tr("Name a folder of this computer, or an address that begins with https://."),
    )


def without_secrets(untrusted_address: str) -> str:
    """For people and logs: no user, no query, nothing that a terminal obeys."""
    plain = untrusted_address.partition("?")[0].partition("#")[0]
    scheme, slashes, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return shown(f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}", 300)


def _is_this_computer(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
