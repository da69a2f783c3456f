"""What is GS1's, what is a URI already, and what is the site's own."""

import pytest

from edge.milestones.identifiers import gtin_uri, item_uri, own_uri, unit_uri

DC = "https://dc.example"


@pytest.mark.parametrize(
    ("value", "uri"),
    [
        ("340123450000000017", "https://id.gs1.org/00/340123450000000017"),
        # The last digit is wrong.
        ("340123450000000018", f"{DC}/unit/340123450000000018"),
        ("34012345000000001", f"{DC}/unit/34012345000000001"),
        # Digits, but not those of GS1: they would be another SSCC.
        ("34012345000000001७", f"{DC}/unit/34012345000000001%E0%A5%AD"),
        (" 340123450000000017", f"{DC}/unit/%20340123450000000017"),
        ("TOTE/7 ä", f"{DC}/unit/TOTE%2F7%20%C3%A4"),
        ("https://id.gs1.org/8003/0401234500001", "https://id.gs1.org/8003/0401234500001"),
        ("urn:epc:id:sscc:4012345.3000000001", "urn:epc:id:sscc:4012345.3000000001"),
        ("http://not a uri", f"{DC}/unit/http%3A%2F%2Fnot%20a%20uri"),
        ("https://a/%zz", f"{DC}/unit/https%3A%2F%2Fa%2F%25zz"),
        ("javascript:alert(1)", f"{DC}/unit/javascript%3Aalert%281%29"),
    ],
)
def test_a_unit_is_an_sscc_a_uri_or_the_sites_own(value: str, uri: str) -> None:
    assert unit_uri(value, DC) == uri


@pytest.mark.parametrize(
    ("value", "gtin14"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("10614141000415", "10614141000415"),
    ],
)
def test_gtins_of_all_lengths_become_fourteen_digits(value: str, gtin14: str) -> None:
    assert item_uri(value, DC) == f"https://id.gs1.org/01/{gtin14}"


@pytest.mark.parametrize(
    "value",
    [
        "4006381333932",  # wrong check digit
        "400638133393",  # a digit is missing
        "2000000000008",  # restricted circulation: means something else elsewhere
        "02345673",  # restricted circulation, GTIN-8
        "00000000",
        "14001680",  # the check digit is right, but GS1 has issued no such prefix
        "400638133393१",
        "SKU-1",
        "",
    ],
)
def test_what_gs1_has_not_issued_for_the_world_is_the_sites_own(value: str) -> None:
    assert gtin_uri(value) is None
    assert item_uri(value, DC).startswith(f"{DC}/item/")


def test_own_identifiers_can_be_told_apart_by_what_they_name() -> None:
    assert own_uri("7", DC, "order") == f"{DC}/order/7"
    assert own_uri("7", DC, "rma") == f"{DC}/rma/7"
