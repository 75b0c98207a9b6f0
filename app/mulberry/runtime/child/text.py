"""From tokens to text, a token at a time: never half a character, never a part of a stop string.

For byte-level tokenizers (GPT-2's scheme: Qwen, Llama 3 and most others): there a token is a run of bytes, so the
text of an answer is its tokens' bytes read as UTF-8, and nothing depends on a token's neighbours.
"""

import codecs
import json
from collections.abc import Sequence

from tokenizers import Tokenizer

from mulberry.runtime.child.stops import UpToStop

Utf8Decoder = codecs.getincrementaldecoder("utf-8")


class UnsupportedTokenizerError(ValueError):
    """The model's tokenizer is of a kind that this engine cannot read."""


def token_bytes(tokenizer: Tokenizer, *, shows_control_tokens: bool = False) -> list[bytes]:
    """For each token id what it adds to the text: nothing for control tokens, unless they are shown, and ids without a
    token.

    Raises `UnsupportedTokenizerError` when the tokenizer is not byte-level.
    """
    description = json.loads(tokenizer.to_str())
    decoder = description.get("decoder") or {}
    if decoder.get("type") != "ByteLevel":
        raise UnsupportedTokenizerError(f"a tokenizer that decodes by {decoder.get('type')}, not byte by byte")
    characters = _byte_level_alphabet()
    table = [b""] * (max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1)
    for text, token in tokenizer.get_vocab(with_added_tokens=False).items():
        try:
            table[token] = bytes([characters[character] for character in text])
        except KeyError:
            table[token] = text.encode()
    for token, added in tokenizer.get_added_tokens_decoder().items():
        table[token] = added.content.encode() if shows_control_tokens or not added.special else b""
    return table


def _byte_level_alphabet() -> dict[str, int]:
    """GPT-2's one printable character for each byte. Source: `bytes_to_unicode` in OpenAI's GPT-2 encoder.py."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = (byte for byte in range(256) if byte not in set(printable))
    return {chr(byte): byte for byte in printable} | {chr(256 + rank): byte for rank, byte in enumerate(others)}


class AnswerText:
    """One answer's text as it grows. What could still become half of something is held back."""

    __slots__ = ("_bytes_of", "_decoder", "_up_to_stop")

    def __init__(self, bytes_of: Sequence[bytes], stops: tuple[str, ...] = ()) -> None:
        self._bytes_of = bytes_of
        self._decoder = Utf8Decoder("replace")
        self._up_to_stop = UpToStop(stops)

    @property
    def stopped(self) -> bool:
        """A stop string came; the text ends before it."""
        return self._up_to_stop.stopped

    def add(self, token: int) -> str:
        """The text that is certain now and was not before."""
        return self._up_to_stop.add(self._decoder.decode(self._bytes_of[token]))

    def rest(self) -> str:
        """What was held back, now that nothing follows."""
        return self._up_to_stop.add(self._decoder.decode(b"", final=True)) + self._up_to_stop.rest()
