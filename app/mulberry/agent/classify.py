"""What a transaction was: by whose account it is on, the operation, and the addresses that we know. Pure.

An operation alone proves nothing, for anyone may write any: money counts as a payout only when it comes from a
proxy's contract that we know.
"""

from dataclasses import dataclass

from mulberry.model.money import Nanoton
from mulberry.model.wallet import AccountRole, TransactionKind
from mulberry.ton.address import Address
from mulberry.ton.chain.nouns import Message, Transaction
from mulberry.ton.messages import Operation

SPAM_BELOW = Nanoton(10_000_000)  # strangers who want something send less than this
CASHING = (Operation.PAYMENT, Operation.LAST_PAYMENT)


@dataclass(frozen=True, slots=True)
class Ours:
    """The addresses that we know. `proxy_contracts` are those of the proxies that pay us."""

    owner: Address
    node_wallet: Address
    worker_contracts: frozenset[Address] = frozenset()
    proxy_contracts: frozenset[Address] = frozenset()


def classify(transaction: Transaction, role: AccountRole, ours: Ours) -> TransactionKind:
    """The kind of a transaction on our account of that role."""
    incoming = transaction.incoming
    if (incoming is not None and incoming.bounced) or transaction.returned:
        return TransactionKind.BOUNCED
    match role:
        case AccountRole.OWNER:
            return _on_owner(incoming, transaction.outgoing, ours)
        case AccountRole.NODE_WALLET:
            return _on_node_wallet(incoming, transaction.outgoing, ours)
        case AccountRole.WORKER_CONTRACT:
            return _on_worker_contract(incoming, ours)


def concerns_us(transaction: Transaction, ours: Ours) -> bool:
    """Whether a transaction on the owner's account has to do with the node. What claims to be a payout is kept too:
    its sender may become known later."""
    incoming = transaction.incoming
    if incoming is not None and incoming.operation == Operation.PAYOUT:
        return True
    known = {ours.node_wallet, *ours.worker_contracts, *ours.proxy_contracts}
    others = {incoming.source if incoming else None, *(message.destination for message in transaction.outgoing)}
    return not known.isdisjoint(others)


def counterparty(transaction: Transaction) -> Address | None:
    """With whom the money was exchanged; None: nobody, or outside of workchain 0."""
    incoming = transaction.incoming
    if incoming is not None and not _from_outside(incoming):
        return incoming.source
    return next((message.destination for message in transaction.outgoing), None)


def amount(transaction: Transaction) -> Nanoton:
    """What came in less what went out, fees apart."""
    came = transaction.incoming.value if transaction.incoming else 0
    return Nanoton(came - sum(message.value for message in transaction.outgoing))


def has_worked(transaction: Transaction, role: AccountRole) -> bool:
    """Whether it did what it was for. Money that stays has arrived, though no code ran on an account that has none, or
    the code there minded; a command that the code refused has failed."""
    incoming = transaction.incoming
    if transaction.success or incoming is None:
        return transaction.success
    is_command = role is AccountRole.WORKER_CONTRACT or incoming.operation == Operation.WALLET_COMMAND
    return not is_command and incoming.value > 0 and not transaction.returned


def _from_outside(message: Message) -> bool:
    return message.source is None and not message.elsewhere


def _on_owner(incoming: Message | None, outgoing: tuple[Message, ...], ours: Ours) -> TransactionKind:
    if incoming is not None and incoming.source in ours.proxy_contracts and incoming.operation == Operation.PAYOUT:
        return TransactionKind.PAYOUT
    if incoming is not None and incoming.source in {ours.node_wallet, *ours.worker_contracts}:
        return TransactionKind.EXCESS if incoming.operation == Operation.EXCESSES else TransactionKind.WITHDRAWAL
    for message in outgoing:
        if message.destination in {ours.node_wallet, *ours.worker_contracts}:
            commands = message.operation == Operation.WALLET_COMMAND
            return TransactionKind.WITHDRAWAL if commands else TransactionKind.TOP_UP
    return TransactionKind.FOREIGN


def _on_node_wallet(incoming: Message | None, outgoing: tuple[Message, ...], ours: Ours) -> TransactionKind:
    if any(message.destination == ours.owner for message in outgoing):
        return TransactionKind.WITHDRAWAL
    if incoming is None:
        return TransactionKind.FOREIGN
    if _from_outside(incoming):  # signed by our key
        if any(message.operation in CASHING for message in outgoing):
            return TransactionKind.CASH_OUT
        return TransactionKind.DEPLOY if outgoing else TransactionKind.FOREIGN
    if incoming.source == ours.owner and incoming.operation == Operation.WALLET_COMMAND:
        return TransactionKind.WITHDRAWAL
    return _money_from_others(incoming, ours)


def _on_worker_contract(incoming: Message | None, ours: Ours) -> TransactionKind:
    if incoming is None:
        return TransactionKind.FOREIGN
    if incoming.operation in CASHING:
        return TransactionKind.CASH_OUT
    if incoming.source == ours.node_wallet and incoming.operation is None:
        return TransactionKind.DEPLOY
    return _money_from_others(incoming, ours)


def _money_from_others(incoming: Message, ours: Ours) -> TransactionKind:
    known = {ours.node_wallet, *ours.worker_contracts, *ours.proxy_contracts}
    if incoming.operation == Operation.EXCESSES and incoming.source in known:
        return TransactionKind.EXCESS
    if incoming.source != ours.owner and incoming.value < SPAM_BELOW:
        return TransactionKind.SPAM
    plain = incoming.operation in (None, Operation.COMMENT)
    return TransactionKind.TOP_UP if plain or incoming.source == ours.owner else TransactionKind.FOREIGN
