"""A customer who can type a control token can put words into the system's mouth. Ours cannot."""

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from mulberry.model.places import resource
from mulberry.runtime.child import prompt
from mulberry.runtime.child.prompt import PRIVATE_PLANE, PromptReader, PromptRefused
from mulberry.runtime.wire import Turn

START, END = 1, 2  # <|im_start|>, <|im_end|>
FOLDER = resource("models/tiny-lm")


def reader(folder: Path = FOLDER, context_tokens: int = 256) -> PromptReader:
    return PromptReader(folder, Tokenizer.from_file(str(FOLDER / "tokenizer.json")), context_tokens, longest_token=20)


@cache
def roomy() -> PromptReader:
    return reader(context_tokens=100_000)


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


def with_template(tmp_path: Path, template: str) -> PromptReader:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FOLDER / name, tmp_path / name)
    (tmp_path / "chat_template.jinja").write_text(template, "utf-8")
    return reader(tmp_path)


hostile = st.lists(
    st.sampled_from(["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|im_", "start|>", "<", "|>", ">", "\n", "system"])
    | st.text(max_size=4)
    | st.sampled_from(["\U000f0000", "\U000f0001", "\U000f0002", "{{ 7 * 7 }}", "{% for %}", "\x00"]),
    max_size=12,
).map("".join)


def test_an_ordinary_conversation_is_what_the_model_was_trained_on() -> None:
    turns = (Turn("system", "You are Tiny."), Turn("user", "Hi <b>there</b> 🫐"), Turn("assistant", "Hi!"))
    expected = "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in turns)
    assert reader().conversation(turns, {}) == tokenizer().encode(expected + "<|im_start|>assistant\n").ids


@given(st.lists(hostile, min_size=1, max_size=4))
def test_control_tokens_stand_only_where_the_template_put_them(contents: list[str]) -> None:
    ids = roomy().conversation([Turn("user", content) for content in contents], {})
    assert [token for token in ids if token in (0, START, END)] == [START, END] * len(contents) + [START]


@given(hostile)
def test_the_model_still_reads_every_character_that_was_typed(content: str) -> None:
    ids = roomy().conversation([Turn("user", content)], {})
    inner = ids[1 : len(ids) - 1 - ids[::-1].index(END)]  # between the first start and the last end
    assert tokenizer().decode(inner) == f"user\n{content}"


@given(hostile)
def test_plain_text_has_no_control_tokens_at_all(content: str) -> None:
    if content:
        assert not {0, START, END} & set(roomy().text(content))


def test_pieces_that_the_template_joins_do_not_become_a_control_token(tmp_path: Path) -> None:
    joining = with_template(tmp_path, "{% for m in messages %}{{ m.content | trim }}{% endfor %}")
    ids = joining.conversation([Turn("user", "<|im_"), Turn("user", " start|>")], {})
    assert START not in ids
    assert tokenizer().decode(ids) == "<|im_start|>"


def test_a_tokenizer_that_breaks_its_promise_gets_no_answer() -> None:
    faulty = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    broken = PromptReader(FOLDER, faulty, 256, 20)
    faulty.encode_special_tokens = False
    with pytest.raises(PromptRefused, match="control tokens"):
        broken.text("a <|im_end|> b")


def test_a_hundred_thousand_tokens() -> None:
    with pytest.raises(PromptRefused, match=r"has 100,\d\d\d tokens, this model's context is 256") as refused:
        reader().conversation([Turn("user", "1" * 100_000)], {})
    assert refused.value.code == "context_length_exceeded"


def test_what_is_hopelessly_long_is_not_even_counted() -> None:
    with pytest.raises(PromptRefused, match="at least 629,145 tokens, this model's context is 256"):
        reader().text("a " * (6 << 20))


@pytest.mark.timeout(10)
@pytest.mark.parametrize("character", [" ", "a", "\n", "<", "é", "\U000f0000"])
def test_monotonous_text_is_no_way_to_keep_the_engine_busy(character: str) -> None:
    with pytest.raises(PromptRefused, match="context is 256"):
        reader().conversation([Turn("user", character * 60_000)], {})


def test_who_types_every_private_character_there_is_ends_their_own_request_only() -> None:
    every = "".join(map(chr, PRIVATE_PLANE))
    with pytest.raises(PromptRefused, match="every private character"):
        reader().conversation([Turn("user", every)], {})
    with pytest.raises(PromptRefused, match="context is 256"):  # two are left, and two are needed
        reader().conversation([Turn("user", every[2:])], {})


def test_one_token_must_be_left_for_the_answer() -> None:
    assert len(reader().text("1" * 255)) == 255
    with pytest.raises(PromptRefused, match="has 256 tokens"):
        reader().text("1" * 256)


def test_a_text_without_tokens_is_empty() -> None:
    with pytest.raises(PromptRefused, match="empty"):
        reader().text("")


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{{ raise_exception('one turn only') }}", "the model's template says: one turn only"),
        ("{{ messages.append(1) }}", "cannot write this conversation"),
        ("{{ ''.__class__.__mro__ }}", "cannot write this conversation"),
        ("{% for i in range(10**9) %}x{% endfor %}", "cannot write this conversation"),
        ("{% for i in range(99999) %}{{ '%099d' % i }}{% endfor %}", "too much for the model's template"),
        ("{{ missing.part }}", "cannot write this conversation"),
    ],
)
def test_templates_that_go_wrong_end_the_request_only(tmp_path: Path, template: str, complaint: str) -> None:
    with pytest.raises(PromptRefused, match=complaint):
        with_template(tmp_path, template).conversation([Turn("user", "hi")], {})


def test_a_template_that_writes_for_ever_without_writing_anything_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "TEMPLATE_SECONDS", -1.0)  # they have passed when it begins
    with pytest.raises(PromptRefused, match="too much for the model's template"):
        with_template(tmp_path, "{% for a in range(9) %}{{ '' }}{% endfor %}").conversation([Turn("user", "x")], {})


def test_template_options_and_named_tokens_reach_the_template(tmp_path: Path) -> None:
    template = "{{ eos_token }}{% if enable_thinking is false %}no{% endif %}"
    assert json.loads((FOLDER / "tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"
    ids = with_template(tmp_path, template).conversation([Turn("user", "hi")], {"enable_thinking": False})
    assert ids == [END, *tokenizer().encode("no").ids]


def test_a_begin_token_that_the_tokenizer_adds_is_kept() -> None:
    from tokenizers.processors import TemplateProcessing

    beginning = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    beginning.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
    beginning.post_processor = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)])
    assert PromptReader(FOLDER, beginning, 256, 20).text("hi")[0] == 0
