import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from drivers import mqtt
from drivers.mqtt.settings import MqttSettings, subjects

SAMPLE = Path(mqtt.__file__).with_name("sample.toml")


def settings(**changes: object) -> MqttSettings:
    plain: dict[str, Any] = {
        "host": "broker",
        "client_id": "milepost",
        "subscriptions": [{"topic": "dc/#"}],
    }
    return MqttSettings.model_validate(plain | changes)


def test_the_sample_is_valid() -> None:
    (section,) = tomllib.loads(SAMPLE.read_text())["sources"].values()
    assert section.pop("driver") == "mqtt"
    assert MqttSettings.model_validate(section).client_id == "milepost-dc-north"


def test_the_samples_comments_name_every_setting_and_its_default() -> None:
    text = SAMPLE.read_text()
    for name, field in MqttSettings.model_fields.items():
        assert name in text
        if isinstance(field.default, int):
            assert f"{name} = {field.default}" in text


@pytest.mark.parametrize("topic", ["dc/#", "#", "+", "dc/+/scan", "+/+/#", "/", "$share/g/dc/+"])
def test_topic_filters_that_mqtt_allows_are_taken(topic: str) -> None:
    assert settings(subscriptions=[{"topic": topic}]).subscriptions[0].qos == 1


@pytest.mark.parametrize("topic", ["", "dc/#/x", "dc#", "dc/a+", "+a/b", "a\0b", "a" * 65_536])
def test_topic_filters_that_mqtt_forbids_are_refused(topic: str) -> None:
    with pytest.raises(ValidationError):
        settings(subscriptions=[{"topic": topic}])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": ""}, "at least 1 character"),
        ({"subscriptions": []}, "at least 1 item"),
        ({"subscriptions": [{"topic": "a"}, {"topic": "a", "qos": 2}]}, "subscribed to twice"),
        ({"subscriptions": [{"topic": "a", "qos": 3}]}, "qos"),
        ({"password_file": __file__}, "password_file without username"),
        ({"username": "milepost", "password_file": "/nonexistent"}, "no such file: /nonexistent"),
        ({"tls": {"key_file": __file__}}, "certificate_file and key_file go together"),
        ({"tls": {"ca_file": "/nonexistent"}}, "ca_file"),
        ({"receive_maximum": 0}, "receive_maximum"),
        ({"keepalive": 10}, "keepalive"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings(**changes)


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("dc/+/scan", ["dc/+/scan"]),
        ("$share/gateways/dc/#", ["$share/gateways/dc/#", "dc/#"]),
        ("$queue/dc/#", ["$queue/dc/#", "dc/#"]),
        ("$SYS/broker/load", ["$SYS/broker/load", "broker/load"]),
    ],
)
def test_the_subjects_are_the_topics_that_come_and_not_how_they_are_asked_for(
    topic: str, expected: list[str]
) -> None:
    assert list(subjects(settings(subscriptions=[{"topic": topic}]))) == expected
