"""The job process runs strangers' prompts: what it says must be read to the letter or refused, never guessed."""

import contextlib
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.runtime.frames import FrameReader, WireError
from mulberry.runtime.wire import (
    Cancel,
    Encode,
    Encoded,
    Finish,
    GenerationRequest,
    Load,
    LoadEncoder,
    LoadFailed,
    Note,
    Ready,
    Refused,
    Sampling,
    Step,
    Submit,
    ToChild,
    ToParent,
    Turn,
    message_to_child,
    message_to_parent,
    pack,
)

LIMIT = 1 << 20
whole = st.integers(0, 2**53)
some_text = st.text(max_size=20)
turns = st.lists(st.builds(Turn, some_text, some_text), max_size=3).map(tuple)
requests = st.builds(
    GenerationRequest,
    prompts=st.lists(turns | some_text, max_size=3).map(tuple),
    sampling=st.builds(Sampling, seed=whole, temperature=st.floats(0, 2), top_p=st.floats(0, 1)),
    max_tokens=st.none() | whole,
    choices=whole,
    stop=st.lists(some_text, max_size=2).map(tuple),
    stream=st.booleans(),
    template_options=st.lists(st.tuples(some_text, st.booleans() | some_text), max_size=2).map(tuple),
    schema=st.none() | some_text,
    scored=st.booleans(),
)
to_child = st.one_of(
    st.builds(Submit, whole, requests),
    st.builds(Cancel, whole),
    st.builds(
        Load,
        some_text,
        whole,
        st.lists(some_text, max_size=2).map(tuple),
        whole,
        whole,
        whole,
        thinking=st.none() | st.tuples(some_text, some_text),
    ),
    st.builds(Encode, whole, st.lists(some_text, max_size=3).map(tuple)),
    st.builds(LoadEncoder),
)
to_parent = st.one_of(
    st.builds(Note, some_text),
    st.builds(Ready, st.floats(0, 100)),
    st.builds(LoadFailed, some_text),
    st.builds(Encoded, whole, whole, some_text),
    st.builds(Refused, whole, whole, some_text, some_text, some_text),
    st.builds(
        Step,
        accepted=st.lists(st.tuples(whole, whole), max_size=3).map(tuple),
        pieces=st.lists(st.tuples(whole, whole, some_text), max_size=3).map(tuple),
        ends=st.lists(st.tuples(whole, whole, st.sampled_from(Finish), whole), max_size=3).map(tuple),
        thoughts=st.lists(st.tuples(whole, whole, some_text), max_size=3).map(tuple),
        details=st.lists(st.tuples(whole, whole, whole, st.floats(-99, 0)), max_size=3).map(tuple),
        cached=st.lists(st.tuples(whole, whole), max_size=3).map(tuple),
    ),
)


def body(message: ToChild | ToParent) -> bytes:
    (frame,) = FrameReader(LIMIT).feed(pack(message, LIMIT))
    return frame


@given(to_child)
def test_what_the_agent_sends_arrives_unchanged(message: ToChild) -> None:
    assert message_to_child(body(message)) == message


@given(to_parent)
def test_what_the_process_sends_arrives_unchanged(message: ToParent) -> None:
    assert message_to_parent(body(message)) == message


def test_half_a_character_in_a_prompt_survives_the_way() -> None:
    message = Submit(1, GenerationRequest(("\ud800",), Sampling(seed=1)))
    assert message_to_child(body(message)) == message


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(1, 40))
def test_frames_do_not_depend_on_how_the_stream_was_cut(frames: list[bytes], cut: int) -> None:
    stream = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    reader = FrameReader(30)
    read = [frame for start in range(0, len(stream), cut) for frame in reader.feed(stream[start : start + cut])]
    assert read == frames


def test_an_oversize_length_is_refused_before_its_bytes_come() -> None:
    with pytest.raises(WireError, match="4,294,967,295"):
        FrameReader(LIMIT).feed(b"\xff\xff\xff\xff")


def test_a_message_that_the_other_side_would_not_read_is_not_packed() -> None:
    with pytest.raises(WireError, match="allowed are 10"):
        pack(Note("longer than ten bytes"), 10)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_one_typed_error(untrusted: bytes) -> None:
    for read in (message_to_child, message_to_parent):
        with contextlib.suppress(WireError):
            read(untrusted)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(to_parent, st.data())
def test_a_message_with_one_wrong_field_is_refused_or_is_a_message(message: ToParent, data: st.DataObject) -> None:
    untrusted = json.loads(body(message))
    untrusted[data.draw(st.sampled_from(sorted(untrusted)) | st.text(max_size=5))] = data.draw(json_values)
    with contextlib.suppress(WireError):
        assert isinstance(message_to_parent(json.dumps(untrusted).encode()), ToParent)


@pytest.mark.parametrize(
    ("untrusted", "complaint"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"kind":"Ready","load_seconds":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"kind":"Ready","load_seconds":NaN}', "NaN is not JSON"),
        (b"[]", "unknown kind"),
        (b'{"kind":["Step"]}', "unknown kind"),
        (b'{"kind":"Cancel","number":1}', "unknown kind"),
        (b'{"kind":"Note"}', "missing or unknown fields"),
        (b'{"kind":"Note","words":"x"}', "lacks 'text'"),
        (b'{"kind":"Note","text":"x","more":1}', "missing or unknown fields"),
        (b'{"kind":"Note","text":1}', r"Note\.text is not str"),
        (
            b'{"kind":"Step","accepted":[[true,1]],"pieces":[],"ends":[],"thoughts":[],"details":[],"cached":[]}',
            r"Step\.accepted is not int",
        ),
        (
            b'{"kind":"Step","accepted":[[1]],"pieces":[],"ends":[],"thoughts":[],"details":[],"cached":[]}',
            "not a list of 2",
        ),
        (b'{"kind":"Step","accepted":{},"pieces":[],"ends":[],"thoughts":[],"details":[],"cached":[]}', "not a list"),
        (
            b'{"kind":"Step","accepted":[],"pieces":[],"ends":[[1,0,"bored",3]],"thoughts":[],"details":[],"cached":[]}',
            "not one of stop, length",
        ),
    ],
)
def test_hostile_frames(untrusted: bytes, complaint: str) -> None:
    with pytest.raises(WireError, match=complaint):
        message_to_parent(untrusted)
