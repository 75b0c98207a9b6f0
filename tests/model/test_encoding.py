"""Agent and faces understand one another by these bytes; what another program sends must not be taken for ours."""

from datetime import UTC, datetime

import pytest

from mulberry.model.control import Command, Hello
from mulberry.model.encoding import from_json, to_json
from mulberry.model.node import Intent, Want

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        Command(Want.PAUSE, 3600.5),
        Command(Want.START),
        Hello(1, "0.1", 2**62, "demo", NOON),
        Intent(Want.PAUSE, since=NOON, until=NOON),
    ],
)
def test_what_was_written_is_read_again(value: Command | Hello | Intent) -> None:
    assert from_json(type(value), to_json(type(value), value)) == value


@pytest.mark.parametrize(
    "untrusted",
    [
        b"",
        b"null",
        b"[]",
        b'{"want": "earn more"}',
        b'{"want": 1}',
        b'{"want": "pause", "pause_seconds": "60"}',
        b'{"want": "pause", "pause_seconds": true}',
        b"\xff\xfe",
        b'{"want":' + b"[" * 100_000,
    ],
)
def test_anything_else_is_one_typed_error(untrusted: bytes) -> None:
    with pytest.raises(ValueError, match=r"want|pause_seconds|all of it"):
        from_json(Command, untrusted)


@pytest.mark.parametrize("untrusted", [b'{"want": "hunter2"}', b'{"want": ["hunter2"]}', b'"hunter2"', b"hunter2"])
def test_what_was_not_understood_is_not_repeated(untrusted: bytes) -> None:
    with pytest.raises(ValueError, match=r".+") as mistake:
        from_json(Command, untrusted)
    assert "hunter2" not in str(mistake.value) + repr(mistake.value.__cause__)


def test_a_noun_that_cannot_be_is_not_read() -> None:
    with pytest.raises(ValueError, match="a pause, and only a pause, has an end"):
        from_json(Intent, b'{"want": "start", "since": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:00:00Z"}')
