"""How a value is written in the pre-hash string: one form for whatever means the same."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from edge.milestones.event_hash.digital_link import canonical
from edge.milestones.event_hash.order import CBV, GS1

_URN_WORDS = {
    "urn:epcglobal:cbv:bizstep:": f"{CBV}BizStep-",
    "urn:epcglobal:cbv:disp:": f"{CBV}Disp-",
    "urn:epcglobal:cbv:btt:": f"{CBV}BTT-",
    "urn:epcglobal:cbv:sdt:": f"{CBV}SDT-",
    "urn:epcglobal:cbv:er:": f"{CBV}ER-",
}
# What JSON and XML take for a number. The exponent is short: its zeros are written.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_HALF_A_MILLISECOND = timedelta(microseconds=500)


class Unhashable(ValueError):
    """What was given is no event that has a hash; the message says why."""


class Namespaces:
    """What prefixes mean: those of the context of EPCIS 2.0, and what `@context` adds.

    A context that is only named, by its address, is not fetched.
    """

    def __init__(self, *contexts: object) -> None:
        self._meanings = {
            "cbv": CBV,
            "cbvmda": "urn:epcglobal:cbv:mda:",
            "dcterms": "http://purl.org/dc/terms/",
            "epcis": "https://ref.gs1.org/epcis/",
            "gs1": GS1,
            "owl": "http://www.w3.org/2002/07/owl#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        }
        for context in contexts:
            self._meanings.update(_prefixes(context))

    def key(self, name: str) -> str:
        """Return the name of an extension: "{namespace}name".

        Raises:
            Unhashable: No context says what its prefix means.

        """
        prefix, colon, local = name.partition(":")
        if not colon or local.startswith("//") or prefix == "urn":
            return name
        if prefix not in self._meanings:
            raise Unhashable(f"{name!r}: no @context in it says what {prefix!r} means")
        return f"{{{self._meanings[prefix]}}}{local}"

    def text(self, value: object, words: str = "") -> str:
        """Return a value; of a bare word what it stands for, which begins with `words`.

        Whatever looks like a number is one, also in quotes: JSON and XML do not
        tell them apart alike.
        """
        # True and false as in JSON and in XML.
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        if _NUMBER.fullmatch(text):
            return _number(text)
        prefix, colon, local = text.partition(":")
        if words and text and not colon:
            return words + text
        if colon and prefix in self._meanings and not local.startswith("//"):
            text = self._meanings[prefix] + local
        for urn, web in _URN_WORDS.items():
            if text.startswith(urn):
                return web + text.removeprefix(urn)
        return canonical(text)


def time(name: str, value: object) -> str:
    """Return a time in UTC and in milliseconds, half of one rounded up.

    Raises:
        Unhashable: It is no time, or one without an offset from UTC.

    """
    try:
        moment = datetime.fromisoformat(str(value).strip())
        if moment.tzinfo is not None:
            utc = moment.astimezone(UTC) + _HALF_A_MILLISECOND
            return utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    except (ValueError, OverflowError):
        pass
    raise Unhashable(f"{name} is {value!r}; expected a time with 'Z' or an offset")


def _number(text: str) -> str:
    """Return the digits that a number needs: all of them, and no zeros around them."""
    number = Decimal(text)
    if not number:
        return "0"
    plain = f"{number:f}"
    return plain.rstrip("0").removesuffix(".") if "." in plain else plain


def _prefixes(context: object) -> Iterator[tuple[str, str]]:
    if isinstance(context, list):
        for each in context:
            yield from _prefixes(each)
    elif isinstance(context, Mapping):
        for prefix, meaning in context.items():
            uri = meaning.get("@id") if isinstance(meaning, Mapping) else meaning
            if isinstance(uri, str):
                yield prefix, uri
