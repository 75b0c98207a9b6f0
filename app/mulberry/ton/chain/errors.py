"""What can go wrong with the chain's servers. All of it is expected, and each says who or what is to blame."""

from mulberry.model.language import tr

LACKING = ("not in db", "not found", "cannot locate", "cannot find", "gc'd", "is not available", "no such block")


class ChainError(Exception):
    """Base of the conditions below. The message is a sentence that may be shown."""


class ServerFailed(ChainError):
    """One server did not answer: refused, reset, timed out. Another one is asked."""


class NoAnswer(ServerFailed):
    """One server did not answer within the time limit."""


class ServerRefused(ServerFailed):
    """One server answered with an error of its own, `code` and `text` (cut to 200 characters)."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(tr("the server answered: {text} (code {code})", text=text, code=code))
        self.code = code
        self.text = text

    @property
    def lacks_it(self) -> bool:
        """It does not have, or no longer has, what it was asked for: the words of public nodes."""
        return any(words in self.text for words in LACKING)


class ServerLied(ServerFailed):
    """One server's answer does not hold against its own proof, or is not an answer at all."""


class NoServer(ChainError):
    """No server could answer. Its message names each server's trouble."""


class NoAgreement(ChainError):
    """Too few servers name the same newest block."""


class HistoryPruned(ChainError):
    """No server keeps transactions that old any more. An archive server would."""


class Unreadable(ChainError):
    """What the chain holds is proven, but of a form that this version of Mulberry does not know. No server's fault."""


class MessageRefused(ChainError):
    """The chain does not take the message. `text` is what the validator's check said (cut to 200 characters)."""

    def __init__(self, text: str) -> None:
        super().__init__(tr("The chain does not take the message: {text}", text=text))
        self.text = text
