"""Structures are decoded by their definitions, byte by byte as OPC 10000-6 writes them."""

import struct
from collections.abc import Mapping

import pytest
from asyncua import ua
from asyncua.ua import StructureType, VariantType
from hypothesis import given
from hypothesis import strategies as st

from drivers.opcua.structures import DataType, Member, Structure, Undecodable, decode


def node(number: int, namespace: int = 2) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number), ua.Int16(namespace))


BOOLEAN, INTEGER, TEXT, OPEN, ANY = (node(number, 0) for number in (1, 6, 12, 22, 24))
PAIR, CHOICE, TREE, RANGE = (node(number) for number in (1, 2, 3, 4))
TYPES: Mapping[ua.NodeId, DataType] = {
    BOOLEAN: VariantType.Boolean,
    INTEGER: VariantType.Int32,
    TEXT: VariantType.String,
    ANY: VariantType.Variant,
    OPEN: VariantType.ExtensionObject,
    RANGE: ua.Range,
    PAIR: Structure(StructureType.Structure, (Member("Text", TEXT), Member("Number", INTEGER))),
    CHOICE: Structure(StructureType.Union, (Member("Number", INTEGER), Member("Pair", PAIR))),
    TREE: Structure(StructureType.Structure, (Member("Trees", TREE, 1),)),
}


def integer(value: int) -> bytes:
    return struct.pack("<i", value)


def text(value: str) -> bytes:
    return integer(len(value.encode())) + value.encode()


def read(body: bytes, *members: Member, kind: StructureType = StructureType.Structure) -> object:
    return decode(body, Structure(kind, members), TYPES)


def optional(body: bytes) -> object:
    members = (
        Member("First", INTEGER, is_optional=True),
        Member("Always", TEXT),
        Member("Last", INTEGER, 1, is_optional=True),
    )
    return read(body, *members, kind=StructureType.StructureWithOptionalFields)


def test_fields_have_the_names_of_the_definition() -> None:
    body = text("x") + integer(-7)
    assert read(body, Member("N/S Hemisphere", TEXT), Member("Value", INTEGER)) == {
        "N/S Hemisphere": "x",
        "Value": -7,
    }


def test_an_absent_optional_field_is_left_out() -> None:
    always = text("here")
    assert optional(integer(0) + always) == {"Always": "here"}
    assert optional(integer(1) + integer(5) + always) == {"First": 5, "Always": "here"}
    assert optional(integer(2) + always + integer(1) + integer(8)) == {
        "Always": "here",
        "Last": [8],
    }
    assert optional(integer(3) + integer(5) + always + integer(0)) == {
        "First": 5,
        "Always": "here",
        "Last": [],
    }


def test_a_structure_that_may_lack_fields_has_a_mask_also_if_none_may_be_absent() -> None:
    body = integer(0) + integer(5)
    kind = StructureType.StructureWithOptionalFields
    assert read(body, Member("Number", INTEGER), kind=kind) == {"Number": 5}


def test_a_union_is_the_one_member_that_it_holds() -> None:
    choice = Member("Choice", CHOICE)
    assert read(integer(0), choice) == {"Choice": None}
    assert read(integer(1) + integer(4), choice) == {"Choice": {"Number": 4}}
    pair = {"Text": "x", "Number": 4}
    assert read(integer(2) + text("x") + integer(4), choice) == {"Choice": {"Pair": pair}}


def test_arrays_are_lists_and_matrices_lists_of_lists() -> None:
    two = integer(2) + text("a") + integer(1) + text("b") + integer(2)
    pairs = [{"Text": "a", "Number": 1}, {"Text": "b", "Number": 2}]
    assert read(two, Member("Pairs", PAIR, 1)) == {"Pairs": pairs}
    assert read(integer(-1), Member("Pairs", PAIR, 1)) == {"Pairs": None}
    lengths = integer(3) + integer(2) + integer(1) + integer(3)
    six = b"".join(integer(value) for value in range(6))
    expected = [[[0, 1, 2]], [[3, 4, 5]]]
    assert read(lengths + six, Member("Cube", INTEGER, 3)) == {"Cube": expected}
    nothing = integer(2) + integer(-1) + integer(-1)
    assert read(nothing, Member("Table", INTEGER, 2)) == {"Table": []}


def test_what_may_hold_anything_holds_its_own_type() -> None:
    assert read(b"\x06" + integer(9), Member("Any", ANY)) == {
        "Any": ua.Variant(9, VariantType.Int32)
    }
    raw = b"\x01\x02\x05\x00" + b"\x01" + integer(3) + b"raw"
    held = ua.ExtensionObject(node(5), ua.ByteString(b"raw"))
    assert read(raw, Member("Open", OPEN)) == {"Open": held}


def test_a_structure_of_namespace_0_is_read_by_its_class() -> None:
    body = struct.pack("<dd", 1.0, 2.0)
    assert read(body, Member("Range", RANGE)) == {"Range": ua.Range(1.0, 2.0)}


@pytest.mark.parametrize(
    ("body", "member", "complaint"),
    [
        (b"", Member("Number", INTEGER), "NotEnoughData"),
        (integer(1) + b"\0", Member("Number", INTEGER), "1 bytes are left over"),
        (integer(3), Member("Choice", CHOICE), "a union of 2 has no member 3"),
        (integer(2**31 - 1) + b"x", Member("Many", BOOLEAN, 1), "2147483647 values in 1 bytes"),
        (integer(-2), Member("Text", TEXT), "a length of -2"),
        (integer(2) + integer(2**30) * 2, Member("Table", BOOLEAN, 2), "values in 0 bytes"),
        (integer(1), Member("Unknown", node(99)), "KeyError"),
    ],
)
def test_what_is_not_such_a_structure_is_undecodable(
    body: bytes, member: Member, complaint: str
) -> None:
    with pytest.raises(Undecodable, match=complaint):
        read(body, member)


def test_a_type_inside_itself_ends() -> None:
    assert read(integer(1) + integer(0), Member("Trees", TREE, 1)) == {"Trees": [{"Trees": []}]}
    with pytest.raises(Undecodable, match="RecursionError"):
        read(integer(1) * 10_000, Member("Trees", TREE, 1))
    endless = node(7)
    itself = Structure(StructureType.Structure, (Member("Itself", endless),))
    with pytest.raises(Undecodable, match="RecursionError"):
        decode(b"", itself, {endless: itself})


def test_a_structure_without_fields_is_refused() -> None:
    with pytest.raises(Undecodable, match="no fields"):
        Structure(StructureType.Structure, ())


@given(st.binary(max_size=60), st.sampled_from(list(StructureType)))
def test_whatever_bytes_are_a_structure_or_undecodable(body: bytes, kind: StructureType) -> None:
    members = tuple(
        Member(str(number), data_type, dimensions, is_optional=dimensions > 0)
        for number, (data_type, dimensions) in enumerate(
            (data_type, dimensions) for dimensions in range(3) for data_type in TYPES
        )
    )
    try:
        found = decode(body, Structure(kind, members), TYPES)
    except Undecodable:
        return
    assert found is None or isinstance(found, dict)
