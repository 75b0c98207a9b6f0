"""One job in full: each value with what it is and whose word it is. Pure, so that it can be read and tested."""

from collections.abc import Mapping
from datetime import datetime

from mulberry.desktop.jobs_columns import LONGEST_NAME, word_text
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.wording import latency_text
from mulberry.model.jobs import Job, JobOutcome, ProxyWord
from mulberry.model.jobs_question import Covering
from mulberry.model.money import format_ton
from mulberry.model.text import plain

NOT_NOTED = "not noted"
NOT_NOTED_WHY = "The Mulberry that booked this job did not note it."
ENGINE = "Counted by the engine on this computer."
LEDGER = "From the ledger on this computer."
OUTCOMES: Mapping[JobOutcome, str] = {
    JobOutcome.DONE: "The whole answer was made and sent.",
    JobOutcome.FAILED: "It went wrong on this computer.",
    JobOutcome.REFUSED: "The request was not one that can be answered.",
    JobOutcome.CANCELLED: "It ended before the answer was whole.",
}
WORDS: Mapping[ProxyWord, str] = {
    ProxyWord.NONE_YET: "The proxy has not said yet how many tokens it pays for.",
    ProxyWord.AS_COUNTED: "The proxy pays for as many tokens as this computer counted.",
    ProxyWord.FEWER: "The proxy pays for fewer tokens than this computer counted.",
    ProxyWord.MORE: "The proxy pays for more tokens than this computer counted.",
}
NO_COVERING = "Payments cover the oldest earnings first; none that came so far reaches this job."


def facts_of(job: Job, proxy_names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Everything the ledger holds of it."""
    return (*_what(job, proxy_names), *_when(job), *_counts(job), *_money(job))


def covering_fact(covering: Covering | None) -> Fact:
    if covering is None:
        return Fact("Covered by", "no payment yet", NO_COVERING)
    signed = _moment_text(covering.signed_at)
    where = "It was paid on TON." if covering.is_on_chain else "It was not yet seen on TON."
    source = f"The signed payment for {covering.tokens:,} tokens all told came on {signed}. {where}"
    return Fact("Covered by", f"the payment of {signed}", source)


def _what(job: Job, proxy_names: Mapping[str, str]) -> tuple[Fact, ...]:
    tone = "bad" if job.outcome is JobOutcome.FAILED else ""
    why = f"{OUTCOMES[job.outcome]} {job.error}".strip()
    proxy = proxy_names.get(job.proxy) or f"{job.proxy[:8]}…"
    return (
        Fact("Outcome", job.outcome.value, plain(why), tone),
        Fact("Model", plain(job.model, LONGEST_NAME), LEDGER),
        Fact("Proxy", plain(proxy, LONGEST_NAME), plain(f"Its public key is {job.proxy}.", 200)),
        Fact("Number", f"{job.number:,}", "The ledger of this computer counts its jobs from one, without gaps."),
    )


def _when(job: Job) -> tuple[Fact, ...]:
    first = job.first_answer_at
    wait = "–" if first is None else latency_text((first - job.received_at).total_seconds())
    return (
        Fact("Arrived", _moment_text(job.received_at), "By this computer's clock."),
        Fact("First text after", wait, "From the arrival to the first part of the answer."),
        Fact("Took", latency_text(job.latency_seconds), "From the arrival to the end of the answer."),
        Fact("Ended", _moment_text(job.finished_at), "By this computer's clock."),
    )


def _counts(job: Job) -> tuple[Fact, ...]:
    return (
        Fact("Prompt", f"{job.prompt_tokens:,} tokens", f"{ENGINE} Cached ones are part of it."),
        _noted("Cached, of the prompt", job.cached_tokens, f"{ENGINE} They had been read for an earlier request."),
        Fact("Answer", f"{job.completion_tokens:,} tokens", f"{ENGINE} Reasoning is part of it."),
        _noted(
            "Reasoning, of the answer", job.reasoning_tokens, f"{ENGINE} What the model thought before it answered."
        ),
    )


def _money(job: Job) -> tuple[Fact, ...]:
    factor = Fact("Price factor", NOT_NOTED, NOT_NOTED_WHY)
    if job.coefficient is not None:
        factor = Fact("Price factor", f"{job.coefficient / 1000:.3f}", "What you set; 1.000 is the network's price.")
    confirmed = "–" if job.confirmed_tokens is None else f"{job.confirmed_tokens:,}"
    tone = "bad" if job.word is ProxyWord.FEWER else ""
    return (
        factor,
        Fact("Price", f"{format_ton(job.worker_fee_per_token)} a token", "From the network's root contract."),
        Fact("To be paid for", f"{job.adjusted_tokens:,} tokens", "Weighed here by the network's rules."),
        Fact("Proxy's count", f"{confirmed} ({word_text(job)})", WORDS[job.word], tone),
        Fact("Estimate", format_ton(job.estimated), "This computer's count at the price; a promise of nobody."),
        Fact("Earned", "–" if job.confirmed_tokens is None else format_ton(job.earned), WORDS[job.word], tone),
    )


def _moment_text(moment: datetime) -> str:
    return f"{moment.astimezone():%d %b %Y %H:%M:%S}"


def _noted(name: str, tokens: int | None, source: str) -> Fact:
    return Fact(name, NOT_NOTED, NOT_NOTED_WHY) if tokens is None else Fact(name, f"{tokens:,} tokens", source)
