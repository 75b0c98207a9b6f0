"""The root contract names the prices and who may be trusted: it must be read exactly, and nothing in it may do harm."""

from dataclasses import replace

import pytest
from bitarray import bitarray
from hypothesis import given
from hypothesis import strategies as st
from pytoniq_core.boc.cell import Cell

from hostile_cells import any_cells, bits_of, bomb, library_reference, spoilt
from mulberry.model.money import Nanoton
from mulberry.model.root_contract import ONE_TON, ProxyAddress, Registration, RootParameters
from mulberry.ton.address import Address, parse_address
from mulberry.ton.boc import write_boc
from mulberry.ton.cells import CellShapeError, CellWriter
from mulberry.ton.contract_params import params_cell
from mulberry.ton.dictionaries import write_dictionary
from mulberry.ton.root import read_root, registration_text, root_data

ROOT = parse_address("EQCns7bYSp0igFvS1wpb5wsZjCKCV19MD5AVzI4EyxsnU73k")  # mainnet's, protocol page, section 6
OWNER = Address(bytes([7]) * 32)
HERE = ProxyAddress("127.0.0.1", 11001)
THERE = ProxyAddress("203.0.113.9", 443)
BASE = RootParameters(
    root_address=ROOT.raw,
    owner_address=OWNER.raw,
    price_per_token=Nanoton(24),
    worker_fee_per_token=Nanoton(20),
    proxies=(),
    version=5,
    params_version=2,
    struct_version=3,
)

hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=8, unique=True).map(sorted).map(tuple)
addresses = st.builds(
    lambda parts, port: ProxyAddress(".".join(map(str, parts)), port),
    st.tuples(*[st.integers(0, 255)] * 4),
    st.integers(1, 65_535),
)
registrations = (
    st.lists(
        st.builds(Registration, st.integers(0, 2**32 - 1), addresses, addresses),
        max_size=6,
        unique_by=lambda entry: entry.seqno,
    )
    .map(lambda entries: sorted(entries, key=lambda entry: entry.seqno))
    .map(tuple)
)
codes = any_cells().map(write_boc)
uint32 = st.integers(0, 2**32 - 1)
coins = st.integers(0, 2**120 - 1).map(Nanoton)


@st.composite
def parameters(draw: st.DrawFn) -> RootParameters:
    """Any root contract, with the fields that its struct version has."""
    version = draw(st.integers(0, 3))
    listed = draw(registrations)
    params = RootParameters(
        root_address=ROOT.raw,
        owner_address=Address(draw(st.binary(min_size=32, max_size=32))).raw,
        price_per_token=draw(coins),
        worker_fee_per_token=draw(coins),
        proxies=tuple(entry.for_workers for entry in listed),
        registrations=listed,
        last_proxy_seqno=draw(uint32),
        version=draw(uint32),
        params_version=draw(uint32),
        proxy_hashes=draw(hashes),
        worker_hashes=draw(hashes),
        model_hashes=draw(hashes),
        proxy_code=draw(st.just(b"") | codes),
        worker_code=draw(st.just(b"") | codes),
        client_code=draw(st.just(b"") | codes),
        struct_version=version,
        unique_id=draw(uint32),
        is_test=draw(st.booleans()),
        proxy_delay_before_close_seconds=draw(uint32),
        client_delay_before_close_seconds=draw(uint32),
    )
    if version >= 1:
        params = replace(params, min_proxy_stake=draw(coins), min_client_stake=draw(coins))
    if version >= 2:
        params = replace(params, cached_multiplier=draw(uint32), reasoning_multiplier=draw(uint32))
    if version >= 3:
        params = replace(params, prompt_multiplier=draw(uint32), completion_multiplier=draw(uint32))
    return params


@given(parameters())
def test_written_and_read_again(params: RootParameters) -> None:
    data = root_data(params)
    assert read_root(data, root=ROOT) == params
    assert root_data(read_root(data, root=ROOT)).hash == data.hash


def test_the_data_bit_by_bit() -> None:
    """By hand from the protocol page, section 6."""
    listed = (Registration(1, HERE, THERE),)
    data = root_data(replace(BASE, registrations=listed, last_proxy_seqno=1, model_hashes=(bytes([255]) * 32,)))
    owner = "100 00000000" + "00000111" * 32
    assert bitarray(data.bits) == bits_of(f"{owner} {5:032b}")
    parts, params = data.refs
    assert bitarray(parts.bits) == bits_of(f"0 1 {1:032b} 0 1")  # which of the four dictionaries there are
    proxies, models = parts.refs
    text = b"127.0.0.1:11001 203.0.113.9:443"
    expected = bits_of(f"10 100000 {1:032b} 0 {len(text):07b}")
    expected.frombytes(text)
    assert bitarray(proxies.bits) == expected
    assert bitarray(models.bits) == bits_of("11 1 100000000")
    assert params.hash == params_cell(BASE, None, None, None).hash


@pytest.mark.parametrize(
    ("version", "bits"),
    [
        (0, "{600:032b} {300:032b}"),
        (1, "{600:032b} {300:032b} 0100 {10**9:032b} 0100 {10**9:032b}"),
        (2, "{11:032b} {13:032b} {600:032b} {300:032b} 0100 {10**9:032b} 0100 {10**9:032b}"),
        (3, "{10:032b} {11:032b} {12:032b} {13:032b} {600:032b} {300:032b} 0100 {10**9:032b} 0100 {10**9:032b}"),
    ],
)
def test_each_struct_version_bit_by_bit(version: int, bits: str) -> None:
    """Multipliers 10 to 13 in the order prompt, cached, completion, reasoning; 1.0 where a version has none."""
    params = replace(
        BASE,
        struct_version=version,
        prompt_multiplier=10 if version == 3 else 10_000,
        cached_multiplier=11 if version >= 2 else 10_000,
        completion_multiplier=12 if version == 3 else 10_000,
        reasoning_multiplier=13 if version >= 2 else 10_000,
    )
    start = f"{version:08b} {2:032b} {13:032b} 1 0001 {24:08b} 0001 {20:08b}"
    rest = eval(f'f"{bits}"')  # noqa: S307 - the table above, nobody else's text
    cell = params_cell(params, None, None, None)
    assert bitarray(cell.bits) == bits_of(f"{start} {rest} 000")
    assert read_root(root_data(params), root=ROOT) == params


def test_what_old_versions_do_not_say_has_the_fixed_value() -> None:
    params = read_root(root_data(replace(BASE, struct_version=0, min_proxy_stake=Nanoton(5))), root=ROOT)
    assert (params.min_proxy_stake, params.cached_multiplier) == (ONE_TON, 10_000)


def test_a_newer_struct_version_is_refused_by_name() -> None:
    with pytest.raises(CellShapeError, match="version 4"):
        read_root(root_data(replace(BASE, struct_version=4)), root=ROOT)


@pytest.mark.parametrize(
    "text",
    ["", " ", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "127.0.0.1:8_0",
     "localhost:80", "::1:80", "127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0.1:80 x", "127.0.0.1:80  10.0.0.1:80",
     "127.0.0.1:80 10.0.0.1:80 10.0.0.2:80", "127.1:80", "010.0.0.1:80", "127.0.0.1:٨٠", "127.0.0.1:80\n"],
)  # fmt: skip
def test_an_entry_that_is_no_address_is_left_out(text: str) -> None:
    assert registration_text(text, 1) is None


def test_one_bad_entry_does_not_hide_the_others() -> None:
    def listed(*values: bytes) -> RootParameters:
        entries = {number: CellWriter().uint(len(value), 8).bytes(value).cell() for number, value in enumerate(values)}
        entries[1_000] = CellWriter().uint(0x80, 8).cell()  # not a text
        entries[1_001] = CellWriter().uint(100, 8).bytes(b"127.0.0.1:80").cell()  # cut short
        parts = CellWriter().maybe_reference(None).maybe_reference(write_dictionary(entries, key_bits=32))
        parts.uint(0, 32).maybe_reference(None).maybe_reference(None)
        data = CellWriter().address(OWNER).reference(parts.cell())
        return read_root(data.reference(params_cell(BASE, None, None, None)).uint(1, 32).cell(), root=ROOT)

    assert listed(b"127.0.0.1:11001", b"\xff\xfe", b"nonsense", b"203.0.113.9:443").proxies == (HERE, THERE)


def test_a_dictionary_bomb_is_refused() -> None:
    parts = CellWriter().maybe_reference(bomb(256)).maybe_reference(None).uint(0, 32)
    parts.maybe_reference(None).maybe_reference(None)
    data = CellWriter().address(OWNER).reference(parts.cell()).reference(params_cell(BASE, None, None, None))
    with pytest.raises(CellShapeError, match="entries"):
        read_root(data.uint(1, 32).cell(), root=ROOT)


def test_a_code_that_cannot_be_used_is_refused() -> None:
    deep = Cell(bitarray(), [library_reference()])
    parts = CellWriter().maybe_reference(None).maybe_reference(None).uint(0, 32)
    parts.maybe_reference(None).maybe_reference(None)
    data = CellWriter().address(OWNER).reference(parts.cell()).reference(params_cell(BASE, None, deep, None))
    with pytest.raises(CellShapeError, match="code is not usable"):
        read_root(data.uint(1, 32).cell(), root=ROOT)


@given(any_cells())
def test_any_cells_are_refused(data: Cell) -> None:
    with pytest.raises(CellShapeError):
        read_root(data, root=ROOT)


@given(parameters().map(root_data).flatmap(lambda data: spoilt(data)))
def test_a_spoilt_root_is_refused_or_says_something_else(data: Cell) -> None:
    try:
        read = read_root(data, root=ROOT)
    except CellShapeError:
        return
    assert root_data(read).hash == data.hash
