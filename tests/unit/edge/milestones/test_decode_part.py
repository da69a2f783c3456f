"""Which values can be a field, and how a message shows what cannot."""

import pytest

from edge.milestones.decode import Malformed
from edge.milestones.decode.part import described
from tests.unit.edge.milestones.decoding import decode_field, decoder, signal


@pytest.mark.parametrize("value", ["x", 0, 3, -1.5, True, False, 2**63, "€ ünï"])
def test_scalars_are_taken_as_they_are(value: object) -> None:
    assert decode_field(value) == value
    assert type(decode_field(value)) is type(value)


@pytest.mark.parametrize("value", [{}, [], {"a": 1}, ["a"], [[[]]]])
def test_an_object_or_list_is_no_field(value: object) -> None:
    shown = "an object" if isinstance(value, dict) else "a list"
    with pytest.raises(
        Malformed, match=f"k: it: {shown}; expected a text, a number, true or false"
    ):
        decode_field(value)


def test_a_number_that_json_readers_round_is_refused() -> None:
    # Too many digits for 64 bits: read as a number, two barcodes become one.
    mapping = {"source": "s", "subject": "x", "kind": "k", "fields": {"unit": "u"}}
    with pytest.raises(Malformed, match="not exact; expected it as a text"):
        decoder(mapping).decode(1, "s", signal(b'{"u": 123456789012345678901}', "x"))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_first_number_that_json_readers_round_is_refused_and_the_last_before_it_taken(
    sign: int,
) -> None:
    # 2**53 + 1 is read as 2**53: of either nobody knows which of the two was meant.
    assert decode_field(sign * float(2**53 - 1)) == sign * (2**53 - 1)
    with pytest.raises(Malformed, match=r"9007199254740992\.0 is not exact"):
        decode_field(sign * float(2**53))


def test_a_text_of_1024_characters_is_a_field_and_a_longer_one_is_none() -> None:
    assert decode_field("x" * 1024) == "x" * 1024
    with pytest.raises(Malformed, match="1025 characters; expected at most 1024"):
        decode_field("x" * 1025)


def test_a_text_of_a_megabyte_is_no_field() -> None:
    with pytest.raises(Malformed, match="1000000 characters; expected at most 1024"):
        decode_field("x" * 1_000_000)


@pytest.mark.parametrize("value", ["\0", "A\0B", "A\0\0"])
def test_a_text_that_other_programs_would_take_for_a_shorter_one_is_no_field(value: str) -> None:
    # SQLite's json_each, for one: "A\0B" and "A\0C" would be one key there.
    with pytest.raises(Malformed, match=r"it: '.*' holds U\+0000; expected a text without"):
        decode_field(value)


def test_a_message_shows_sixty_characters_of_a_text_and_says_where_it_leaves_off() -> None:
    assert described("x" * 60) == repr("x" * 60)
    assert described("x" * 61) == repr("x" * 60) + "…"
