"""Finds jobs as the agent does, but in Python and without SQLite: what is right, in tests."""

from collections.abc import Sequence

from mulberry.model.jobs import Job, JobOutcome
from mulberry.model.jobs_question import JobOrder, JobsFound, JobsQuestion, JobsWish


def found_by_hand(jobs: Sequence[Job], wish: JobsWish) -> JobsFound:
    question = wish.question
    found = [job for job in jobs if answers(job, question)]
    found.sort(key=lambda job: sorted_by(job, question.order), reverse=question.is_descending)
    return JobsFound(tuple(found[wish.offset : wish.offset + wish.limit]), len(found) if wish.is_whole else None)


def answers(job: Job, question: JobsQuestion) -> bool:
    return (
        question.text.lower() in job.request_id
        and question.model in ("", job.model)
        and question.proxy in ("", job.proxy)
        and question.outcome in (None, job.outcome)
        and question.word in (None, job.word)
        and (question.since is None or job.finished_at >= question.since)
        and (question.until is None or job.finished_at < question.until)
        and (question.upto is None or job.number <= question.upto)
    )


def sorted_by(job: Job, order: JobOrder) -> tuple[object, int]:
    is_done = job.outcome is JobOutcome.DONE
    keys: dict[JobOrder, object] = {
        JobOrder.NUMBER: job.number,
        JobOrder.MODEL: job.model,
        JobOrder.TOKENS: job.prompt_tokens + job.completion_tokens,
        JobOrder.LATENCY: job.latency_seconds,
        JobOrder.EARNED: job.earned if job.confirmed_tokens is not None else job.estimated if is_done else 0,
        JobOrder.OUTCOME: job.outcome.value,
        JobOrder.WORD: -(10**9) if job.confirmed_tokens is None else job.confirmed_tokens - job.adjusted_tokens,
        JobOrder.PROXY: job.proxy,
        JobOrder.REQUEST: job.request_id,
    }
    return keys[order], job.number
