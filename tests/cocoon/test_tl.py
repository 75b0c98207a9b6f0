"""The codec reads what strangers send: it must be total, bounded, and have one encoding for each value."""

import math
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon import tl
from mulberry.cocoon.messages import (
    HttpHeader,
    HttpRequest,
    QueryAnswerEx,
    RunQueryEx,
    SignedPaymentEmpty,
    TcpPacket,
    TcpPing,
    TcpQueryError,
    WorkerParams,
)
from mulberry.cocoon.tl import MESSAGES, Flag, Message, TlError, decode, decode_as, encode
from recorded import bodies

ROWS = sorted(MESSAGES.values(), key=lambda row: row.tl_name)
INT32, INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
PRIMITIVES: dict[Any, st.SearchStrategy[Any]] = {
    tl.Int32: INT32,
    tl.Int64: INT64,
    tl.Double: st.floats(allow_nan=False),
    tl.Bool: st.booleans(),
    tl.Int256: st.binary(min_size=32, max_size=32),
    tl.Bytes: st.binary(max_size=600),
    tl.String: st.text(max_size=80),
}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value that a field with this annotation can hold."""
    if annotation in PRIMITIVES:
        return PRIMITIVES[annotation]
    if get_origin(annotation) is tuple:
        return st.lists(values_of(get_args(annotation)[0]), max_size=4).map(tuple)
    if isinstance(annotation, type):
        return messages_of(annotation)
    return st.one_of([messages_of(kind) for kind in get_args(annotation)])


def messages_of(row: type[Message]) -> st.SearchStrategy[Message]:
    always: dict[str, st.SearchStrategy[Any]] = {}
    groups: dict[int, dict[str, Any]] = {}
    for name, annotation in get_type_hints(row, include_extras=True).items():
        metadata = getattr(annotation, "__metadata__", ())
        if metadata and isinstance(metadata[0], Flag):
            groups.setdefault(metadata[0].bit, {})[name] = get_args(get_args(annotation)[0])[0]
        elif get_origin(annotation) is not ClassVar:
            always[name] = values_of(annotation)

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        fields = {name: draw(strategy) for name, strategy in always.items()}
        for group in groups.values():
            if draw(st.booleans()):
                fields |= {name: draw(values_of(annotation)) for name, annotation in group.items()}
        return row(**fields)

    return build()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.tl_name)
def test_every_row_of_the_table_comes_back_as_it_went(row: type[Message]) -> None:
    @given(messages_of(row))
    def comes_back(message: Message) -> None:
        encoded = encode(message)
        assert len(encoded) % 4 == 0
        assert encoded[:4] == row.tl_id.to_bytes(4, "little")
        assert decode(encoded) == message
        assert decode_as(row, encoded) == message

    comes_back()


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value_or_the_one_error(data: bytes) -> None:
    check(data)


@given(st.sampled_from(ROWS), st.binary(max_size=300))
def test_any_bytes_behind_a_known_id_give_a_value_or_the_one_error(row: type[Message], data: bytes) -> None:
    check(row.tl_id.to_bytes(4, "little") + data)


@given(
    st.sampled_from(bodies("proxy-to-worker.bin") + bodies("worker-to-proxy.bin")),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6),
    st.integers(0, 2**16),
)
def test_mutated_recordings_give_a_value_or_the_one_error(
    body: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(body)
    for position, value in changes:
        data[position % len(data)] = value
    check(bytes(data))
    check(bytes(data[: cut % len(data)]))


def check(data: bytes) -> None:
    """What is read must be written back as it was: no two encodings are accepted for one value."""
    try:
        message = decode(data)
    except TlError:
        return
    assert encode(message) == data


PING = encode(TcpPing(1))
ERROR = encode(TcpQueryError(1, 2, "no"))
PARAMS = encode(WorkerParams("owner", "model", 1000))
REQUEST = encode(HttpRequest("POST", "/", "HTTP/1.1", (HttpHeader("a", "b"),), b""))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "ends early"),
        (PING[:-1], "ends early"),
        (PING + b"\0", "1 bytes behind"),
        (b"\x01\x02\x03\x04", "unexpected constructor 04030201"),
        (ERROR[:-4] + b"\x02no\x01", "padding"),
        (ERROR[:-4] + b"\x02\xff\xff\0", "UTF-8"),
        (ERROR[:-4] + b"\xfe\x02\0\0no\0\0", "more bytes than it needs"),
        (ERROR[:-4] + b"\xff" + b"\x03" + b"\0" * 10, "16,777,216 bytes or more"),
        (ERROR[:-4] + b"\xfe\xff\xff\xff", "ends early"),
        (PARAMS[:4] + b"\x04\0\0\0" + PARAMS[8:], "unknown flags 0x4"),
        (REQUEST.replace(b"\x01\0\0\0\x01a", b"\xff\xff\xff\xff\x01a"), "vector of 4,294,967,295 items"),
    ],
)
def test_bytes_that_are_no_object_are_refused_with_the_reason(data: bytes, text: str) -> None:
    with pytest.raises(TlError, match=text):
        decode(data)


@pytest.mark.parametrize(
    "message",
    [
        TcpPing(2**63),
        WorkerParams("owner", "model", 2**31),
        WorkerParams("owner", "model", 1, is_test=True),  # its two companions of the same bit are missing
        QueryAnswerEx(b"short", b""),
        TcpQueryError(1, 1, "half a character: \ud800"),
        TcpPacket(bytes(2**24)),
    ],
    ids=lambda message: message.tl_name,
)
def test_a_value_that_does_not_fit_is_refused(message: Message) -> None:
    with pytest.raises(TlError):
        encode(message)


def test_an_object_of_another_kind_is_named() -> None:
    with pytest.raises(TlError, match=r"tcp.ping where http.request was expected"):
        decode_as(HttpRequest, PING)


def test_a_field_that_is_false_is_not_an_absent_one() -> None:
    present = RunQueryEx(b"", SignedPaymentEmpty(), 1000, 1.0, bytes(32), enable_debug=False)
    absent = RunQueryEx(b"", SignedPaymentEmpty(), 1000, 1.0, bytes(32))
    assert len(encode(present)) == len(encode(absent)) + 4
    assert decode(encode(present)) != decode(encode(absent))


def test_a_number_that_is_none_is_a_value_as_well() -> None:
    message = decode(encode(RunQueryEx(b"", SignedPaymentEmpty(), 0, math.nan, bytes(32))))
    assert isinstance(message, RunQueryEx)
    assert math.isnan(message.timeout)


def test_a_message_does_not_show_what_it_carries() -> None:
    assert repr(HttpRequest("POST", "/", "HTTP/1.1", (), b"my secret prompt")) == "<http.request>"


def test_flags_are_not_a_field_that_anyone_sets() -> None:
    with pytest.raises(TypeError):
        WorkerParams("owner", "model", 1000, flags=3)  # type: ignore[call-arg]
