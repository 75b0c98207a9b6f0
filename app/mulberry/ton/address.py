"""Account addresses, in the two texts people use. Source: TON's TEP-2 and the protocol page, section 6.

Cocoon lives in workchain 0, so an `Address` is 32 bytes and nothing else. Bounceable or not and test or not are ways of
writing an address down, not parts of it: they are lost on purpose.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from mulberry.model.language import tr

ACCOUNT_BYTES = 32
BOUNCEABLE = 0x11
NON_BOUNCEABLE = 0x51
TEST_ONLY = 0x80

_RAW = re.compile(r"0:([0-9a-fA-F]{64})", re.ASCII)
_FRIENDLY = re.compile(r"[A-Za-z0-9+/]{48}|[A-Za-z0-9_-]{48}", re.ASCII)


class AddressError(ValueError):
    """The text is no address in workchain 0. Its message is a sentence that may be shown."""


@dataclass(frozen=True, slots=True)
class Address:
    """An account in workchain 0."""

    account: bytes  # 32 bytes: the hash of the contract's StateInit

    def __post_init__(self) -> None:
        if len(self.account) != ACCOUNT_BYTES:
            raise AddressError(f"an account has {ACCOUNT_BYTES} bytes, not {len(self.account)}")

    @property
    def raw(self) -> str:
        """`0:` and 64 hexadecimal digits."""
        return f"0:{self.account.hex()}"

    def friendly(self, *, bounceable: bool = False, test_only: bool = False) -> str:
        """48 characters with a checksum: `UQ…`, or `EQ…` when bounceable, `0Q…` and `kQ…` on test networks."""
        tag = (BOUNCEABLE if bounceable else NON_BOUNCEABLE) | (TEST_ONLY if test_only else 0)
        body = bytes([tag, 0]) + self.account
        return base64.urlsafe_b64encode(body + _checksum(body)).decode()

    def __str__(self) -> str:
        return self.friendly()


def parse_address(untrusted_text: str, *, real_money: bool = False) -> Address:
    """Reads the raw or either friendly form. With `real_money` one that is marked for test networks is refused.

    Raises `AddressError`.
    """
    if raw := _RAW.fullmatch(untrusted_text):
        return Address(bytes.fromhex(raw[1]))
    if not _FRIENDLY.fullmatch(untrusted_text):
        raise AddressError(tr("not an address: neither 0: and 64 hexadecimal digits nor 48 characters like UQ…"))
    decoded = base64.urlsafe_b64decode(untrusted_text.replace("+", "-").replace("/", "_"))
    body, checksum = decoded[:-2], decoded[-2:]
    if checksum != _checksum(body):
        raise AddressError(tr("the address has a typing mistake: its checksum does not fit"))
    if body[0] & ~TEST_ONLY not in (BOUNCEABLE, NON_BOUNCEABLE):
        raise AddressError(tr("not an account's address"))
    if real_money and body[0] & TEST_ONLY:
        raise AddressError(
            tr("the address is marked for test networks only; copy it from a wallet on the main network")
        )
    if body[1] != 0:
        raise AddressError(tr("the address is not in workchain 0, where Cocoon lives"))
    return Address(body[2:])


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0).to_bytes(2, "big")
