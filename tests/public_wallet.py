"""A wallet v3r2, its code and messages made by pytoniq: tests of the local chain trust no code of ours."""

from bitarray import bitarray
from nacl.signing import SigningKey
from pytoniq.contract.contract import Contract
from pytoniq.contract.wallets.wallet import WALLET_V3_R2_CODE, WalletV3R2
from pytoniq_core.boc.address import Address as LibraryAddress
from pytoniq_core.boc.cell import Cell
from pytoniq_core.tlb.account import StateInit
from pytoniq_core.tlb.custom.wallet import WalletMessage

from mulberry.ton.address import Address
from mulberry.ton.boc import write_boc

SUBWALLET = 698_983_191
FOR_EVER = 2**32 - 1


class PublicWallet:
    """The wallet whose key is made of `seed`."""

    def __init__(self, seed: bytes = b"w") -> None:
        self._key = SigningKey(seed.ljust(32, b"\0"))
        self.data = WalletV3R2.create_data_cell(bytes(self._key.verify_key), SUBWALLET, 0)
        self.init = StateInit(code=WALLET_V3_R2_CODE, data=self.data)
        self.address = Address(self.init.serialize().hash)

    def deploy(self) -> bytes:
        """The external message with which the wallet comes into being. It needs some money before."""
        return self._external(self._body(0, []), self.init)

    def transfer(
        self,
        seqno: int,
        to: Address,
        nanoton: int,
        body: Cell | None = None,
        *,
        mode: int = 3,
        valid_until: int = FOR_EVER,
    ) -> bytes:
        """The external message that sends `nanoton` to `to`, not bounced. `valid_until`: Unix time."""
        destination = LibraryAddress((0, to.account))
        message = WalletV3R2.create_wallet_internal_message(destination, mode, nanoton, body or Cell(bitarray(), []))
        return self._external(self._body(seqno, [message], valid_until))

    def _body(self, seqno: int, messages: list[WalletMessage], valid_until: int = FOR_EVER) -> Cell:
        secret = bytes(self._key) + bytes(self._key.verify_key)
        body: Cell = WalletV3R2.raw_create_transfer_msg(secret, seqno, SUBWALLET, messages, valid_until)
        return body

    def _external(self, body: Cell, init: StateInit | None = None) -> bytes:
        destination = LibraryAddress((0, self.address.account))
        return write_boc(Contract.create_external_msg(dest=destination, state_init=init, body=body).serialize())
