"""One job in full: each value with what it is and whose word it is. Pure, so that it can be read and tested."""

from collections.abc import Mapping
from datetime import datetime

from mulberry.desktop.jobs_columns import LONGEST_NAME, OUTCOME_WORDS, word_text
from mulberry.desktop.network_wording import Fact
from mulberry.desktop.wording import latency_text
from mulberry.model.jobs import Job, JobOutcome, ProxyWord
from mulberry.model.jobs_question import Covering
from mulberry.model.language import dated, number, tr, tr_count
from mulberry.model.money import format_ton
from mulberry.model.text import plain

NOT_NOTED = tr("not noted")
NOT_NOTED_WHY = tr("The Mulberry that booked this job did not note it.")
ENGINE = tr("Counted by the engine on this computer.")
LEDGER = tr("From the ledger on this computer.")
OUTCOMES: Mapping[JobOutcome, str] = {
    JobOutcome.DONE: tr("The whole answer was made and sent."),
    JobOutcome.FAILED: tr("It went wrong on this computer."),
    JobOutcome.REFUSED: tr("The request was not one that can be answered."),
    JobOutcome.CANCELLED: tr("It ended before the answer was whole."),
}
WORDS: Mapping[ProxyWord, str] = {
    ProxyWord.NONE_YET: tr("The proxy has not said yet how many tokens it pays for."),
    ProxyWord.AS_COUNTED: tr("The proxy pays for as many tokens as this computer counted."),
    ProxyWord.FEWER: tr("The proxy pays for fewer tokens than this computer counted."),
    ProxyWord.MORE: tr("The proxy pays for more tokens than this computer counted."),
}
NO_COVERING = tr("Payments cover the oldest earnings first; none that came so far reaches this job.")


def facts_of(job: Job, proxy_names: Mapping[str, str]) -> tuple[Fact, ...]:
    """Everything the ledger holds of it."""
    return (*_what(job, proxy_names), *_when(job), *_counts(job), *_money(job))


def covering_fact(covering: Covering | None) -> Fact:
    if covering is None:
        return Fact(tr("Covered by"), tr("no payment yet"), NO_COVERING)
    signed = _moment_text(covering.signed_at)
    where = tr("It was paid on TON.") if covering.is_on_chain else tr("It was not yet seen on TON.")
    came = tr_count(
        "The signed payment for {count} token all told came on {time}.",
        "The signed payment for {count} tokens all told came on {time}.",
        covering.tokens,
        time=signed,
    )
    return Fact(tr("Covered by"), tr("the payment of {time}", time=signed), f"{came} {where}")


def _what(job: Job, proxy_names: Mapping[str, str]) -> tuple[Fact, ...]:
    tone = "bad" if job.outcome is JobOutcome.FAILED else ""
    why = f"{OUTCOMES[job.outcome]} {job.error}".strip()
    proxy = proxy_names.get(job.proxy) or f"{job.proxy[:8]}…"
    return (
        Fact(tr("Outcome"), OUTCOME_WORDS[job.outcome], plain(why), tone),
        Fact(tr("Model"), plain(job.model, LONGEST_NAME), LEDGER),
        Fact(tr("Proxy"), plain(proxy, LONGEST_NAME), plain(tr("Its public key is {key}.", key=job.proxy), 200)),
        Fact(
            tr("Number"),
            number(f"{job.number:,}"),
            tr("The ledger of this computer counts its jobs from one, without gaps."),
        ),
    )


def _when(job: Job) -> tuple[Fact, ...]:
    first = job.first_answer_at
    wait = "–" if first is None else latency_text((first - job.received_at).total_seconds())
    return (
        Fact(tr("Arrived"), _moment_text(job.received_at), tr("By this computer's clock.")),
        Fact(tr("First text after"), wait, tr("From the arrival to the first part of the answer.")),
        Fact(tr("Took"), latency_text(job.latency_seconds), tr("From the arrival to the end of the answer.")),
        Fact(tr("Ended"), _moment_text(job.finished_at), tr("By this computer's clock.")),
    )


def _counts(job: Job) -> tuple[Fact, ...]:
    counted = (
        (tr("Prompt"), job.prompt_tokens, tr("Cached ones are part of it.")),
        (tr("Cached, of the prompt"), job.cached_tokens, tr("They had been read for an earlier request.")),
        (tr("Answer"), job.completion_tokens, tr("Reasoning is part of it.")),
        (tr("Reasoning, of the answer"), job.reasoning_tokens, tr("What the model thought before it answered.")),
    )
    return tuple(_noted(name, tokens, f"{ENGINE} {what}") for name, tokens, what in counted)


def _money(job: Job) -> tuple[Fact, ...]:
    factor = Fact(tr("Price factor"), NOT_NOTED, NOT_NOTED_WHY)
    if job.coefficient is not None:
        factor = Fact(
            tr("Price factor"),
            number(f"{job.coefficient / 1000:.3f}"),
            tr("What you set; {one} is the network's price.", one=number("1.000")),
        )
    confirmed = "–" if job.confirmed_tokens is None else number(f"{job.confirmed_tokens:,}")
    tone = "bad" if job.word is ProxyWord.FEWER else ""
    return (
        factor,
        Fact(
            tr("Price"),
            tr("{price} a token", price=format_ton(job.worker_fee_per_token)),
            tr("From the network's root contract."),
        ),
        Fact(
            tr("To be paid for"),
            _tokens(job.adjusted_tokens),
            tr("Weighed here by the network's rules."),
        ),
        Fact(tr("Proxy's count"), f"{confirmed} ({word_text(job)})", WORDS[job.word], tone),
        Fact(tr("Estimate"), format_ton(job.estimated), tr("This computer's count at the price; a promise of nobody.")),
        Fact(tr("Earned"), "–" if job.confirmed_tokens is None else format_ton(job.earned), WORDS[job.word], tone),
    )


def _moment_text(moment: datetime) -> str:
    return dated(moment.astimezone(), "%d %b %Y %H:%M:%S")


def _noted(name: str, tokens: int | None, source: str) -> Fact:
    return Fact(name, NOT_NOTED, NOT_NOTED_WHY) if tokens is None else Fact(name, _tokens(tokens), source)


def _tokens(tokens: int) -> str:
    return tr_count("{count} token", "{count} tokens", tokens)
