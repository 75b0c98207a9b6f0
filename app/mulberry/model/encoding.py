"""Our nouns as JSON and back, for the control API and small files. A pydantic adapter a type, made when first used."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

Noun = TypeVar("Noun")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_json(kind: type[Noun], value: Noun) -> bytes:
    """`value` as compact UTF-8 JSON."""
    return _adapter(cast(Hashable, kind)).dump_json(value)


def from_json(kind: type[Noun], untrusted: bytes) -> Noun:
    """The value of type `kind` that `untrusted` holds. Raises `ValueError`, which repeats nothing of its content.

    Strict: a number is not taken from a string, nor a truth from a number. The caller bounds the size.
    """
    try:
        value: Noun = _adapter(cast(Hashable, kind)).validate_json(untrusted, strict=True)
    except ValidationError as mistakes:
        raise ValueError(in_words(mistakes)) from None
    return value


def in_words(mistakes: ValidationError) -> str:
    """What was wrong and where, without the values, which may be secrets."""
    found = mistakes.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, mistake['loc'])) or 'all of it'}: {mistake['msg']}" for mistake in found)
