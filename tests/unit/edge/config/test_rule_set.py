"""What is other between two configurations, and which rules that concerns."""

from pathlib import Path

from edge.config import Configuration
from edge.config.loading import load_text
from edge.config.rule_set import changed_rules

PALLETS = (Path(__file__).parents[4] / "docs" / "examples" / "pallets.toml").read_text("utf-8")


def site(was: str = "", is_now: str = "") -> Configuration:
    assert was in PALLETS
    departing = """
        [rules.departing]
        operator = "one"
        milestone = "departed"
        about = "unit"
        of = { milestone = "loaded" }
    """
    return load_text(PALLETS.replace(was, is_now) + departing)


def test_nothing_is_other_between_a_configuration_and_itself() -> None:
    assert changed_rules(site(), site()) == frozenset()


def test_who_listens_to_another_rule_is_other_with_it() -> None:
    changed = changed_rules(site(), site('occurrence = ["trailer"]', "occurrence = []"))
    assert changed == {"on-trailer", "departing"}


def test_who_listened_to_a_rule_that_is_gone_is_other() -> None:
    unwrapped = PALLETS[PALLETS.index("[rules.unwrapped]") : PALLETS.index("[rules.on-trailer]")]
    assert changed_rules(site(), site(unwrapped)) == {"unwrapped", "departing"}


def test_who_listens_to_what_is_told_of_content_is_other_with_what_is_packed() -> None:
    changed = changed_rules(site(), site("within_seconds = 3600", "within_seconds = 60"))
    assert changed == {"stacked", "departing"}


def test_who_listens_to_observations_that_are_read_otherwise_is_other() -> None:
    changed = changed_rules(site(), site('trailer = "trailer" }', 'trailer = "vehicle" }'))
    assert changed == {"on-trailer", "departing"}
