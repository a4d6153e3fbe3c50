"""Which queries train, validate and test: a keyed permutation deals them, so that none is ever listed."""

import dataclasses
from functools import cached_property
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Integer, PRNGKeyArray, UInt32

from rgnn_jax.datasets.permutation import ROUNDS, permute_cells

Side = Literal["train", "validation", "test"]
Split = Literal[Side, "beyond"]
"""A side of the deck, or the queries with an operand that no card of it has."""

Words = UInt32[Array | np.ndarray, "..."]

_INT32_END = 2**31


class Queries(NamedTuple):
    """Queries as numbers.

    Attributes:
        first: operands.
        operator: indices into the operators that occur.
        second: operands.
    """

    first: Integer[Array | np.ndarray, " n"]
    operator: Integer[Array | np.ndarray, " n"]
    second: Integer[Array | np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Deck:
    """All queries of two operands below `size`, shuffled and dealt to three sides.

    With `twins` a card is an operator and an unordered pair of operands, which both orders of the pair share;
    else it is one query. Cards lie on a grid, whose keyed permutation is the shuffle. Training takes places
    from the front of the deck and the test from its end, so neither changes with the other's share.

    Attributes:
        size: operands are 0 .. size - 1; even.
        operators: how many there are.
        twins: whether a query and the one with its operands exchanged are one card.
        seed: of the shuffle.
        train_fraction: share of the cards.
        validation_fraction: share of the cards.
        test_fraction: share of the cards.
    """

    size: int
    operators: int
    twins: bool
    seed: int
    train_fraction: float
    validation_fraction: float
    test_fraction: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid of cards."""
        if self.twins:
            return self.operators * self.size // 2, self.size + 1
        return self.operators * self.size, self.size

    @property
    def cards(self) -> int:
        """How many there are."""
        rows, columns = self.shape
        return rows * columns

    def places(self, side: Side) -> range:
        """The places in the deck that a side is dealt."""
        test = self.cards - round(self.test_fraction * self.cards)
        validation = test - round(self.validation_fraction * self.cards)
        train = min(validation, round(self.train_fraction * self.cards))
        if train >= _INT32_END:  # whole rows, which can be drawn without an index beyond int32
            train -= train % self.shape[1]
        return {
            "train": range(train),
            "validation": range(validation, test),
            "test": range(test, self.cards),
        }[side]

    @cached_property
    def key(self) -> UInt32[np.ndarray, " r"]:
        """The shuffle's key."""
        return np.random.Generator(np.random.Philox(self.seed)).integers(0, 2**32, ROUNDS, np.uint32)

    def queries(self, side: Side, limit: int) -> Queries:
        """A side's queries, of its first `limit` cards at most; of twins both orders."""
        places = np.asarray(self.places(side)[:limit], np.int64)
        row, column = (part.astype(np.uint32) for part in np.divmod(places, self.shape[1]))
        queries = self._cards(row, column, self.key)
        if not self.twins:
            return queries
        other = queries.first != queries.second
        turned = Queries(queries.second[other], queries.operator[other], queries.first[other])
        return Queries(*(np.concatenate(pair) for pair in zip(queries, turned, strict=True)))

    def beyond(self, size: int, limit: int) -> Queries:
        """Queries of operands below a larger `size`, at least one of which no card has.

        Args:
            size: of the operands.
            limit: how many; where there are more, a random sample.
        """
        larger = size - self.size
        high = larger * size  # the first operand is one of the larger ones, or else the second alone
        pairs = high + self.size * larger
        count = self.operators * pairs
        if count <= limit:
            places = np.arange(count)
        else:
            places = np.random.Generator(np.random.Philox(self.seed)).choice(count, limit, replace=False)
        operator, place = np.divmod(places, pairs)
        low = place - high
        first = np.where(low < 0, self.size + place // size, low // larger)
        second = np.where(low < 0, place % size, self.size + low % larger)
        return Queries(*(part.astype(np.int32) for part in (first, operator, second)))

    def draw(self, shuffle: UInt32[Array, " r"], key: PRNGKeyArray, count: int) -> Queries:
        """Training queries, each card as likely as any other and either order of a pair.

        Args:
            shuffle: the deck's `key`, on the device.
            key: of the draw.
            count: how many.
        """
        card_key, column_key, turn_key = jax.random.split(key, 3)
        places, columns = len(self.places("train")), self.shape[1]
        if places < _INT32_END:
            row, column = jnp.divmod(jax.random.randint(card_key, (count,), 0, places), columns)
        else:
            row = jax.random.randint(card_key, (count,), 0, places // columns)
            column = jax.random.randint(column_key, (count,), 0, columns)
        queries = self._cards(row.astype(jnp.uint32), column.astype(jnp.uint32), shuffle)
        if not self.twins:
            return queries
        turned = jax.random.bernoulli(turn_key, 0.5, (count,))
        first, second = queries.first, queries.second
        return Queries(jnp.where(turned, second, first), queries.operator, jnp.where(turned, first, second))

    def _cards(self, row: Words, column: Words, shuffle: Words) -> Queries:
        """The queries at these places in the deck."""
        row, column = (part.astype(np.int32) for part in permute_cells(row, column, self.shape, shuffle))
        if not self.twins:
            return Queries(row % self.size, row // self.size, column)
        # Rows r and size - 1 - r of the triangle of unordered pairs together fill one row of the grid.
        half = self.size // 2
        operator, row = row // half, row % half
        long = column < self.size - row
        where: Any = jnp.where if isinstance(row, jax.Array) else np.where
        first = where(long, self.size - 1 - row, row)
        second = where(long, column, column - (self.size - row))
        return Queries(first, operator, second)
