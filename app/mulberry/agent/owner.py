"""Who is paid: an address of the owner's, one for each network. Whoever holds its key also commands the node wallet."""

from mulberry.model.errors import UserFacingError
from mulberry.model.language import tr
from mulberry.model.network import NetworkProfile
from mulberry.ton.address import Address, AddressError, parse_address

HOW = "`mulberry owner ADDRESS`"


def read_owner(untrusted_address: str, profile: NetworkProfile) -> Address:
    """Raises `UserFacingError`: it is none, or on this network no money can go there."""
    if not untrusted_address:
        raise UserFacingError(
            what=tr("Nobody is named who is to be paid."),
            why=tr("This network pays to an address of yours, and none is set."),
            next_step=tr("Name your wallet's address with {how}, then press Start.", how=HOW),
        )
    real_money = profile.kind == "mainnet"
    try:
        owner = parse_address(untrusted_address, real_money=real_money)
    except AddressError as problem:
        raise _cannot_be_paid(untrusted_address, f"{problem}.") from problem
    if real_money and not any(owner.account):
        raise _cannot_be_paid(untrusted_address, tr("nobody holds a key of the address of zeros."))
    if real_money and owner.raw == _raw(profile.root_contract_address):
        raise _cannot_be_paid(untrusted_address, tr("it is the network's root contract, not a wallet of yours."))
    return owner


def _raw(untrusted_address: str) -> str:
    """ "" if it is none, which the start-up tells."""
    try:
        return parse_address(untrusted_address).raw
    except AddressError:
        return ""


def _cannot_be_paid(address: str, why: str) -> UserFacingError:
    return UserFacingError(
        what=tr("Payouts cannot go to {address}.", address=address),
        why=f"{why[:1].upper()}{why[1:]}",
        next_step=tr("Name an address of a wallet of yours with {how}, then press Start.", how=HOW),
    )
