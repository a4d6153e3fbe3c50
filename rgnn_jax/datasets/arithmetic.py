"""Sums and differences written in symbols: the settings, the splits, and the batches of a step."""

import dataclasses
import hashlib
from typing import Annotated, Literal, NamedTuple

import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

from rgnn_jax.contracts import Rows
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec, Layout, Operator, Order
from rgnn_jax.datasets.arithmetic_split import Deck, Queries, Split
from rgnn_jax.datasets.micro_batches import micro_batch_key, micro_batch_size
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Fraction, Rate, Seed, Variant


class ArithmeticData(Variant, frozen=True, kw_only=True, tag="arithmetic"):
    """Queries of two operands, such as "56+34", and their answers.

    Attributes:
        digits: operands have at most so many; 2 gives 0 to 99 and, with both operators, 20,000 queries.
        operands_below: operands are less than this even number, though queries have room for more: a run of
            `digits` 3 and `operands_below` 100 can be asked what lies beyond; None for all of `digits`.
        operators: those that occur.
        split: "twins" keeps a query and the one with its operands exchanged on one side; "leaking" deals
            them separately, as the course document does, so that most test queries have a twin in training.
        train_fraction: the share of the queries to train on; None takes all that the other splits leave.
        validation_fraction: the share kept for validation, may be 0.
        test_fraction: the share kept for the test, may be 0.
        split_seed: which queries are dealt to which split.
        layout: "packed" writes "5+34 " as a person does; "aligned" writes " 5+34", a column a digit.
        operand_order: "reversed" writes the operands' units first.
        answer_order: "reversed" writes the answer's units first, the order in which carries arise.
        evaluation_limit: most cards of a split that are scored: the first ones of the shuffled deck.
    """

    digits: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    operands_below: Annotated[int, msgspec.Meta(ge=2)] | None = None
    operators: tuple[Operator, ...] = ("+", "-")
    split: Literal["twins", "leaking"] = "twins"
    train_fraction: Fraction | None = None
    validation_fraction: Rate = 0.02
    test_fraction: Rate = 0.08
    split_seed: Seed = 0
    layout: Layout = "packed"
    operand_order: Order = "forward"
    answer_order: Order = "forward"
    evaluation_limit: Count = 20_000

    def __post_init__(self) -> None:
        if not self.operators or len(set(self.operators)) < len(self.operators):
            raise UserError('data.operators must name each operator once: ["+"], ["-"] or ["+", "-"]')
        below = self.operands_below
        if below is not None and (below > 10**self.digits or below % 2):
            raise UserError(
                f"data.operands_below {below} must be an even number of at most {10**self.digits}, what "
                f"{self.digits} digits have room for"
            )
        left = 1 - self.validation_fraction - self.test_fraction
        if (self.train_fraction or 0) > left + 1e-9:
            raise UserError(
                "data.train_fraction, data.validation_fraction and data.test_fraction are more than all "
                "queries together; make them smaller"
            )
        if left < 1e-9 or not self.deck.places("train"):
            cure = (
                "make data.validation_fraction or data.test_fraction smaller"
                if self.train_fraction is None
                else "make data.train_fraction larger"
            )
            raise UserError(f"the splits leave no query to train on; {cure}")

    @property
    def identity(self) -> bytes:
        """What says in a checkpoint which data it was trained on."""
        return msgspec.json.encode(self)

    @property
    def spec(self) -> ArithmeticSpec:
        """How queries and answers are written."""
        return ArithmeticSpec(
            digits=self.digits,
            operators=self.operators,
            layout=self.layout,
            operand_order=self.operand_order,
            answer_order=self.answer_order,
        )

    @property
    def deck(self) -> Deck:
        """All queries, dealt to the splits."""
        left = 1 - self.validation_fraction - self.test_fraction
        return Deck(
            size=self.operands_below or 10**self.digits,
            operators=len(self.operators),
            twins=self.split == "twins",
            seed=self.split_seed,
            train_fraction=left if self.train_fraction is None else self.train_fraction,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
        )


class ArithmeticBatch(NamedTuple):
    """A micro-batch.

    Attributes:
        source: queries, as symbols or as pictures of them.
        target: their answers.
        symbols: of queries that are pictures.
        pictures: of answers that are to be painted.
    """

    source: Int[Array, "b s"] | Float[Array, "b s h w c"]
    target: Int[Array, "b t"]
    symbols: Int[Array, "b s"] | None = None
    pictures: Float[Array, "b t h w c"] | None = None


@dataclasses.dataclass(frozen=True)
class Examples:
    """Queries as numbers and as symbols, with their answers.

    Attributes:
        queries: as numbers.
        values: what they amount to.
        source: as symbols.
        target: the answers as symbols.
        given: what a model reads, a query a row: `source`, or pictures that are drawn when asked for.
        pictures: of the answers, drawn when asked for, where a model is to paint them.
    """

    queries: Queries
    values: Int[np.ndarray, " n"]
    source: Int[np.ndarray, "n s"]
    target: Int[np.ndarray, "n t"]
    given: Rows
    pictures: Rows | None = None

    def __len__(self) -> int:
        return len(self.values)


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """What an `ArithmeticData` stands for; nothing is stored, splits are worked out when asked for."""

    config: ArithmeticData

    @property
    def spec(self) -> ArithmeticSpec:
        """How queries and answers are written."""
        return self.config.spec

    @property
    def train_queries(self) -> int:
        """Queries of the training split, a few more than there are where a pair's two orders are equal."""
        deck = self.config.deck
        return len(deck.places("train")) * (2 if deck.twins else 1)

    @property
    def digest(self) -> str:
        """SHA-256 of the settings, in hexadecimal."""
        return hashlib.sha256(self.config.identity).hexdigest()

    def examples(self, split: Split) -> Examples:
        """A split's queries, of at most `evaluation_limit` cards, or as many queries that lie beyond."""
        limit, deck = self.config.evaluation_limit, self.config.deck
        if split == "beyond":
            return make_examples(self.spec, deck.beyond(10**self.config.digits, limit))
        return make_examples(self.spec, deck.queries(split, limit))


def make_examples(spec: ArithmeticSpec, queries: Queries) -> Examples:
    """Queries with their answers, in symbols."""
    values = np.asarray(spec.answers(*queries))
    source, target = np.asarray(spec.encode_queries(*queries)), np.asarray(spec.encode_answers(values))
    return Examples(queries, values, source, target, source)


@dataclasses.dataclass(frozen=True)
class ArithmeticBatches:
    """Training queries drawn on the device (`contracts.Batches`).

    Attributes:
        config: which queries there are, and how they are written.
        batch_size: queries in the batch of a step.
    """

    config: ArithmeticData
    batch_size: int

    @property
    def data(self) -> UInt32[np.ndarray, " r"]:
        """The key of the deck's shuffle, all that a step needs."""
        return self.config.deck.key

    def draw(
        self,
        data: UInt32[Array, " r"],
        key: PRNGKeyArray,
        step: Int[Array, ""],
        index: Int[Array, ""],
        count: int,
    ) -> ArithmeticBatch:
        """Micro-batch `index` of the `count` that make up the batch of `step`.

        Raises:
            UserError: `count` does not divide the batch.
        """
        size = micro_batch_size(self.batch_size, count)
        spec = self.config.spec
        queries = self.config.deck.draw(data, micro_batch_key(key, step, index), size)
        target = spec.encode_answers(spec.answers(*queries))
        return ArithmeticBatch(jnp.asarray(spec.encode_queries(*queries)), jnp.asarray(target))
