"""The encoder-decoder (Sutskever et al., 2014; Cho et al., 2014), whose parts the settings choose."""

import jax.numpy as jnp
from flax import linen as nn
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from rgnn_jax.contracts import Carry
from rgnn_jax.errors import UserError
from rgnn_jax.models.painter import Painter
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.seq2seq_decoder import Decoder, RecurrentDecoder, TransformerDecoder
from rgnn_jax.models.seq2seq_encoder import Source, make_encoder


class Seq2Seq(nn.Module):
    """A `contracts.ConditionalModel`: the carry holds the source beside what the decoder remembers.

    Attributes:
        config: the network's settings.
        source_symbols: how many different ones a source may hold.
        source_length: positions of a source.
        vocabulary_size: how many symbols a target may hold.
        target_length: most symbols of a target.
        side: pixels of the side of a position's picture; 0 where a source is symbols.
        answer_side: pixels of the side of the pictures that a painter makes of a target; 0 for none.
        dtype: the type of the computation.
    """

    config: Seq2SeqConfig
    source_symbols: int
    source_length: int
    vocabulary_size: int
    target_length: int
    side: int = 0
    answer_side: int = 0
    dtype: DTypeLike = jnp.float32

    def setup(self) -> None:
        """Declares encoder and decoder."""
        self.encoder = make_encoder(
            self.config, self.source_symbols, self.source_length, self.side, self.dtype
        )
        self.decoder = self._make_decoder()
        if self.answer_side:
            self.painter = Painter(self.config, self.vocabulary_size, self.answer_side, self.dtype)

    @property
    def max_length(self) -> int:
        """Most symbols of a target."""
        return self.target_length

    def empty_source(self, batch: int) -> Source:
        """A source of zeros, for its shape and type."""
        if self.side:
            return jnp.zeros((batch, self.source_length, self.side, self.side, 1))
        return jnp.zeros((batch, self.source_length), jnp.int32)

    def __call__(
        self, tokens: Int[Array, "b t"], source: Source, *, train: bool = False
    ) -> Float[Array, "b t v"]:
        """Logits of each next symbol of a target, given its source and the symbols up to this one."""
        return self.answer_and_read(tokens, source, train=train)[0]

    def answer_and_read(
        self,
        tokens: Int[Array, "b t"],
        source: Source,
        symbols: Int[Array, "b s"] | None = None,
        *,
        train: bool = False,
    ) -> tuple[Float[Array, "b t v"], Float[Array, "b s v"] | None]:
        """The same, and logits of the symbol in each picture of the source, where it is pictures.

        Args:
            tokens: a target's symbols up to each.
            source: of symbols or of pictures.
            symbols: those that the pictures show, from which the logits of the target are then made.
            train: whether this is for training.
        """
        self._check_length(tokens.shape[1])
        if self.answer_side and self.is_initializing():
            self.painter(jnp.zeros((1, self.answer_side, self.answer_side, 1)), jnp.zeros((1,), jnp.int32))
        encoded = self.encoder(source, symbols, train=train)
        return self.decoder(tokens, encoded, train=train), encoded.readings

    def read(self, source: Source) -> Float[Array, "b s v"] | None:
        """Logits of the symbol in each picture of a source; None where it is symbols."""
        return self.encoder(source).readings

    def paint(self, symbols: Int[Array, " b"], styles: Float[Array, "b z"]) -> Float[Array, "b h w 1"]:
        """Pictures in [0, 1] of a target's symbols in these styles."""
        return self.painter.paint(symbols, styles)

    def read_painted(self, pictures: Float[Array, "b h w 1"]) -> Float[Array, "b v"]:
        """Logits of the symbol in each picture, by the reader that the painter learned with."""
        return self.painter.read(pictures)

    def init_carry(self, batch: int, length: int) -> Carry:
        """The carry before source and target; raises UserError where `length` exceeds a target's."""
        self._check_length(length)
        return self._make_decoder(unbound=True).init_carry(batch, length)

    def grow_carry(self, carry: Carry, length: int) -> Carry:
        """The same carry with room for `length` symbols; raises UserError where they exceed a target's."""
        self._check_length(length)
        return self._make_decoder(unbound=True).grow_carry(carry, length)

    def read_source(self, carry: Carry, source: Source) -> Carry:
        """The carry after the source, before any symbol of the target."""
        return self.decoder.attach(carry, self.encoder(source))

    def prefill(self, carry: Carry, tokens: Int[Array, "b t"]) -> tuple[Carry, Float[Array, "b t v"]]:
        """Reads symbols of the target after what the carry holds."""
        return self.decoder.prefill(carry, tokens)

    def step(self, carry: Carry, token: Int[Array, " b"]) -> tuple[Carry, Float[Array, "b v"]]:
        """Reads one symbol of the target."""
        carry, logits = self.decoder.prefill(carry, token[:, None])
        return carry, logits[:, 0]

    def _make_decoder(self, *, unbound: bool = False) -> Decoder:
        kind = TransformerDecoder if self.config.decoder == "transformer" else RecurrentDecoder
        where = {"parent": None} if unbound else {}
        return kind(
            self.config, self.vocabulary_size, self.source_length, self.target_length, self.dtype, **where
        )

    def _check_length(self, length: int) -> None:
        if length > self.target_length:
            raise UserError(
                f"{length} symbols of a target are more than the {self.target_length} that the model writes"
            )
