"""A backup must open years later with its passphrase and with nothing else; a stranger's file must not take hours."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from keyring_in_memory import CHEAP
from mulberry.agent.sealed_key import MOST_MEMORY_BYTES, USUAL_COST, NoKeyFile, WrongPassphrase, seal, unseal

KEY = SigningKey(bytes(range(32)))
WORDS = "mulberry silk worm"
COMMON = {"mulberry-key", "argon2id13", 1, 8192}  # what all files with the cost of the tests share
# Written by the first version: its backups must open for ever.
FIRST_VERSION = """{
  "format": "mulberry-key", "version": 1, "kdf": "argon2id13", "operations": 1, "memory_bytes": 8192,
  "salt": "87fd60558c8e60ddc943f927a0c52190",
  "sealed": "@"
}""".replace(
    "@",
    "22b95fbfa05764e7ee37874efc86a1dc3981e654c392ed1b3d8b141dff02e56697c64a5655329e9e"
    "f3a0381c09df143628fc77aa4d6e736862726e786f62b67d8423d8303b6fe2d1",
)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.text(min_size=1, max_size=60))
def test_what_was_sealed_opens_with_its_passphrase(seed: bytes, passphrase: str) -> None:
    assert bytes(unseal(seal(SigningKey(seed), passphrase, CHEAP), passphrase)) == seed


def test_a_file_of_the_first_version_opens() -> None:
    assert unseal(FIRST_VERSION, WORDS) == KEY


@pytest.mark.parametrize(
    "passphrase", ["", "mulberry silk wor", "Mulberry silk worm", "mulberry silk worm ", "x" * 99_999]
)
def test_another_passphrase_does_not_open_it_and_may_be_tried_again(passphrase: str) -> None:
    sealed = seal(KEY, WORDS, CHEAP)
    for _ in range(3):
        with pytest.raises(WrongPassphrase, match="Try again as often as you like"):
            unseal(sealed, passphrase)
    assert unseal(sealed, WORDS) == KEY


def test_the_same_letters_from_another_keyboard_open_it() -> None:
    assert unseal(seal(KEY, "caf\u00e9 au lait", CHEAP), "cafe\u0301 au lait") == KEY


def test_neither_key_nor_passphrase_stand_in_the_file_and_no_two_files_are_alike() -> None:
    one, two = seal(KEY, WORDS, CHEAP), seal(KEY, WORDS, CHEAP)
    assert not set(json.loads(one).values()) & set(json.loads(two).values()) - COMMON
    assert bytes(KEY).hex() not in one and bytes(KEY.verify_key).hex() not in one and "silk" not in one


def test_a_guess_costs_a_quarter_of_a_gigabyte() -> None:
    assert USUAL_COST.memory_bytes >= 256 * 2**20 and USUAL_COST.operations >= 3


def changed(**values: object) -> str:
    return json.dumps(json.loads(seal(KEY, WORDS, CHEAP)) | values)


@pytest.mark.parametrize("field", ["salt", "sealed"])
def test_a_changed_byte_is_noticed(field: str) -> None:
    text = json.loads(seal(KEY, WORDS, CHEAP))[field]
    with pytest.raises(WrongPassphrase):
        unseal(changed(**{field: text[:-1] + ("0" if text[-1] != "0" else "1")}), WORDS)


@pytest.mark.parametrize(
    "untrusted",
    [
        "",
        "{}",
        "null",
        "[" * 4000,
        "x" * 10_000_000,
        changed(memory_bytes=100 * 2**30),
        changed(memory_bytes=MOST_MEMORY_BYTES + 1),
        changed(memory_bytes=-1),
        changed(memory_bytes="8192"),
        changed(operations=10**9),
        changed(operations=0),
        changed(version=2),
        changed(format="other-key"),
        changed(kdf="scrypt"),
        changed(salt="00"),
        changed(salt="zz" * 16),
        changed(sealed="00" * 10_000),
        changed(more="of it"),
        " " * 5000 + changed(),
    ],
    ids=lambda text: text[:60],
)
def test_a_strangers_file_costs_nothing(untrusted: str) -> None:
    began = time.process_time()
    with pytest.raises(NoKeyFile):
        unseal(untrusted, WORDS)
    assert time.process_time() - began < 1
