"""Which field of an event stands where in the pre-hash string (CBV 2.0, section 8.9.2).

The standard words two things otherwise than the hashes in its own illustrations
need, and than implementations do: there, and here, the type stands before the
transaction, source or destination that it is of, and these lists are sorted
among the extensions, behind the sensors.
"""

from dataclasses import dataclass

CBV = "https://ref.gs1.org/cbv/"
GS1 = "https://gs1.org/voc/"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the standard."""

    name: str
    element: str | None = None
    """What each element of a list is called; None if each repeats the name of the field."""
    inner: tuple["Field", ...] = ()
    """The fields of the object that it is, in their order."""
    words: str = ""
    """What a bare word of the vocabulary stands for, up to the word itself."""
    is_time: bool = False


def _fields(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name) for name in names)


def _typed(name: str, words: str) -> Field:
    return Field(f"{name}List", "", (Field("type", words=words), Field(name)))


_TIME, _START, _END = (Field(name, is_time=True) for name in ("time", "startTime", "endTime"))
_DEVICE = _fields("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
_SENSOR = (
    Field("sensorMetadata", inner=(_TIME, _START, _END, *_DEVICE, Field("bizRules"))),
    Field(
        "sensorReport",
        inner=(
            Field("type", words=GS1),
            Field("exception", words=GS1),
            *_DEVICE,
            _TIME,
            *_fields("microorganism", "chemicalSubstance", "value"),
            Field("component", words=f"{CBV}Comp-"),
            *_fields("stringValue", "booleanValue", "hexBinaryValue", "uriValue"),
            *_fields("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"),
            *_fields("uom", "coordinateReferenceSystem"),
        ),
    ),
)
_QUANTITY = ("quantityElement", _fields("epcClass", "quantity", "uom"))
_DISPOSITION = f"{CBV}Disp-"

ORDERED = (
    Field("eventTime", is_time=True),
    *_fields("eventTimeZoneOffset", "certificationInfo", "parentID"),
    *(Field(name, "epc") for name in ("epcList", "inputEPCList", "childEPCs")),
    Field("quantityList", *_QUANTITY),
    Field("childQuantityList", *_QUANTITY),
    Field("inputQuantityList", *_QUANTITY),
    Field("outputEPCList", "epc"),
    Field("outputQuantityList", *_QUANTITY),
    *_fields("action", "transformationID"),
    Field("bizStep", words=f"{CBV}BizStep-"),
    Field("disposition", words=_DISPOSITION),
    Field(
        "persistentDisposition",
        inner=(Field("set", words=_DISPOSITION), Field("unset", words=_DISPOSITION)),
    ),
    Field("readPoint", inner=_fields("id")),
    Field("bizLocation", inner=_fields("id")),
    Field("sensorElementList", "sensorElement", _SENSOR),
)
"""Fields of an event that have a place of their own."""

SORTED = {
    field.name: field
    for field in (
        _typed("bizTransaction", f"{CBV}BTT-"),
        _typed("source", f"{CBV}SDT-"),
        _typed("destination", f"{CBV}SDT-"),
    )
}
"""Fields of an event that stand where their text sorts among the extensions, by name."""

NOT_HASHED = frozenset({"@context", "type", "eventID", "recordTime", "errorDeclaration"})
"""Fields of an event that take no part: they do not say what happened."""

COMMENTS = frozenset({"comment", "rdfs:comment"})
"""Fields that take no part wherever they stand."""
