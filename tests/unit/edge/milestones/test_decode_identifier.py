"""However a scanner tells a barcode, the unit is the same; a misread is no unit."""

import string
from typing import Any

import pytest
from biip.checksums import gs1_standard_check_digit
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.decode.identifier import check_scheme, normal_form

SSCC = "340123450000000017"
GTIN = "09506000134352"
FNC1 = "\x1d"
"""Separates element strings (GS1 General Specifications, section 7.8.5)."""
DIGITS = st.text(string.digits, min_size=17, max_size=17)


def spellings(sscc: str) -> list[str]:
    return [
        sscc,
        f"00{sscc}",
        f"]C100{sscc}",
        f"]d202{GTIN}3720{FNC1}00{sscc}",
        f"(00){sscc}",
        f"(02){GTIN}(37)20(00){sscc}",
        f"https://id.gs1.org/00/{sscc}",
        f"https://shop.example/some/where/00/{sscc}?linkType=gs1:pip",
    ]


def read(value: str, *schemes: str) -> str:
    return normal_form(schemes)(value, "scan: unit")


@given(digits=DIGITS)
@example(digits="01244702225873733")  # 01, a GTIN, 30: looks like elements
def test_an_sscc_is_its_digits_however_it_is_told(digits: str) -> None:
    sscc = f"{digits}{gs1_standard_check_digit(digits)}"
    assert {read(told, "sscc") for told in spellings(sscc)} == {sscc}


@given(digits=DIGITS, at=st.integers(0, 17), by=st.integers(1, 9))
def test_an_sscc_with_one_digit_misread_is_none(digits: str, at: int, by: int) -> None:
    sscc = f"{digits}{gs1_standard_check_digit(digits)}"
    wrong = f"{sscc[:at]}{(int(sscc[at]) + by) % 10}{sscc[at + 1 :]}"
    for told in spellings(wrong):
        with pytest.raises(Malformed, match=r"is no SSCC: its check digit is \d, not \d: misread"):
            read(told, "sscc")


@pytest.mark.parametrize(
    ("told", "gtin"),
    [
        ("9506000134352", GTIN),
        (GTIN, GTIN),
        ("]E09506000134352", GTIN),
        (f"01{GTIN}", GTIN),
        (f"]d201{GTIN}21abc", GTIN),
        (f"(01){GTIN}(21)abc", GTIN),
        (f"https://shop.example/01/{GTIN}/21/abc", GTIN),
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
    ],
)
def test_a_gtin_has_fourteen_digits(told: str, gtin: str) -> None:
    assert read(told, "gtin") == gtin


@pytest.mark.parametrize("told", [f"(00){SSCC}(1)", f"(00){SSCC}(10)", f"(00){SSCC}()x"])
def test_what_is_written_in_brackets_is_read_as_a_whole_or_not_at_all(told: str) -> None:
    with pytest.raises(Malformed, match="is no SSCC"):
        read(told, "sscc")


def test_brackets_in_a_serial_number_make_no_other_unit() -> None:
    asset = "07204056086565A"
    assert read(f"(8003){asset}", "grai") == asset
    assert read(f"]C18003{asset}(1)", "grai") == f"{asset}(1)"
    with pytest.raises(Malformed, match="is no GRAI"):
        read(f"(8003){asset}(1)", "grai")


@pytest.mark.parametrize(
    ("told", "digit", "right"),
    [
        ("9506000134353", 3, 2),
        ("]E09506000134353", 3, 2),
        ("96385075", 5, 4),
        ("036000291453", 3, 2),
        (f"{GTIN[:-1]}3", 3, 2),
        (f"01{GTIN[:-1]}1", 1, 2),
    ],
)
def test_a_misread_gtin_is_none(told: str, digit: int, right: int) -> None:
    why = f"is no GTIN: its check digit is {digit}, not {right}: misread$"
    with pytest.raises(Malformed, match=why):
        read(told, "gtin")


def test_of_a_label_that_is_misread_twice_both_are_said() -> None:
    told = f"(00){SSCC[:-1]}8(01){GTIN[:-1]}3"
    both = "is no SSCC or GTIN: its check digit is 8, not 7: misread: its check digit is 3, not 2"
    with pytest.raises(Malformed, match=both):
        read(told, "sscc", "gtin")


@pytest.mark.parametrize(
    "told", [f"8003{GTIN}77", f"(8003){GTIN}77", f"https://id.gs1.org/8003/{GTIN}77"]
)
def test_a_grai_keeps_its_serial_number(told: str) -> None:
    assert read(told, "grai") == f"{GTIN}77"
    with pytest.raises(Malformed, match="is no GRAI: its check digit"):
        read(told.replace(GTIN, GTIN[:-1] + "0"), "grai")


def test_the_first_scheme_that_fits_decides() -> None:
    assert read("LPN-7", "sscc", "/LPN-[0-9]+/") == "LPN-7"
    assert read(f"00{SSCC}", "/.*/", "sscc") == f"00{SSCC}"
    assert read(f"(02){GTIN}(37)20(00){SSCC}", "gtin", "sscc") == SSCC
    with pytest.raises(Malformed, match=r"scan: unit: 'xLPN-7' is no SSCC or /LPN-\[0-9\]\+/$"):
        read("xLPN-7", "sscc", "/LPN-[0-9]+/")
    with pytest.raises(Malformed, match=r"is no GTIN or /tote-\[0-9\]\+/$"):
        read("Tote-7", "gtin", "/tote-[0-9]+/")


@given(
    value=st.text(st.sampled_from(f"()]/{FNC1}:?&%.-+dCQe018 \u00b2\uff15ab"), max_size=60)
    | st.text()
)
def test_whatever_a_scanner_tells_is_read_or_refused(value: str) -> None:
    for scheme in ("sscc", "gtin", "grai", "/LPN.*/"):
        try:
            found = read(value, scheme)
        except Malformed:
            continue
        assert found
        assert read(found, scheme) == found or scheme == "grai"


@pytest.mark.parametrize(
    "told",
    [
        f"]J100{SSCC}",  # DotCode
        f"HTTPS://ID.GS1.ORG/00/{SSCC}",  # as a QR code in alphanumeric mode has it
        f"00{SSCC}7007260101260201",  # with a range of harvest dates
        f"00{SSCC}17260230",  # with a date that there is not
        f"(00){SSCC}(17)260230",
        f"(02) {GTIN} (37) 20 (00) {SSCC}",  # as it may be printed below the bars
        f"]C0{SSCC}",  # from a Code 128 that is none of GS1
    ],
)
def test_an_sscc_is_read_in_less_usual_company(told: str) -> None:
    assert read(told, "sscc") == SSCC


def test_digits_of_other_scripts_identify_nothing() -> None:
    arabic = SSCC.translate({ord(str(digit)): 0x0660 + digit for digit in range(10)})
    for told in (arabic, f"00{arabic}", f"(00){arabic}"):
        with pytest.raises(Malformed, match="is no SSCC"):
            read(told, "sscc")


def test_an_ean_13_with_an_add_on_is_its_gtin_and_no_sscc() -> None:
    told = "]E3950110153000354321"
    digits = told[3:20]
    add_on = f"]E3{digits}{gs1_standard_check_digit(digits)}"  # as an SSCC it would be right
    assert read(add_on, "gtin") == "09501101530003"
    with pytest.raises(Malformed, match="is no SSCC"):
        read(add_on, "sscc")


SCAN: dict[str, Any] = {
    "source": "floor",
    "subject": "scan",
    "kind": "scan",
    "fields": {"unit": "barcode?"},
    "identifiers": {"unit": ["sscc"]},
}


@pytest.mark.parametrize(
    ("payload", "unit"),
    [
        (f'{{"barcode": "]C100{SSCC}"}}', SSCC),
        (f'{{"barcode": {SSCC}}}', SSCC),  # a number, as some scanners have it
        ("{}", None),
    ],
)
def test_a_field_that_is_an_identifier_is_told_in_its_plain_form(
    payload: str, unit: str | None
) -> None:
    decoder = Decoder([ObservationSettings.model_validate(SCAN)])
    (observation,) = decoder.decode(1, "floor", Signal("scan", payload.encode(), 1))
    assert observation.fields.get("unit") == unit


def test_a_misread_is_refused_with_the_kind_and_the_field() -> None:
    decoder = Decoder([ObservationSettings.model_validate(SCAN)])
    with pytest.raises(Malformed, match=r"^scan: unit: '340123450000000018' is no SSCC"):
        decoder.decode(1, "floor", Signal("scan", b'{"barcode": "340123450000000018"}', 1))


@pytest.mark.parametrize(
    ("identifiers", "complaint"),
    [
        ({"unit": ["ssc"]}, r"'ssc' is none of sscc, gtin, grai, nor a pattern like '/LPN\[0-9\]"),
        ({"unit": ["/"]}, "'/' is none of sscc"),
        ({"unit": ["/(/"]}, r"'/\(/' is no regular expression: missing \)"),
        ({"unit": ["/(?=a)a/"]}, "is no regular expression: invalid perl operator"),
        ({"unit": []}, "at least 1 item"),
        ({"item": ["gtin"]}, "identifiers: no field 'item'; fields are unit"),
    ],
)
def test_what_can_identify_nothing_is_refused(
    identifiers: dict[str, list[str]], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ObservationSettings.model_validate(SCAN | {"identifiers": identifiers})


def test_a_field_that_the_format_itself_knows_may_be_an_identifier() -> None:
    vehicle = {"source": "floor", "subject": "x", "kind": "task", "format": "vda5050"}
    settings = ObservationSettings.model_validate({**vehicle, "identifiers": {"unit": ["sscc"]}})
    assert settings.identifiers == {"unit": ("sscc",)}


def test_a_pattern_takes_no_longer_than_the_text_is_long() -> None:
    fits = normal_form(["/(a+)+/"])
    assert fits("a" * 1024, "unit") == "a" * 1024
    with pytest.raises(Malformed, match="is no /"):  # Python itself takes hours
        fits("a" * 1023 + "b", "unit")


@pytest.mark.parametrize(
    "told", ["]", "(01", "\u0663", *("9" * digits for digits in (7, 9, 11, 15, 17, 19))]
)
def test_what_is_no_barcode_at_all_is_none_and_no_misread(told: str) -> None:
    with pytest.raises(Malformed, match=r"is no GTIN or SSCC$"):
        read(told, "gtin", "sscc")


def test_a_pattern_that_is_none_is_complained_of_only_where_it_is_refused(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="is no regular expression"):
        check_scheme("/(/")
    assert capfd.readouterr() == ("", "")
