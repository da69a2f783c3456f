"""What names and values mean, wherever they are written and on whatever machine."""

import time
from collections.abc import Iterator

import pytest

from edge.milestones.event_hash import pre_hash

EVENT = {"type": "ObjectEvent", "eventTime": "2026-01-21T12:00:00Z"}
CONTEXT = {"site": "https://dc.example/ns/", "http": "https://never.example/"}
CBV = "https://ref.gs1.org/cbv/"


def written(told: dict[str, object]) -> str:
    return pre_hash(EVENT | told, CONTEXT).removeprefix(pre_hash(EVENT))


@pytest.mark.parametrize(
    ("prefix", "meaning"),
    [
        ("cbv", CBV),
        ("cbvmda", "urn:epcglobal:cbv:mda:"),
        ("dcterms", "http://purl.org/dc/terms/"),
        ("epcis", "https://ref.gs1.org/epcis/"),
        ("gs1", "https://gs1.org/voc/"),
        ("owl", "http://www.w3.org/2002/07/owl#"),
        ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
        ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ],
)
def test_the_prefixes_of_the_context_of_epcis_are_known_without_it(
    prefix: str, meaning: str
) -> None:
    assert written({f"{prefix}:n": f"{prefix}:v"}) == f"{{{meaning}}}n={meaning}v"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("site:a:b", "{https://dc.example/ns/}a:b"),
        ("https://other.example/ns/zone", "https://other.example/ns/zone"),
        ("http://other.example/ns/zone", "http://other.example/ns/zone"),
        ("urn:example:zone", "urn:example:zone"),
    ],
)
def test_the_name_of_a_field_is_told_whole_or_by_what_stands_before_its_first_colon(
    name: str, key: str
) -> None:
    assert written({name: 1}) == f"{key}=1"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("site:a:b", "https://dc.example/ns/a:b"),
        ("http://a.example/b", "http://a.example/b"),
        ("urn:epcglobal:cbv:bizstep:packing", f"{CBV}BizStep-packing"),
        ("urn:epcglobal:cbv:disp:active", f"{CBV}Disp-active"),
        ("urn:epcglobal:cbv:btt:po", f"{CBV}BTT-po"),
        ("urn:epcglobal:cbv:sdt:location", f"{CBV}SDT-location"),
        ("urn:epcglobal:cbv:er:incorrect_data", f"{CBV}ER-incorrect_data"),
    ],
)
def test_a_uri_has_one_form_however_it_is_shortened(value: str, form: str) -> None:
    assert written({"n": value}) == f"n={form}"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("+7", "7"),
        ("-07.50", "-7.5"),
        ("7.", "7"),
        (".50", "0.5"),
        ("700", "700"),
        ("1E2", "100"),
        ("12e-1", "1.2"),
        ("1e100", "1" + "0" * 100),
        ("1e1000", "1e1000"),
        ("7 8", "7 8"),
        ("7e", "7e"),
        (".", "."),
    ],
)
def test_a_number_has_one_form_however_it_is_spelled(value: str, form: str) -> None:
    assert written({"n": value}) == f"n={form}"


@pytest.fixture
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_far_from_utc")
def test_a_time_does_not_depend_on_where_it_is_hashed() -> None:
    local = EVENT | {"eventTime": "2026-01-21T13:00:00+01:00"}
    assert (
        pre_hash(local)
        == pre_hash(EVENT)
        == ("eventType=ObjectEventeventTime=2026-01-21T12:00:00.000Z")
    )
