"""The root contract: who takes part in the network and at what prices. Source: protocol page, section 6.

Its data come from the chain, so everything in it is bounded before it is kept. A list entry that is no address is left
out, as the public programs do: one proxy's mistake must not stop all the others.
"""

from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address

from pytoniq_core.boc.cell import Cell

from mulberry.model.root_contract import ProxyAddress, Registration, RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.cells import CellReader, CellShapeError, CellWriter
from mulberry.ton.contract_params import contract_code, params_cell, read_params
from mulberry.ton.dictionaries import read_dictionary, write_dictionary

HASH_BITS, SEQNO_BITS = 256, 32
MAX_PROXIES = 10_000
MAX_HASHES = 10_000  # of each of the three kinds
LARGEST_PORT = 65_535


def root_data(params: RootParameters) -> Cell:
    """The root contract's data. `params` need an owner. Raises `AddressError` or `BocError` if they are not usable."""
    codes = (contract_code(boc) if boc else None for boc in (params.proxy_code, params.worker_code, params.client_code))
    parts = CellWriter().maybe_reference(_hash_set(params.proxy_hashes))
    listed = {entry.seqno: registration_value(entry) for entry in params.registrations}
    parts.maybe_reference(write_dictionary(listed, key_bits=SEQNO_BITS)).uint(params.last_proxy_seqno, 32)
    parts.maybe_reference(_hash_set(params.worker_hashes)).maybe_reference(_hash_set(params.model_hashes))
    root = CellWriter().address(parse_address(params.owner_address)).reference(parts.cell())
    return root.reference(params_cell(params, *codes)).uint(params.version, 32).cell()


def read_root(untrusted_data: Cell, *, root: Address) -> RootParameters:
    """What the root contract at `root` says. Raises `CellShapeError`."""
    reader = CellReader(untrusted_data)
    owner = reader.address()
    parts = CellReader(reader.reference())
    params = read_params(reader.reference(), root_address=root.raw)
    version = reader.uint(4)
    reader.finish()
    proxy_hashes = _read_hash_set(parts)
    registrations = _read_registrations(parts)
    last_proxy_seqno = parts.uint(4)
    worker_hashes, model_hashes = _read_hash_set(parts), _read_hash_set(parts)
    parts.finish()
    return replace(
        params,
        version=version,
        owner_address=owner.raw,
        proxies=tuple(entry.for_workers for entry in registrations),
        registrations=registrations,
        last_proxy_seqno=last_proxy_seqno,
        proxy_hashes=proxy_hashes,
        worker_hashes=worker_hashes,
        model_hashes=model_hashes,
    )


def registration_text(untrusted: str, seqno: int) -> Registration | None:
    """The proxy that registered with this text, `ip:port` or `ip:port ip:port`; None if it says neither."""
    addresses = [_proxy_address(part) for part in untrusted.split(" ")]
    match addresses:
        case [ProxyAddress() as both]:
            return Registration(seqno, both, both)
        case [ProxyAddress() as for_workers, ProxyAddress() as for_clients]:
            return Registration(seqno, for_workers, for_clients)
    return None


def registration_value(registration: Registration) -> Cell:
    """A proxy's entry in the list, without its seqno, which is the key."""
    text = registration.text.encode("ascii")
    return CellWriter().flag(False).uint(len(text), 7).bytes(text).cell()


def _hash_set(hashes: tuple[bytes, ...]) -> Cell | None:
    nothing = CellWriter().cell()
    return write_dictionary({int.from_bytes(item, "big"): nothing for item in hashes}, key_bits=HASH_BITS)


def _read_hash_set(reader: CellReader) -> tuple[bytes, ...]:
    """Ascending. What stands beside a hash says nothing to us."""
    hashes = read_dictionary(reader.maybe_reference(), key_bits=HASH_BITS, max_entries=MAX_HASHES)
    return tuple(number.to_bytes(HASH_BITS // 8, "big") for number in hashes)


def _read_registrations(reader: CellReader) -> tuple[Registration, ...]:
    """In the order of their seqno."""
    values = read_dictionary(reader.maybe_reference(), key_bits=SEQNO_BITS, max_entries=MAX_PROXIES)
    read = (_read_registration(seqno, value) for seqno, value in values.items())
    return tuple(registration for registration in read if registration)


def _read_registration(seqno: int, value: CellReader) -> Registration | None:
    try:
        if value.flag():
            return None
        untrusted_text = value.bytes(value.number(7)).decode("ascii")
    except (CellShapeError, UnicodeDecodeError):
        return None
    return registration_text(untrusted_text, seqno)


def _proxy_address(untrusted: str) -> ProxyAddress | None:
    host, _, port = untrusted.rpartition(":")
    try:
        IPv4Address(host)
    except AddressValueError:
        return None
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) <= LARGEST_PORT):
        return None
    return ProxyAddress(host, int(port))
