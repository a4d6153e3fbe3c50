"""How queries and answers are written in symbols; saved with a run, as a vocabulary is with one of text."""

import re
from types import ModuleType
from typing import ClassVar, Literal

import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Int, Integer, Shaped

from rgnn_jax.errors import UserError

SYMBOLS = "0123456789+- "
BLANK = SYMBOLS.index(" ")
"""Pads queries and answers, and stands before an answer's first symbol."""

Operator = Literal["+", "-"]
Order = Literal["forward", "reversed"]
Layout = Literal["packed", "aligned"]
Numbers = Integer[Array | np.ndarray, " n"]
Symbols = Int[Array | np.ndarray, "n s"]

QUERY = re.compile(r"\s*([0-9]+)\s*([^0-9\s])\s*([0-9]+)\s*")
_LONGEST_QUOTE = 40


class ArithmeticSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The alphabet's use: lengths, layout and direction of queries and answers.

    Attributes:
        digits: most digits of an operand.
        operators: those that occur, in the order of their numbers.
        layout: "packed" writes a query as a person does, with all blanks at its end; "aligned" gives each
            operand a column for each digit, so that units always stand in the same place.
        operand_order: "reversed" writes an operand's units first.
        answer_order: "reversed" writes an answer's units first and its sign last.
        side: pixels of a side where a query is a row of square pictures, one a symbol; 0 where it is symbols.
        answer_side: the same of an answer.
    """

    FILE: ClassVar[str] = "arithmetic.json"

    digits: int
    operators: tuple[Operator, ...]
    layout: Layout = "packed"
    operand_order: Order = "forward"
    answer_order: Order = "forward"
    side: int = 0
    answer_side: int = 0

    @property
    def query_length(self) -> int:
        """Symbols of a query, blanks included."""
        return 2 * self.digits + 1

    @property
    def answer_length(self) -> int:
        """Symbols of an answer, sign and blanks included."""
        return self.digits + 1

    def encode_queries(self, first: Numbers, operator: Numbers, second: Numbers) -> Symbols:
        """Queries as symbols [n, query_length], for arrays of NumPy and of JAX.

        Args:
            first: operands.
            operator: indices into `operators`.
            second: operands.
        """
        xp = _namespace(first)
        signs = xp.asarray([SYMBOLS.index(sign) for sign in self.operators], np.int32)[operator]
        flip = self.operand_order == "reversed"
        before, after = _columns(first, self.digits, flip, xp), _columns(second, self.digits, flip, xp)
        symbols = xp.concatenate([before, signs[:, None], after], axis=1)
        return symbols if self.layout == "aligned" else _packed(symbols, xp)

    def encode_answers(self, values: Numbers) -> Symbols:
        """Answers as symbols [n, answer_length], for arrays of NumPy and of JAX."""
        xp = _namespace(values)
        sign = xp.where(values < 0, SYMBOLS.index("-"), BLANK).astype(np.int32)[:, None]
        flip = self.answer_order == "reversed"
        number = _columns(xp.abs(values), self.answer_length, flip, xp)
        parts = [number, sign] if flip else [sign, number]
        return _packed(xp.concatenate(parts, axis=1), xp)[:, : self.answer_length]

    def answers(self, first: Numbers, operator: Numbers, second: Numbers) -> Numbers:
        """What the queries amount to."""
        xp = _namespace(first)
        signs = xp.asarray([1 if sign == "+" else -1 for sign in self.operators], np.int32)
        return first + signs[operator] * second

    def decode_queries(self, symbols: Integer[np.ndarray, "n s"]) -> list[str]:
        """Queries as a person writes them; packed ones without the blanks after them."""
        texts = ["".join(SYMBOLS[code] for code in row) for row in symbols]
        if self.operand_order == "reversed":
            texts = [re.sub(r"\d+", lambda number: number[0][::-1], text) for text in texts]
        return [text.rstrip() if self.layout == "packed" else text.replace(" ", "") for text in texts]

    def decode_answers(self, symbols: Integer[np.ndarray, "n s"]) -> list[str]:
        """Answers as a person writes them; a blank within one stays."""
        texts = ["".join(SYMBOLS[code] for code in row).rstrip() for row in symbols]
        return [text[::-1] for text in texts] if self.answer_order == "reversed" else texts

    def answer_frames(
        self, symbols: Integer[np.ndarray, " t"], strip: Shaped[np.ndarray, "t h w c"]
    ) -> Shaped[np.ndarray, "m h w c"]:
        """The pictures of an answer's symbols as a person writes them, without the blanks at its end.

        An answer of blanks alone keeps one of them.
        """
        length = max(1, int((symbols != BLANK).nonzero()[0].max(initial=0)) + 1)
        return strip[:length][::-1] if self.answer_order == "reversed" else strip[:length]

    def understands(self, query: str) -> bool:
        """Whether a text is a query as models know them, without blanks and zeros before a number."""
        try:
            first, operator, second = self.parse(query)
        except UserError:
            return False
        return query == f"{first}{self.operators[operator]}{second}"

    def parse(self, query: str) -> tuple[int, int, int]:
        """First operand, operator's index and second operand of a query such as "56+34".

        Raises:
            UserError: for what is not such a query, or is beyond what the model was trained on.
        """
        shown = repr(query if len(query) <= _LONGEST_QUOTE else query[:_LONGEST_QUOTE] + "...")
        example = f'such as "56{self.operators[0]}34"'
        match = QUERY.fullmatch(query)
        if match is None:
            kind = "neither the file of a picture nor" if self.side else "not"
            raise UserError(
                f"the query {shown} is {kind} two whole numbers with an operator between them, {example}"
            )
        first, operator, second = match.groups()
        if operator not in self.operators:
            known = " and ".join(self.operators)
            raise UserError(f"the query {shown} has the operator {operator!r}; the run knows {known}")
        first, second = (number.lstrip("0") or "0" for number in (first, second))
        longest = max(len(first), len(second))
        if longest > self.digits:
            raise UserError(
                f"the query {shown} has an operand of {longest} digits; the run has room for operands of at "
                f"most {self.digits}"
            )
        return int(first), self.operators.index(operator), int(second)

    def to_json(self) -> bytes:
        """The content of a run's `FILE`."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def from_json(cls, content: bytes, source: str) -> "ArithmeticSpec":
        """Reads back what `to_json` wrote.

        Raises:
            UserError: where the file is damaged, naming it.
        """
        try:
            return msgspec.json.decode(content, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{source}: not a description of arithmetic: {error}") from None


def number_of(answer: str) -> int | None:
    """The value of an answer, None where it is not a number as a person writes it."""
    return int(answer) if re.fullmatch(r"0|-?[1-9][0-9]*", answer) else None


def _namespace(array: Numbers) -> ModuleType:
    return np if isinstance(array, np.ndarray) else jnp


def _columns(values: Numbers, width: int, units_first: bool, xp: ModuleType) -> Symbols:
    """The digits of whole numbers in `width` columns, blank above the highest."""
    powers = 10 ** np.arange(width, dtype=np.int32)
    shown = (values[:, None] >= powers[None]) | (np.arange(width) == 0)[None]
    symbols = xp.where(shown, values[:, None] // powers[None] % 10, BLANK).astype(np.int32)
    return symbols if units_first else symbols[:, ::-1]


def _packed(symbols: Symbols, xp: ModuleType) -> Symbols:
    """All blanks moved to the end."""
    order = xp.argsort(symbols == BLANK, axis=1, stable=True)
    return xp.take_along_axis(symbols, order, axis=1)
