"""A small proxy with a key and the contracts that follow from it: it can name the right addresses and sign payments."""

from nacl.signing import SigningKey

from mulberry.cocoon.messages import (
    CompareBalanceWithProxy,
    CompareBalanceWithProxyResult,
    ConnectedToProxy,
    ConnectToProxy,
    ProxyParams,
    SignedPayment,
    SignedPaymentEmpty,
    WorkerRequestPayment,
)
from mulberry.model.root_contract import RootParameters
from mulberry.ton.address import Address
from mulberry.ton.contracts import proxy_contract_address, worker_contract_address
from mulberry.ton.payment import build_payment
from small_proxy import SmallProxy, request_id

PROXY_OWNER = Address(b"\x22" * 32)


class PayingProxy(SmallProxy):
    """Of the network with `parameters`, for the worker that is paid at `owner`."""

    def __init__(self, parameters: RootParameters, owner: Address, key: SigningKey | None = None) -> None:
        super().__init__()
        self.parameters = parameters
        self.owner = owner
        self.signed: SignedPayment | SignedPaymentEmpty = SignedPaymentEmpty()
        self.become(key or SigningKey(b"\x05" * 32))

    def become(self, key: SigningKey) -> None:
        """From the next handshake on."""
        public = bytes(key.verify_key)
        contract = proxy_contract_address(self.parameters, public, PROXY_OWNER)
        self.key = key
        self.worker_contract = worker_contract_address(self.parameters, public, contract, self.owner)
        self.params = ProxyParams(public, PROXY_OWNER.friendly(), contract.friendly(), is_test=True, proto_version=2)
        self.answers[ConnectToProxy] = ConnectedToProxy(self.params, self.worker_contract.friendly())

    @property
    def public_key(self) -> str:
        return bytes(self.key.verify_key).hex()

    def remembers(self, committed_to_db: int, max_known: int) -> None:
        """What it says at the next handshake."""
        balance = CompareBalanceWithProxyResult(self.signed, committed_to_db, max_known, 0)
        self.answers[CompareBalanceWithProxy] = balance

    def sign(self, tokens: int) -> None:
        """A payment for all that was ever earned; it goes with everything that is said from now on."""
        boc = build_payment(
            self.key, query_id=1, excess_address=PROXY_OWNER, worker_contract=self.worker_contract, tokens=tokens
        )
        self.signed = SignedPayment(boc)
        self.send(self.signed)

    def confirm(self, number: int, *, tokens: int, max_known: int) -> None:
        """Its word on request `number`, and on all of them."""
        self.send(
            WorkerRequestPayment(
                request_id=request_id(number),
                signed_payment=self.signed,
                db_tokens=max_known,
                max_tokens=max_known,
                request_tokens=tokens,
                request_client_owner="",
            )
        )
