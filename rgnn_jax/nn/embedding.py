"""Embeddings of tokens and of the n-grams that end at them."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from rgnn_jax.nn.dropout import Dropout


def embed(table: Float[Array, "v d"], tokens: Int[Array, "*n"]) -> Float[Array, "*n d"]:
    """The rows of a table that the tokens name.

    The backward pass is XLA's scatter-add: on CPU it takes half the time of a sorted segment sum and a
    tenth of a product with one-hot rows, at any vocabulary, and on a GPU it adds atomically.
    """
    return table[tokens]


class Embed(nn.Module):
    """A learned vector a token; its parameter is `embedding`."""

    num_embeddings: int
    features: int
    dtype: DTypeLike = jnp.float32
    embedding_init: nn.initializers.Initializer = nn.linear.default_embed_init

    def setup(self) -> None:
        """Declares the table."""
        self.embedding = self.param("embedding", self.embedding_init, (self.num_embeddings, self.features))

    def __call__(self, tokens: Int[Array, "*n"]) -> Float[Array, "*n d"]:
        """The vectors of the tokens, in `dtype`."""
        return embed(self.embedding, tokens).astype(self.dtype)


def empty_history(batch: int, max_order: int, vocabulary_size: int) -> Int[Array, "b m"]:
    """The last `max_order - 1` tokens before any token: `vocabulary_size`, which stands for "none"."""
    return jnp.full((batch, max_order - 1), vocabulary_size, jnp.int32)


def ngram_rows(
    window: Int[Array, "b s"], order: int, vocabulary_size: int, rows: int
) -> tuple[Int[Array, "b t"], Bool[Array, "b t"]]:
    """The table row of the `order` tokens that end at each position, and whether all of them exist.

    Where the table has a row for each n-gram, the row is the n-gram read as a number in base
    `vocabulary_size`; where it has fewer, a hash, so that n-grams share rows (Svenstrup et al., 2017).

    Args:
        window: tokens, `vocabulary_size` standing for "none", which may only come first; t = s - order + 1.
        order: how many tokens make up the n-gram.
        vocabulary_size: number of tokens.
        rows: number of rows in the table.
    """
    t = window.shape[1] - order + 1
    exact = vocabulary_size**order <= rows
    base = jnp.uint32(vocabulary_size if exact else 0x9E3779B1)
    code = jnp.zeros((window.shape[0], t), jnp.uint32)
    for offset in range(order):
        code = code * base + window[:, offset : offset + t].astype(jnp.uint32)
    if not exact:
        code = (code ^ (code >> 16)) * jnp.uint32(0x7FEB352D)
        code = (code ^ (code >> 15)) * jnp.uint32(0x846CA68B)
        code = (code ^ (code >> 16)) % jnp.uint32(rows)
    exists = window[:, :t] < vocabulary_size
    return jnp.where(exists, code, 0).astype(jnp.int32), exists


class NGramEmbed(nn.Module):
    """The sum of the embeddings of the last 1, 2 .. `max_order` tokens.

    A table for each order, of at most `buckets` rows beyond the first order. An n-gram that would begin
    before the first token contributes nothing. In training, each n-gram of order two or more is dropped at
    `dropout`, which keeps the network from leaning on rare n-grams alone. With `time_major` the
    embeddings come as [t b d], the order in which recurrent layers run.
    """

    vocabulary_size: int
    features: int
    max_order: int = 1
    buckets: int = 16384
    dropout: float = 0.0
    dtype: DTypeLike = jnp.float32
    embedding_init: nn.initializers.Initializer = nn.linear.default_embed_init
    time_major: bool = False

    def setup(self) -> None:
        """Declares the tables; those of higher orders start near zero, so that training begins without."""
        self.unigram = Embed(self.vocabulary_size, self.features, self.dtype, self.embedding_init)
        self.ngrams = [
            Embed(
                min(self.vocabulary_size**order, self.buckets),
                self.features,
                self.dtype,
                nn.initializers.normal(0.01 / self.features**0.5),
            )
            for order in range(2, self.max_order + 1)
        ]
        self.drop = Dropout(self.dropout, broadcast_dims=(-1,))

    def __call__(
        self, tokens: Int[Array, "b t"], history: Int[Array, "b m"] | None = None, *, train: bool = False
    ) -> tuple[Float[Array, "b t d"] | Float[Array, "t b d"], Int[Array, "b m"]]:
        """Embeds tokens that follow a history.

        Returns:
            The embeddings, and the history after the last token.
        """
        if history is None:
            history = empty_history(tokens.shape[0], self.max_order, self.vocabulary_size)
        window = jnp.concatenate([history, tokens.astype(history.dtype)], axis=1)
        total = self.unigram(tokens.T if self.time_major else tokens)
        for order, table in enumerate(self.ngrams, start=2):
            rows, exists = ngram_rows(
                window[:, self.max_order - order :], order, self.vocabulary_size, table.num_embeddings
            )
            if self.time_major:
                rows, exists = rows.T, exists.T
            ngram = jnp.where(exists[..., None], table(rows), 0)
            total += self.drop(ngram, deterministic=not train)
        return total, window[:, tokens.shape[1] :]
