"""Settings that cannot work are refused before anything runs, in words."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

import drivers
from drivers.http.settings import HttpSettings

URL = "https://erp.example/milestones"


def test_the_sample_is_valid() -> None:
    text = Path(drivers.__file__).with_name("http").joinpath("sample.toml").read_text("utf-8")
    given = tomllib.loads(text)["destinations"]["erp"]

    driver = drivers.find(given.pop("driver"))
    assert driver.sink_settings is HttpSettings
    assert HttpSettings.model_validate(given).url == URL


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"url": "erp.example/milestones"}, "not an http"),
        ({"url": "ftp://erp.example/"}, "not an http"),
        ({"url": "http:///milestones"}, "not an http"),
        ({"url": "https://me:secret@erp.example/"}, "no user name"),
        ({"url": "https://erp.example/#top"}, "no fragment"),
        ({"url": "https://erp.example/über"}, "only ASCII"),
        ({"url": "https://erp.example:99999/"}, "ort"),
        ({"url": f"https://{'a' * 64}.example/"}, "label"),
        ({"look_up": "https://erp.example/milestones/"}, "must hold {id}"),
        ({"look_up": "erp/{id}"}, "not an http"),
        ({"timeout_seconds": 0}, "greater than 0"),
        ({"connect_timeout_seconds": -1}, "greater than 0"),
        ({"headers": {"ce-id": "1"}}, "set by the driver"),
        ({"headers": {"Content-Type": "text/plain"}}, "set by the driver"),
        ({"headers": {"Idempotency-Key": "1"}}, "set by the driver"),
        ({"headers": {"Authorization": "Basic eDp5"}}, "bearer_token_file"),
        ({"headers": {"x tenant": "1"}}, "no name for a header"),
        ({"headers": {"x-tenant": "1\r\nce-id: 2"}}, "printable ASCII"),
        ({"ca_file": "/nowhere/ca.pem"}, "file"),
        ({"bearer_token_file": "/nowhere/token"}, "no such file"),
        ({"retries": 3}, "not permitted"),
    ],
)
def test_what_cannot_work_is_refused_in_words(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HttpSettings.model_validate({"url": URL, **wrong})


@pytest.mark.parametrize("exposed", ["url", "look_up"])
def test_a_token_is_never_configured_to_travel_in_the_clear(tmp_path: Path, exposed: str) -> None:
    token = tmp_path / "token"
    token.write_text("abc")
    safe = {"url": URL, "look_up": URL + "/{id}", "bearer_token_file": token}

    HttpSettings.model_validate(safe)
    HttpSettings.model_validate({**safe, exposed: "http://127.0.0.1:8080/{id}"})
    HttpSettings.model_validate({**safe, exposed: "http://[::1]:8080/{id}"})
    with pytest.raises(ValidationError, match="anyone on the way can read the token"):
        HttpSettings.model_validate({**safe, exposed: "http://erp.example/{id}"})
