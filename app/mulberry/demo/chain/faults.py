"""What a lite server can do wrong, as data. A server is given `Faults` when it starts and may be given others later."""

from dataclasses import dataclass
from enum import Enum, auto


class Lie(Enum):
    """One kind of untrue answer. Each stands for an attack that a client must notice."""

    HEAD = auto()  # the newest block is one that never was
    STALE_HEAD = auto()  # the newest block is the one that was newest when the lie began
    OTHER_NETWORK = auto()  # another zero state
    BALANCE = auto()  # an account has a million toncoin more than its proof says
    ACCOUNT_PROOF = auto()  # the same million, with a proof that was computed for it: only the block's hash tells
    ABSENT_ACCOUNT = auto()  # "no such account", without proof
    OTHER_ACCOUNT = auto()  # the state and the proof of another account
    TRANSACTION = auto()  # a transaction's incoming value is altered
    TRANSACTION_ORDER = auto()  # a page of history leaves one transaction out
    CONFIG_OF_OTHER_BLOCK = auto()  # a proof chain from any block one likes, signed by this chain's validators
    REPEATED_SIGNATURE = auto()  # one validator's signature, as often as there are validators
    TOO_FEW_SIGNATURES = auto()  # two thirds of the validators, not more
    FORGED_SIGNATURES = auto()  # right validators, wrong signatures
    GARBAGE = auto()  # answers that are no TL
    SHARED_CELLS = auto()  # an account whose data takes exponential time if shared cells are walked twice
    DEEP_CELLS = auto()  # an account whose data is 1023 cells deep, the most a cell may be


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with one server. The default is an honest, fast one that has everything."""

    silent: bool = False  # takes connections and questions, answers nothing
    delay_seconds: float = 0.0  # before every answer
    lies: frozenset[Lie] = frozenset()
    pruned_before: int = 0  # the first masterchain block whose transactions and data the server still has
    missing_transactions: range = range(0)  # logical times of transactions that the server has lost
    forked: bool = False  # from the moment of the start on it serves another chain, signed by the same validators
    resets_after: int | None = None  # questions until it cuts the connection, again and again


HONEST = Faults()
