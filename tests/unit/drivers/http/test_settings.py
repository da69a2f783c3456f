"""Settings that cannot work are refused before anything runs, in words."""

import re
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


def test_every_setting_in_the_sample_is_valid(tmp_path: Path) -> None:
    text = Path(drivers.__file__).with_name("http").joinpath("sample.toml").read_text("utf-8")
    named = {name: tmp_path / name for name in ("erp-secret", "erp-client.pem", "erp-client.key")}
    named |= {f"/etc/milepost/{name}": tmp_path / name for name in ("erp-ca.pem", "login-ca.pem")}
    for written, real in named.items():
        real.touch()
        text = text.replace(f'"{written}"', f'"{real}"')
    usual, every = text.split("# What every destination has")
    ways = every.split("# [destinations.erp.auth]\n")[1].split("#\n")
    shown = re.sub(r"^# ", "", usual.partition("[destinations.erp]\n")[2], flags=re.MULTILINE)

    kinds = set()
    for way in ways:
        auth = re.sub(r"^# ", "", way, flags=re.MULTILINE)
        given = tomllib.loads(f"{shown}\n[auth]\n{auth}")
        assert given.pop("driver") == "http"
        settings = HttpSettings.model_validate(given)
        assert settings.model_fields_set == set(HttpSettings.model_fields)
        assert settings.auth is not None
        kinds.add(settings.auth.kind)
    assert kinds == {"bearer", "basic", "signature", "oauth2"}


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
        ({"headers": {"Authorization": "Basic eDp5"}}, "use auth"),
        ({"headers": {"x tenant": "1"}}, "no name for a header"),
        ({"headers": {"x-tenant": "1\r\nce-id: 2"}}, "printable ASCII"),
        ({"ca_file": "/nowhere/ca.pem"}, "file"),
        ({"headers": {"Webhook-Id": "1"}}, "set by the driver"),
        ({"auth": {"kind": "bearer", "token_file": "/nowhere/token"}}, "no such file"),
        ({"auth": {"kind": "bearer"}}, "token_file"),
        ({"auth": {"kind": "basic", "user": "a:b", "password_file": __file__}}, "pattern"),
        ({"auth": {"kind": "kerberos"}}, "kind"),
        ({"client_certificate_file": __file__}, "go together"),
        (
            {
                "url": "http://127.0.0.1/",
                "client_certificate_file": __file__,
                "client_key_file": __file__,
            },
            "https:// only",
        ),
        ({"batch": {"max_entries": 1}}, "greater than or equal to 2"),
        ({"batch": {"max_entries": 501}}, "less than or equal to 500"),
        ({"retries": 3}, "not permitted"),
    ],
)
def test_what_cannot_work_is_refused_in_words(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        HttpSettings.model_validate({"url": URL, **wrong})


def auths(secret: Path) -> dict[str, dict[str, object]]:
    return {
        "bearer": {"kind": "bearer", "token_file": secret},
        "basic": {"kind": "basic", "user": "milepost", "password_file": secret},
        "oauth2": {
            "kind": "oauth2",
            "token_url": "https://login.example/token",
            "client_id": "milepost",
            "client_secret_file": secret,
        },
    }


@pytest.mark.parametrize("exposed", ["url", "look_up"])
@pytest.mark.parametrize("kind", ["bearer", "basic", "oauth2"])
def test_a_secret_is_never_configured_to_travel_in_the_clear(
    tmp_path: Path, exposed: str, kind: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("abc")
    safe = {"url": URL, "look_up": URL + "/{id}", "auth": auths(secret)[kind]}

    HttpSettings.model_validate(safe)
    HttpSettings.model_validate({**safe, exposed: "http://127.0.0.1:8080/{id}"})
    HttpSettings.model_validate({**safe, exposed: "http://[::1]:8080/{id}"})
    with pytest.raises(ValidationError, match="anyone on the way can read the secret"):
        HttpSettings.model_validate({**safe, exposed: "http://erp.example/{id}"})


def test_a_clients_secret_is_never_configured_to_travel_in_the_clear(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("abc")
    exposed = {**auths(secret)["oauth2"], "token_url": "http://login.example/token"}

    with pytest.raises(ValidationError, match="anyone on the way can read the secret"):
        HttpSettings.model_validate({"url": URL, "auth": exposed})


def test_a_signature_may_travel_in_the_clear(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("abc")
    signed = {"kind": "signature", "secret_file": secret}

    HttpSettings.model_validate({"url": "http://erp.example/", "auth": signed})
