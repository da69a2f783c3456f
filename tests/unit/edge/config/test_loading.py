"""Every fault of a configuration is named, with its line and in words."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import edge
from drivers import mqtt
from edge.config import ConfigurationFault, load

SITE = '[site]\nname = "x"\nuri = "https://x.example"\n'
SOURCE = """
[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
client_id = "c"
subscriptions = [{ topic = "t", qos = 1 }]
"""
PLC = """
[sources.plc]
driver = "opcua"
endpoint = "opc.tcp://127.0.0.1:4840"
variables = [{ name = "speed", node = "i=1" }]
record_buffers = [{ name = "ring", counter = "i=2", slot = "ns=2;s=S{slot}", slots = 8 }]
"""
DESTINATION = '\n[destinations.erp]\ndriver = "http"\nurl = "http://127.0.0.1/"\n'
OBSERVATION = """
[[observations]]
source = "floor"
subject = "t"
format = "json"
kind = "scan"
fields = { unit = "u" }
"""
RULE = """
[rules.received]
operator = "one"
milestone = "received"
about = "unit"
of = { kind = "scan" }
"""
WHOLE = SITE + SOURCE + PLC + DESTINATION + OBSERVATION + RULE


def _faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "milepost.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as raised:
        load(file)
    return str(raised.value).splitlines()


def _line(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


def test_whole_configuration_has_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(WHOLE)
    assert set(load(file).sources) == {"floor", "plc"}


def test_a_source_whose_driver_names_no_subjects_may_have_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mqtt, "DRIVER", replace(mqtt.DRIVER, subjects=None))
    file = tmp_path / "milepost.toml"
    file.write_text(WHOLE.replace('subject = "t"', 'subject = "anything"'))
    assert load(file).observations[0].subject == "anything"


def test_the_lanes_that_are_not_set_are_no_fault_where_no_rule_concludes_what_they_name(
    tmp_path: Path,
) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(WHOLE)
    first = ("departed", "short", "lost", "jammed", "misrouted")
    assert load(file).destinations["erp"].critical == first


README = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        re.findall(r"```toml\n(.*?)```", README, re.DOTALL)[0],
        (Path(edge.__file__).parent / "example.toml").read_text(encoding="utf-8"),
    ],
    ids=["README", "example"],
)
def test_what_is_shipped_to_begin_with_has_no_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(text)
    load(file)


def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match="cannot be read"):
        load(tmp_path / "missing.toml")


def test_text_that_is_not_toml_is_a_fault_with_its_line(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, "[site\n")
    assert fault.startswith(f"{tmp_path / 'milepost.toml'}:1: is not TOML: Expected ']'")
    (fault,) = _faults(tmp_path, SITE + "[site]\n")
    assert "milepost.toml:4: is not TOML: " in fault


@pytest.mark.parametrize("text", ["x = " + "[" * 5_000, "x = " + "9" * 5_000])
def test_what_no_toml_reader_can_take_in_is_a_fault(tmp_path: Path, text: str) -> None:
    (fault,) = _faults(tmp_path, text)
    assert "is not TOML" in fault


@pytest.mark.parametrize(
    ("right", "wrong", "at", "words"),
    [
        (
            'host = "',
            'hots = "',
            "hots",
            "session_expiry_seconds, subscriptions, tls, username. Did you mean 'host'?",
        ),
        ('about = "', 'abuot = "', "abuot", "open_tracks, operator, remember_days"),
        ('about = "unit"', 'to = ["x"]\nabout = "unit"', "to =", "received.to: no such key"),
        ("[rules.received]", "[rule.received]", "[rule.", "rule: no such key; keys are control"),
        ("[[observations]]", "[[observation]]", "[[obs", "Did you mean 'observations'?"),
        ('topic = "t"', 'topik = "t"', "topik", "[0].topik: no such key; keys are qos, topic. Did"),
        (
            'milestone = "received"',
            'milestone = "recieved"',
            "recieved",
            "Did you mean 'received'?",
        ),
        (
            '"scan" }',
            '"scan", where = { unit = ["a"] } }',
            "of =",
            "rules.received.of.where.unit: must be text, in quotes, true or false or a number",
        ),
        (
            '{ kind = "scan" }',
            '{ milestone = "recieved" }',
            "of =",
            "'recieved' is none of",
        ),
        (
            '{ kind = "scan" }',
            '{ milestone = "unpacked" }',
            "[rules.",
            "milestones are received",
        ),
        ('host = "127.0.0.1"', "", "[sources.floor]", "sources.floor.host: missing"),
        ('driver = "mqtt"', 'driver = "mqqt"', "[sources.floor]", "no such driver: 'mqqt'"),
        ('driver = "mqtt"', "", "[sources.floor]", "missing 'driver'"),
        ('operator = "one"', 'operator = "two"', "[rules.received]", "no such operator: 'two'"),
        ('milestone = "received"', 'milestone = "gone"', 'milestone = "gone"', "'gone' is none of"),
        ('name = "x"', 'name = "X Y"', 'name = "X Y"', "lower-case"),
        ('uri = "https://x.example"', 'uri = "x"', 'uri = "x"', "http(s) address"),
        ('source = "floor"', 'source = "flor"', 'source = "flor"', "no such source: 'flor'"),
        ('of = { kind = "scan" }', 'of = { kind = "scam" }', "[rules.received]", "'scam'"),
        ("qos = 1 }]", "qos = 1 }]\nport = 0", "port = 0", "0 is out of range: must be at least 1"),
        ('host = "127.0.0.1"', "host = 3", "host = 3", "must be text, in quotes"),
        ('about = "unit"', 'about = ""', "about =", "must not be empty"),
        ('{ kind = "scan" }', '{ kind = "x" }', "[rules.", "rules.received: listens to 'x'"),
        ("[destinations.erp]", "[destinations.ERP]", "[destinations.ERP]", "lower-case"),
        ('url = "http:', 'milestones = ["lost"]\nurl = "http:', "milestones", "no rule concludes"),
        (
            'url = "http:',
            'critical = ["lost"]\nurl = "http:',
            "critical =",
            "erp.critical: no rule",
        ),
        (
            'url = "http:',
            'bulk = ["received", "stored"]\nurl = "http:',
            "bulk =",
            "erp.bulk: no rule",
        ),
        ('about = "unit"', 'about = "units"', "about", "rules.received.about: no observation"),
        ('"scan" }', '"scan", where = { a = 1 } }', "of =", "received.of.where.a: no observation"),
        (
            '{ kind = "scan" }',
            '{ kind = "scan", if = "unti == null" }',
            "of =",
            "rules.received.of.if: no observation 'scan' has a field 'unti'; fields are unit. Did",
        ),
        (
            '{ kind = "scan" }',
            '{ kind = "scan", if = "unit = null" }',
            "of =",
            "rules.received.of.if: character 6: write == for '='",
        ),
        (
            "fields = {",
            'compute = { unit = "unit + 1" }\nfields = {',
            "compute =",
            "observations[0].compute.unit: 'unit + 1' has no result, whatever its fields are",
        ),
        (
            "fields = {",
            '[observations.compute]\nx = "size(unit)"\ny = "size(unt)"\n[observations.fields]\n#',
            'y = "',
            "observations[0].compute.y: reads no field 'unt'; fields are none",
        ),
        (
            "fields = {",
            'compute = { a = "size(unit)", b = "a + 1.0" }\nfields = {',
            "compute =",
            "observations[0].compute.b: reads no field 'a'; fields are unit",
        ),
        (
            'subject = "t"',
            'subject = "t/+"',
            "subject =",
            "observations[0].subject: sources.floor has no subject 't/+'; subjects are t",
        ),
        (
            'subject = "t"',
            'subject = "t"\nkind = "x"\n[[observations]]\nsource = "plc"\nsubject = "sped"',
            'subject = "sped"',
            "sources.plc has no subject 'sped'; subjects are ring, speed. Did you mean 'speed'?",
        ),
    ],
)
def test_fault_is_named_at_its_line_in_words(
    tmp_path: Path, right: str, wrong: str, at: str, words: str
) -> None:
    assert right in WHOLE
    text = WHOLE.replace(right, wrong, 1)
    faults = _faults(tmp_path, text)
    named = [fault for fault in faults if words in fault]
    assert named, faults
    assert named[0].startswith(f"{tmp_path}/milepost.toml:{_line(text, at)}: "), named


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ('"1 MB"', "'1 MB' is out of range: must be at least 1.05 MB"),
        ("1000", "1000 is out of range: must be at least 1048576"),
        ('"lots"', 'must be a size, e.g. "8 GB"'),
        ('"8 XB"', 'must be a size, e.g. "8 GB"'),
    ],
)
def test_size_that_cannot_be_is_told_in_the_words_of_sizes(
    tmp_path: Path, size: str, words: str
) -> None:
    (fault,) = _faults(tmp_path, f"{WHOLE}[store]\nmax_size = {size}\n")
    assert fault.endswith(f"store.max_size: {words}")


def test_all_faults_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        WHOLE.replace('name = "x"', "name = 3")
        .replace('host = "127.0.0.1"', "host = 3")
        .replace('url = "http://127.0.0.1/"', 'url = "no"')
    )
    faults = _faults(tmp_path, text)
    assert len(faults) == 3
    numbers = [int(fault.split(":")[1]) for fault in faults]
    assert numbers == sorted(numbers)


def test_fault_inside_a_list_is_not_told_as_a_fault_of_the_list(tmp_path: Path) -> None:
    (fault,) = _faults(tmp_path, WHOLE.replace("qos = 1", "qos = 7"))
    assert "7 is none of" in fault


def test_secret_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    text = WHOLE.replace(
        'client_id = "c"', 'client_id = "c"\nusername = "u"\npassword_file = "/no"'
    )
    (fault,) = _faults(tmp_path, text)
    assert "no such file: /no" in fault


def test_bare_secret_is_no_fault_for_those_who_have_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    file = tmp_path / "milepost.toml"
    more = 'client_id = "c"\nusername = "u"\npassword_file = "broker-password"'
    file.write_text(WHOLE.replace('client_id = "c"', more))
    assert set(load(file).sources) == {"floor", "plc"}
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigurationFault, match=r"no such file: .*broker-password"):
        load(file)


def test_bare_secret_is_found_among_the_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broker-password").write_text("hunter2\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = tmp_path / "milepost.toml"
    more = 'client_id = "c"\nusername = "u"\npassword_file = "broker-password"'
    file.write_text(WHOLE.replace('client_id = "c"', more))
    settings = load(file).sources["floor"]
    assert str(tmp_path / "broker-password") in settings.model_dump_json()
    assert "hunter2" not in settings.model_dump_json()
