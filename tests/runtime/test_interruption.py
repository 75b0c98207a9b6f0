"""Who leaves must not keep others waiting: a large model takes seconds for a part of a prompt nobody wants any more."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from endless_model import write_endless_model
from mulberry.runtime.child.connection import AgentGone, Connection
from mulberry.runtime.child.interruption import watching
from mulberry.runtime.child.service import ChildEngine
from mulberry.runtime.frames import WireError
from mulberry.runtime.wire import (
    TO_CHILD_LIMIT_BYTES,
    Cancel,
    Finish,
    GenerationRequest,
    Load,
    Sampling,
    Submit,
    ToChild,
    pack,
)

ENDLESS = GenerationRequest(("11",), Sampling(seed=0), max_tokens=3)
SHORT = GenerationRequest(("1",), Sampling(seed=0), max_tokens=3)


class Agent:
    """The other end of the job process's socket."""

    def __init__(self) -> None:
        self.socket, self.theirs = socket.socketpair()

    def say(self, *messages: ToChild) -> None:
        self.socket.sendall(b"".join(pack(message, TO_CHILD_LIMIT_BYTES) for message in messages))


@pytest.fixture
def agent() -> Iterator[Agent]:
    ends = Agent()
    with ends.socket, ends.theirs:
        yield ends


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "endless"
    write_endless_model(folder)
    return folder


def engine_of(folder: Path, connection: Connection) -> ChildEngine:
    load = Load(str(folder), 256, ("<|im_end|>",), slots=2, waiting_limit=4, threads=1)
    return ChildEngine(load, lambda note: None, watch=watching(connection))


def test_a_cancelled_prompt_ends_in_the_middle_of_a_part_and_the_next_is_served(endless: Path, agent: Agent) -> None:
    connection = Connection(agent.theirs)
    engine = engine_of(endless, connection)
    engine.take([Submit(1, ENDLESS)])
    engine.read_prompts()
    agent.say(Cancel(1))
    engine.step()  # would last for years
    engine.take(connection.receive(wait=False))
    assert not engine.is_busy
    engine.take([Submit(2, SHORT)])
    engine.read_prompts()
    ends = [end for _ in range(3) for end in engine.step().ends]
    assert ends == [(2, 0, Finish.LENGTH, 3)]


def test_those_who_stream_lose_nothing_by_it(endless: Path, agent: Agent) -> None:
    connection = Connection(agent.theirs)
    engine = engine_of(endless, connection)
    engine.take([Submit(1, GenerationRequest(("1",), Sampling(seed=0), max_tokens=8))])
    engine.read_prompts()
    text = "".join(text for _, _, text in engine.step().pieces)
    engine.take([Submit(2, ENDLESS)])
    engine.read_prompts()
    agent.say(Cancel(2))
    for _ in range(7):
        text += "".join(piece for _, _, piece in engine.step().pieces)
        engine.take(connection.receive(wait=False))
    assert not engine.is_busy
    alone = engine_of(endless, connection)
    alone.take([Submit(1, GenerationRequest(("1",), Sampling(seed=0), max_tokens=8, stream=False))])
    alone.read_prompts()
    assert text == "".join(piece for _ in range(8) for _, _, piece in alone.step().pieces)


def test_an_agent_that_is_gone_ends_it_too(endless: Path, agent: Agent) -> None:
    engine = engine_of(endless, Connection(agent.theirs))
    engine.take([Submit(1, ENDLESS)])
    engine.read_prompts()
    agent.socket.close()
    with pytest.raises(AgentGone):
        engine.step()


def test_garbage_on_the_way_is_as_bad_then_as_between_two_steps(endless: Path, agent: Agent) -> None:
    engine = engine_of(endless, Connection(agent.theirs))
    engine.take([Submit(1, ENDLESS)])
    engine.read_prompts()
    agent.socket.sendall(b"\xff" * 8)
    with pytest.raises(WireError):
        engine.step()


def test_what_the_watch_read_is_not_lost_and_others_cancelling_stops_nobody(agent: Agent) -> None:
    connection = Connection(agent.theirs)
    stopped = threading.Event()
    messages: list[ToChild] = [Cancel(2), Submit(3, SHORT), Cancel(1), Submit(4, SHORT)]
    with watching(connection)(1, stopped.set):
        agent.say(*messages[:2])
        agent.say(*messages[2:])
        stopped.wait()
    assert connection.receive(wait=True) == messages
    with watching(connection)(1, stopped.clear):
        agent.say(Cancel(2))
    assert stopped.is_set()
    assert connection.receive(wait=True) == [Cancel(2)]
