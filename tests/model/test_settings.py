"""What window and command line tell of a rule is one sentence, and true of it."""

from mulberry.model.rules import Decision, Hold, Rule
from mulberry.model.settings import RuleNow, rules_now

KEPT = "You keep RTX 4090 for yourself."
HOT = Hold(Rule.TEMPERATURE, "RTX 4090 has 85 °C, your ceiling is 80 °C.", gpu="a")


def test_a_rule_says_once_what_it_holds_up() -> None:
    kept = tuple(Hold(Rule.KEPT, KEPT, gpu=gpu) for gpu in ("a", "b"))
    assert rules_now(Decision(gpu_holds=kept)) == {"gpus": RuleNow((f"Holds now: {KEPT}",), is_blind=False)}


def test_a_blind_rule_says_why_and_what_follows_beside_what_it_does_see() -> None:
    decision = Decision(gpu_holds=(HOT,), blind=((Rule.TEMPERATURE, "the temperature of RTX 4080 is not known"),))
    assert rules_now(decision)["ceiling_celsius"] == RuleNow(
        (
            "Holds now: RTX 4090 has 85 °C, your ceiling is 80 °C.",
            "Cannot be seen here, because the temperature of RTX 4080 is not known. It pauses nothing.",
        ),
        is_blind=True,
    )


def test_nothing_is_told_of_rules_that_rest() -> None:
    assert rules_now(Decision()) == {}
