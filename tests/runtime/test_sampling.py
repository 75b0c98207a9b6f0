"""Nobody's luck may depend on who sits in the next row, and a seed must mean the same tomorrow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mulberry.runtime.child.sampling import BLOCK, Logits, Sampler, _pick
from mulberry.runtime.wire import Sampling

VOCABULARY = 8


def logits(*rows: list[float]) -> Logits:
    return np.array(rows, np.float32)


def many(sampling: Sampling, row: list[float], draws: int = 4000) -> list[float]:
    """How often each token was drawn."""
    sampler = Sampler(1, len(row))
    sampler.join(0, sampling, 0)
    counts = np.bincount([int(sampler.choose(logits(row))[0]) for _ in range(draws)], minlength=len(row))
    return [float(share) for share in counts / draws]


def test_greedy_takes_the_likeliest() -> None:
    sampler = Sampler(2, 3)
    assert sampler.choose(logits([0, 2, 1], [5, 2, 1])).tolist() == [1, 0]


def test_shares_follow_the_temperature() -> None:
    row = [0.0, float(np.log(3))]
    assert many(Sampling(seed=1, temperature=1.0), row)[1] == pytest.approx(0.75, abs=0.03)
    assert many(Sampling(seed=1, temperature=0.5), row)[1] == pytest.approx(0.9, abs=0.03)
    assert many(Sampling(seed=1, temperature=1e-6), row)[1] == 1


def test_top_p_keeps_the_fewest_likeliest_that_hold_it() -> None:
    row = [float(np.log(share)) for share in (0.2, 0.5, 0.3)]
    assert many(Sampling(seed=1, temperature=1.0, top_p=0.5), row) == [0, 1, 0]
    assert many(Sampling(seed=1, temperature=1.0, top_p=0.0), row) == [0, 1, 0]
    kept = many(Sampling(seed=1, temperature=1.0, top_p=0.6), row)
    assert kept[0] == 0
    assert kept[1] == pytest.approx(0.5 / 0.8, abs=0.03)


def test_penalties_are_openais() -> None:
    sampler = Sampler(1, 3)
    sampler.join(0, Sampling(seed=0, frequency_penalty=0.5, presence_penalty=0.25), 0)
    chosen = [int(sampler.choose(logits([1.0, 0.9, 0.0]))[0]) for _ in range(5)]
    # 0 falls by 0.75, so 1 leads; then both are at 0.25 and 0.15, 0 again at -0.25 < 1 … until 2 is the best
    assert chosen == [0, 1, 0, 1, 2]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.3, 0.9, 0.999, 1.0]), st.sampled_from([0.0, 0.5, 3.0]))
def test_a_large_vocabulary_is_drawn_from_as_if_all_of_it_were_sorted(seed: int, top_p: float, spread: float) -> None:
    """From the whole, again and again until it is one of the likeliest; sixteen times, then from those alone."""
    scores = np.random.default_rng(seed).normal(0, spread, 3000).astype(np.float32)
    sampler = Sampler(1, 3000)
    sampler.join(0, Sampling(seed=seed, temperature=1.0, top_p=top_p), 0)
    weights = np.exp(scores - scores.max()).astype(np.float64)
    order = np.argsort(-weights, kind="stable")
    likeliest = order[: int(np.searchsorted(weights[order].cumsum(), top_p * weights.sum())) + 1]
    stream = np.random.Generator(np.random.PCG64([seed, 0]))
    for _ in range(16):
        expected = int(np.searchsorted(weights.cumsum(), stream.random() * weights.sum(), side="right"))
        if expected in likeliest or top_p == 1:
            break
    else:
        falling = weights[likeliest].cumsum()
        expected = int(likeliest[np.searchsorted(falling, stream.random() * falling[-1], side="right")])
    assert int(sampler.choose(scores[None].copy())[0]) == expected


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.7, 1.0]))
def test_what_a_form_forbids_is_never_drawn(seed: int, top_p: float) -> None:
    dice = np.random.default_rng(seed)
    allowed = dice.choice(700, 3, replace=False)
    scores = np.full(700, -np.inf, np.float32)
    scores[allowed] = dice.normal(0, 5, 3)
    sampler = Sampler(1, 700)
    sampler.join(0, Sampling(seed=seed, temperature=2.0, top_p=top_p), 0)
    assert {int(sampler.choose(scores[None].copy())[0]) for _ in range(20)} <= set(allowed.tolist())


@pytest.mark.parametrize("top_p", [0.5, 1.0])
@pytest.mark.parametrize(
    "wrong", [[np.nan] * 4, [0.0, 1.0, np.nan, 0.0], [np.inf] * 4, [-np.inf] * 4, [0.0, np.inf, 0.0, 0.0]]
)
def test_a_row_that_is_no_numbers_harms_no_other(wrong: list[float], top_p: float) -> None:
    """Half precision overflows with some prompts; the process serves others at the same time."""
    sampler = Sampler(2, 4)
    for row in (0, 1):
        sampler.join(row, Sampling(seed=3, temperature=1.0, top_p=top_p), 0)
    alone = Sampler(1, 4)
    alone.join(0, Sampling(seed=3, temperature=1.0, top_p=top_p), 0)
    with np.errstate(invalid="ignore"):
        tokens = sampler.choose(logits(wrong, [1, 2, 0, 1]))
    assert 0 <= tokens[0] < 4
    assert tokens[1] == alone.choose(logits([1, 2, 0, 1]))[0]


@pytest.mark.parametrize("luck", [0.0, 0.5, 1 - 2**-53])
def test_the_ends_of_luck_hit_tokens_that_have_weight(luck: float) -> None:
    weights = np.zeros(600, np.float32)
    weights[[300, 301]] = 1 / 3, 1e-30
    sums = np.add.reduceat(weights, np.arange(0, 600, BLOCK), dtype=np.float64).cumsum()
    assert weights[_pick(weights, sums, luck)] > 0


def test_penalties_of_a_long_answer_are_those_of_a_table_of_all_tokens() -> None:
    sampler = Sampler(1, 300)
    sampler.join(0, Sampling(seed=0, frequency_penalty=0.5, presence_penalty=1.25), 0)
    counts = np.zeros(300, np.float32)
    dice = np.random.default_rng(1)
    for _ in range(400):
        scores = dice.normal(0, 1, 300).astype(np.float32)
        expected = int((scores - 0.5 * counts - 1.25 * (counts > 0)).argmax())
        counts[expected] += 1
        assert int(sampler.choose(scores[None].copy())[0]) == expected
    assert np.count_nonzero(counts) > 128


settings = st.builds(
    Sampling,
    seed=st.integers(-(2**63), 2**63 - 1),
    temperature=st.sampled_from([0.0, 0.7, 2.0]),
    top_p=st.sampled_from([1.0, 0.5]),
    frequency_penalty=st.sampled_from([0.0, 0.5]),
)


@given(st.lists(settings, min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_a_rows_choices_do_not_depend_on_its_neighbours(rows: list[Sampling], seed: int) -> None:
    steps = np.random.default_rng(seed).normal(0, 2, (6, len(rows), VOCABULARY)).astype(np.float32)
    together = Sampler(4, VOCABULARY)
    for row, sampling in enumerate(rows):
        together.join(row, sampling, 0)
    chosen = np.array([together.choose(step.copy()) for step in steps])
    for row, sampling in enumerate(rows):
        alone = Sampler(4, VOCABULARY)
        alone.join(2, sampling, 0)
        assert [int(alone.choose(step[row : row + 1].copy(), 2)[0]) for step in steps] == chosen[:, row].tolist()


@given(settings, st.integers(0, 2**32 - 1))
def test_moving_to_another_row_changes_nothing(sampling: Sampling, seed: int) -> None:
    steps = np.random.default_rng(seed).normal(0, 2, (6, 1, VOCABULARY)).astype(np.float32)
    staying, moving = Sampler(2, VOCABULARY), Sampler(2, VOCABULARY)
    staying.join(0, sampling, 0)
    moving.join(1, sampling, 0)
    expected = [int(staying.choose(step.copy())[0]) for step in steps]
    chosen = [int(moving.choose(step.copy(), 1)[0]) for step in steps[:3]]
    moving.move(1, 0)
    chosen += [int(moving.choose(step.copy(), 0)[0]) for step in steps[3:]]
    assert chosen == expected


def test_a_freed_row_forgets_who_had_it() -> None:
    sampler = Sampler(1, 3)
    sampler.join(0, Sampling(seed=0, temperature=2.0, presence_penalty=2.0), 0)
    sampler.choose(logits([1, 0, 0]))
    sampler.leave(0)
    sampler.join(0, Sampling(seed=0), 0)
    assert {int(sampler.choose(logits([1.0, 0.9, 0.0]))[0]) for _ in range(20)} == {0}
