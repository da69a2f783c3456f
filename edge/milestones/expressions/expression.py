"""The two uses of an expression: a condition of a pattern, and a field that is computed."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from edge.milestones.expressions.checking import check
from edge.milestones.expressions.program import EXACT, NoResult, Program
from edge.milestones.expressions.syntax import Role
from edge.milestones.model import Value

R_co = TypeVar("R_co", bound=Value, covariant=True)


class Expression(Generic[R_co]):
    """An expression over the fields of an observation, in the Common Expression Language (CEL).

    Numbers are doubles, a field that is missing is null. Settings hold it,
    read from its text: it is compiled and checked once, with the configuration.
    What an evaluation costs is bounded by the lengths of the text and the fields.

    Raises:
        ValueError: The text is no expression, or can never have a result of its role.

    """

    __slots__ = ("_program",)

    role: ClassVar[Role]

    def __init__(self, text: str) -> None:
        self._program = Program(text)
        check(self._program, self.role)

    @property
    def text(self) -> str:
        """The expression as it is written."""
        return self._program.text

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields that it reads, each once."""
        return self._program.reads

    @abstractmethod
    def of(self, fields: Mapping[str, Value]) -> R_co:
        """Return its result for an observation's fields.

        Raises:
            NoResult: It has none: what it needs is missing, of another type or out of range.

        """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and (self.role, self.text) == (other.role, other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read it from its text, and write it as that."""
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(min_length=1),
            serialization=core_schema.to_string_ser_schema(),
        )

    def __str__(self) -> str:
        return self.text


class Condition(Expression[bool]):
    """An expression that is true or false of an observation."""

    __slots__ = ()

    role = Role.TRUTH

    def of(self, fields: Mapping[str, Value]) -> bool:
        """Return whether it is true of the fields; see `Expression.of`."""
        result = self._program.run(fields)
        if not isinstance(result, bool):
            raise NoResult(self._program, fields, "it is not true or false", by_type=True)
        return result


class Computation(Expression[Value]):
    """An expression whose result is a field; null is a field that is missing."""

    __slots__ = ()

    role = Role.SCALAR

    def of(self, fields: Mapping[str, Value]) -> Value:
        """Return the value, a whole number as an int; see `Expression.of`."""
        result = self._program.run(fields)
        match result:
            case float() if -EXACT <= result <= EXACT:
                return int(result) if result.is_integer() else result
            case None | bool() | int() | str():
                return result
        why = f"{result:g} is no exact number" if isinstance(result, float) else "it is a list"
        raise NoResult(self._program, fields, why, by_type=False)
