"""One answer as its tokens come: its text, what it thinks, when it ends, and when it speaks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mulberry.runtime.child.grammar import Formed
from mulberry.runtime.child.text import AnswerText
from mulberry.runtime.child.thinking import Thoughts
from mulberry.runtime.wire import Finish, Sampling

SPEAKING_SECONDS = 0.01  # a streamed answer speaks no more often: nobody reads faster, and each piece costs everybody


@dataclass(slots=True, eq=False)
class Answer:
    """One answer that is asked for. `limit` tokens at most; `number` is its request's, `choice` its place therein."""

    number: int
    choice: int
    prompt: list[int]
    limit: int
    sampling: Sampling
    text: AnswerText
    stream: bool
    form: Formed | None = None
    thoughts: Thoughts | None = None
    scored: bool = False
    pays_prompt: bool = True  # the first of its prompt's answers
    read: int = 0  # tokens of the prompt that are in the cache
    count: int = 0  # tokens generated
    likelihood: float = 0.0  # the sum of their logarithms, when scored
    unsent_thoughts: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    silent_until: float = 0.0  # on the speaker's clock


@dataclass(slots=True)
class News:
    """What one step brought, in the shape of `wire.Step`."""

    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    ends: list[tuple[int, int, Finish, int]] = field(default_factory=list)
    thoughts: list[tuple[int, int, str]] = field(default_factory=list)
    details: list[tuple[int, int, int, float]] = field(default_factory=list)
    cached: list[tuple[int, int]] = field(default_factory=list)


class Speaker:
    """Turns tokens into news. `stop_ids` are the tokens that end an answer."""

    def __init__(self, stop_ids: frozenset[int], clock: Callable[[], float]) -> None:
        self._stop_ids = stop_ids
        self._clock = clock

    def advance(self, answer: Answer, token: int, news: News) -> bool:
        """Takes the answer's next token. True when it was the last."""
        answer.count += 1
        finish: Finish | None = None
        thought = None
        if token in self._stop_ids:
            finish = Finish.STOP
        else:
            thought = None if answer.thoughts is None else answer.thoughts.take(token)
            if thought is not None:
                answer.unsent_thoughts.append(thought)
            else:
                answer.unsent.append(answer.text.add(token))
                if answer.form is not None:
                    answer.form.take(token)
            if answer.text.stopped:
                finish = Finish.STOP
            elif answer.count >= answer.limit or (answer.form is not None and answer.form.is_exhausted):
                finish = Finish.LENGTH
        if finish is not None:
            self.end(answer, finish, news)
        elif answer.stream and self._clock() >= answer.silent_until:
            self._speak(answer, news)
        return finish is not None

    def end(self, answer: Answer, finish: Finish, news: News) -> None:
        """What is left of it, and its end."""
        answer.unsent.append(answer.text.rest())
        if answer.thoughts is not None:
            answer.unsent_thoughts.append(answer.thoughts.rest())
        self._speak(answer, news)
        if answer.scored or answer.thoughts is not None:
            reasoning = 0 if answer.thoughts is None else answer.thoughts.count
            news.details.append((answer.number, answer.choice, reasoning, answer.likelihood / answer.count))
        news.ends.append((answer.number, answer.choice, finish, answer.count))

    def _speak(self, answer: Answer, news: News) -> None:
        who = answer.number, answer.choice
        thoughts, text = "".join(answer.unsent_thoughts), "".join(answer.unsent)
        answer.unsent_thoughts.clear()
        answer.unsent.clear()
        if thoughts:
            news.thoughts.append((*who, thoughts))
        if text:
            news.pieces.append((*who, text))
        if text or thoughts:
            answer.silent_until = self._clock() + SPEAKING_SECONDS
