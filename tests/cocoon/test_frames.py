"""Frames are the first thing that a stranger's bytes meet: wrong ones end the connection before they cost memory."""

import struct
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.cocoon.frames import MOST_BODY_BYTES, FrameError, FrameReader, FrameWriter


def frame(length: int, seqno: int, body: bytes = b"") -> bytes:
    return struct.pack("<II", length, seqno) + body


@given(st.lists(st.binary(min_size=4, max_size=200), max_size=20), st.data())
def test_bodies_come_back_however_the_stream_is_cut(bodies: list[bytes], data: st.DataObject) -> None:
    writer, reader = FrameWriter(), FrameReader()
    stream = b"".join(writer.pack(body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    found: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    assert found == bodies


@given(st.binary(max_size=400))
def test_any_bytes_give_frames_or_the_one_error(data: bytes) -> None:
    with suppress(FrameError):
        FrameReader().feed(data)


@pytest.mark.parametrize("length", [0, 3, MOST_BODY_BYTES + 1, 2**31, 2**32 - 1])
def test_a_wrong_length_is_refused_by_its_header_alone(length: int) -> None:
    with pytest.raises(FrameError, match=f"a frame of {length:,} bytes"):
        FrameReader().feed(frame(length, 0))


@pytest.mark.parametrize("seqno", [0, 2, 2**32 - 1])
def test_a_frame_out_of_order_is_refused_by_its_header_alone(seqno: int) -> None:
    reader = FrameReader()
    assert reader.feed(frame(4, 0, b"good")) == [b"good"]
    with pytest.raises(FrameError, match=f"frame number {seqno} where 1 was due"):
        reader.feed(frame(4, seqno))


@pytest.mark.parametrize("size", [0, 3, MOST_BODY_BYTES + 1])
def test_a_body_that_does_not_fit_takes_no_number(size: int) -> None:
    writer = FrameWriter()
    with pytest.raises(FrameError):
        writer.pack(bytes(size))
    assert writer.pack(b"good") == frame(4, 0, b"good")


def test_the_largest_frame_passes_in_small_pieces_in_linear_time() -> None:
    stream = FrameWriter().pack(bytes(MOST_BODY_BYTES))
    reader = FrameReader()
    started = time.process_time()
    found = [body for start in range(0, len(stream), 4096) for body in reader.feed(stream[start : start + 4096])]
    assert [len(body) for body in found] == [MOST_BODY_BYTES]
    assert time.process_time() - started < 2  # 0.03 s here; copying it anew for each piece takes half a minute


def test_many_small_frames_at_once_pass_in_linear_time() -> None:
    writer = FrameWriter()
    stream = b"".join(writer.pack(b"body") for _ in range(200_000))
    started = time.process_time()
    assert len(FrameReader().feed(stream)) == 200_000
    assert time.process_time() - started < 5
