"""What the terminal says of updates is what an owner on a server decides by; strangers' words obey nobody there."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from mulberry.cli.main import application
from mulberry.cli.update_words import MOST_LINES, of_question, of_update
from mulberry.model.update import InstalledBy, Problem, UpdateStatus, UpdateWork
from update_samples import A_NEWER_VERSION, NOTHING_KNOWN, RELEASE


def lines(status: UpdateStatus) -> str:
    return "\n".join(of_update(status))


def test_a_newer_version_is_told_with_its_notes_and_what_to_say() -> None:
    said = lines(A_NEWER_VERSION)
    assert "Version 0.2.0 of 2026-11-20 is there. The maintainers say:" in said
    assert "  | Faster start, and a page for the weather of the network." in said
    assert "It takes 98.0 MB. Install it with `mulberry update apply`," in said
    assert "It is asked once a day." in said


def test_nothing_known_is_told_as_that() -> None:
    said = lines(NOTHING_KNOWN)
    assert "Nobody was asked for a newer version yet" in said
    assert "`mulberry config set update_check on`" in said
    assert "No newer version is offered" not in said, "nobody has looked"
    assert "No newer version is offered." in lines(replace(A_NEWER_VERSION, offered=None))
    assert "Nobody can be asked" in lines(replace(NOTHING_KNOWN, cannot_check="This copy came without release keys."))


def test_a_fetched_package_is_told_with_its_one_command() -> None:
    said = lines(replace(A_NEWER_VERSION, by_itself=False, command="sudo apt install '/a b/mulberry.deb'"))
    assert "It is fetched and checked. This puts it in place:\n  sudo apt install '/a b/mulberry.deb'" in said
    assert "mulberry update apply" not in said


def test_what_it_takes_is_said_before_it_begins() -> None:
    asked = "\n".join(of_question(A_NEWER_VERSION))
    assert "Version 0.2.0 takes 98.0 MB from releases.example." in asked
    assert "when no request runs" in asked
    assert "you get the command" in "\n".join(of_question(replace(A_NEWER_VERSION, by_itself=False)))


def test_what_went_wrong_and_what_was_skipped_are_told() -> None:
    problem = Problem("The feed was not used.", "It takes 2.", "It is asked again later.")
    said = lines(replace(A_NEWER_VERSION, problem=problem, skipped=("0.1.9", "0.2.0")))
    assert "The feed was not used. It takes 2. It is asked again later." in said
    assert "Skipped: 0.1.9, 0.2.0" in said


def test_the_maintainers_words_obey_nobody_and_end() -> None:
    evil = "\x1b[31mred\u202e\n" + "line\n" * 500
    said = lines(replace(A_NEWER_VERSION, offered=replace(RELEASE, notes=evil)))
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert said.count("  | ") == MOST_LINES + 1


@pytest.mark.parametrize("work", [work for work in UpdateWork if work is not UpdateWork.NOTHING])
def test_what_is_under_way_is_told(work: UpdateWork) -> None:
    status = replace(A_NEWER_VERSION, installed_by=InstalledBy.WINDOWS, work=work)
    said = set(lines(status).splitlines()) - set(lines(replace(status, work=UpdateWork.NOTHING)).splitlines())
    assert len(said) == 1


def test_every_verb_has_its_help() -> None:
    for verb in ("status", "check", "apply", "skip", "later", "cancel"):
        result = CliRunner().invoke(application, ["update", verb, "--help"])
        assert result.exit_code == 0
        assert "--json" in result.output
