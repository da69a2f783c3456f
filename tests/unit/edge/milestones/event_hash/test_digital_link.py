"""A GS1 identifier has one spelling."""

import pytest

from edge.milestones.event_hash.digital_link import canonical

LINK = "https://id.gs1.org"


@pytest.mark.parametrize(
    ("urn", "link"),
    [
        ("id:sgtin:4012345.011111.98%22", "/01/04012345111118/21/98%22"),
        ("id:sgtin:415056789012.0.98.7", "/01/04150567890128/21/98.7"),
        ("id:sgtin:0614141.812345.67!()*+,:8", "/01/80614141123458/21/67%21%28%29%2A%2B%2C%3A8"),
        ("id:sscc:4012345.3111111111", "/00/340123451111111111"),
        ("id:sgln:4012345.00005.122", "/414/4012345000054/254/122"),
        ("id:sgln:4012345.00005.0", "/414/4012345000054"),
        ("id:pgln:999999999999.", "/417/9999999999994"),
        ("id:grai:4012345.00022.334455", "/8003/04012345000221334455"),
        ("id:giai:4012345.ABC.34(5", "/8004/4012345ABC.34%285"),
        ("id:gsrn:4012345.0000006765", "/8018/401234500000067657"),
        ("id:gsrnp:4012345.0000000007", "/8017/401234500000000074"),
        ("id:gdti:987659999999..9", "/253/98765999999929"),
        ("id:cpi:0614141.11-A%23%2F.1234", "/8010/061414111-A%23%2F/8011/1234"),
        ("id:sgcn:4012345.99999.44", "/255/401234599999044"),
        ("id:ginc:0614141.xyz47%2F11", "/401/0614141xyz47%2F11"),
        ("id:gsin:4012345.222333444", "/402/40123452223334442"),
        ("id:itip:4012345.011111.01.02.987", "/8006/040123451111180102/21/987"),
        ("id:upui:1234567.098765.51q)'", "/01/01234567987651/235/51q%29'"),
        ("class:lgtin:4012345.012345.Lot987", "/01/04012345123456/10/Lot987"),
        ("idpat:sgtin:4012345.012345.*", "/01/04012345123456"),
        ("idpat:grai:4012345.99999.*", "/8003/04012345999990"),
        ("idpat:cpi:4012345.AB12.*", "/8010/4012345AB12"),
        ("idpat:itip:4012345.012345.01.02.*", "/8006/040123451234560102"),
    ],
)
def test_an_urn_is_the_digital_link_of_gs1(urn: str, link: str) -> None:
    assert canonical(f"urn:epc:{urn}") == LINK + link


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("http://example.de/gtin-8/01/97803111", "/01/00000097803111"),
        ("https://ean-13.de/gtin/4012345123456/ser/ABC524", "/01/04012345123456/21/ABC524"),
        ("https://example.com/gtin/09780345418913/21/765tz?abc=2#x", "/01/09780345418913/21/765tz"),
        (f"{LINK}/01/9780345418913/22/344/10/1223/21/765tz", "/01/09780345418913/21/765tz"),
        (f"{LINK}/01/9780345418913/22/344", "/01/09780345418913"),
        ("https://x.example/a/b/01/9780345418913/10/L%2F1/", "/01/09780345418913/10/L%2F1"),
        ("https://x.example/00/340123453111111115", "/00/340123453111111115"),
        ("https://x.example/party/4226350800008", "/417/4226350800008"),
        ("https://x.example/414/4280000000002/254/12", "/414/4280000000002/254/12"),
        ("https://x.example/8010/0628165987/8011/9876", "/8010/0628165987/8011/9876"),
        ("https://x.example/8006/040123451234560102/22/AB/21/44", "/8006/040123451234560102/21/44"),
        ("https://x.example/401/4226350ABC", "/401/4226350ABC"),
    ],
)
def test_a_digital_link_is_of_gs1s_domain_with_its_finest_key(uri: str, link: str) -> None:
    assert canonical(uri) == LINK + link
    assert canonical(LINK + link) == LINK + link


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello World!",
        "geo:47.506694,11.104301",
        "urn:epcglobal:cbv:bt:5200001000008:4711",
        "urn:epc:id:sscc:4012345.311",
        "urn:epc:id:sscc:4012345",
        "urn:epc:id:sscc:4012345.31111x1111",
        "urn:epc:id:sscc:\u0664012345.311111111\u0661",
        "urn:epc:id:itip:4012345.011111.01",
        "urn:epc:id:other:4012345.011111.01",
        "https://example.de/01/97803",
        "https://example.de/abc/9780345418913",
        "https://example.de/01/9780345418913/99/utfgf",
        "https://example.de/01/9780345418913/21",
        "https://example.de/01/9780345418913/10/a/10/b",
        "https://dc-north.example/unit/00340123450001000009",
        "https://dc-north.example/414/4226350800008/readPoint/dock-1",
        "https://dc-north.example/giai/unit",
    ],
)
def test_any_other_text_is_left_as_it_is(text: str) -> None:
    assert canonical(text) == text
