"""Settings of an encoder-decoder, and what its two parts hand over."""

from typing import Literal, NamedTuple

from jaxtyping import Array, Float

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NaturalNumber, NonNegative, Positive, Rate, Variant
from rgnn_jax.models.classifier import ClassifierConfig
from rgnn_jax.models.transformer import TransformerConfig

Part = Literal["lstm", "gru", "transformer"]


class Seq2SeqConfig(Variant, frozen=True, kw_only=True, tag="seq2seq"):
    """An encoder that reads a source and a decoder that writes a target; the defaults are the document's.

    Attributes:
        encoder: the kind of network that reads.
        decoder: the kind of network that writes.
        source: how a recurrent decoder knows the source: "repeat" gives it the encoder's summary at every
            step and nothing else, not even what it has written (the document's repeat vector); "attention"
            gives it the summary, its last symbol, and attention over all of the source (Luong et al., 2015).
            A Transformer's decoder attends.
        encoder_layers: layers or blocks that read.
        decoder_layers: layers or blocks that write.
        width: features of each layer; of each direction where there are two.
        bidirectional: whether a recurrent encoder reads from both ends.
        dropout: rate after each recurrent layer, or after each half of a block.
        forget_bias: of LSTM layers.
        heads: of attention, which they share evenly.
        feed_forward: hidden features of a block's perceptron; 0 stands for four times the width.
        activation: of the perceptron.
        norm: of blocks.
        qk_norm: whether queries and keys are normalised.
        picture_width: channels of the first convolution of what reads the picture of a symbol.
        picture_blocks: its residual convolutions after each that halves the picture.
        picture_norm: of its convolutions, see `ClassifierConfig.norm`.
        picture_features: numbers a picture before they become scores of the symbols.
        reading_weight: of the front end's own loss, the cross-entropy of the symbol in each picture, from
            which alone it then learns; 0 leaves it to the answers to teach it to read.
        style_dim: numbers of a style of handwriting, where answers are painted.
        style_spread: standard deviation of the styles that answers are painted in. Those of N(0, 1), a spread
            of 1, are painted less varied than what was written, since the painter paints means.
        style_draws: styles that are drawn for an answer; the first in which the painter's own reader is sure
            of every symbol is used, else that in which it is least unsure.
        painter_width: of each hidden layer that paints, and of each that finds the style of a picture.
        painter_layers: hidden layers of either.
        style_weight: of the KL divergence of styles from N(0, 1); 1 is the evidence lower bound.
        legibility_weight: of how badly a reader, trained beside the painter, reads what that paints; its unit
            is a nat a picture, that of the bound a nat a pixel.
        contrast: by which a painted pixel's log-odds are multiplied; 1 paints the mean picture of a style.
    """

    encoder: Part = "lstm"
    decoder: Part = "lstm"
    source: Literal["repeat", "attention"] = "repeat"
    encoder_layers: Count = 1
    decoder_layers: Count = 1
    width: Count = 256
    bidirectional: bool = False
    dropout: Rate = 0.0
    forget_bias: float = 1.0
    heads: Count = 4
    feed_forward: NaturalNumber = 0
    activation: Literal["gelu", "relu", "squared_relu"] = "gelu"
    norm: Literal["layer", "rms"] = "layer"
    qk_norm: bool = False
    picture_width: Count = 32
    picture_blocks: NaturalNumber = 0
    picture_norm: Literal["layer", "instance"] = "layer"
    picture_features: Count = 128
    reading_weight: NonNegative = 1.0
    style_dim: Count = 24
    style_spread: Positive = 1.0
    style_draws: Count = 1
    painter_width: Count = 400
    painter_layers: Count = 2
    style_weight: NonNegative = 1.0
    legibility_weight: NonNegative = 0.05
    contrast: Positive = 2.5

    def __post_init__(self) -> None:
        """Refuses parts that do not fit together."""
        if self.decoder == "transformer" and self.source != "attention":
            raise UserError(
                'model.decoder "transformer" attends to the source: set model.source to "attention"'
            )
        if self.encoder == "transformer" and self.bidirectional:
            raise UserError(
                'model.encoder "transformer" sees both sides as it is: set model.bidirectional to false'
            )
        if self.attends and self.width % self.heads:
            raise UserError(f"model.width {self.width} is not a multiple of model.heads {self.heads}")

    @property
    def attends(self) -> bool:
        """Whether some part attends to something."""
        return self.source == "attention" or self.encoder == "transformer"

    @property
    def reader(self) -> ClassifierConfig:
        """The settings of what reads a picture."""
        return ClassifierConfig(
            width=self.picture_width,
            blocks=self.picture_blocks,
            norm=self.picture_norm,
            feature_dim=self.picture_features,
            dropout=0.0,
        )

    def blocks(self, layers: int) -> TransformerConfig:
        """The settings of a Transformer's blocks in this network."""
        return TransformerConfig(
            layers=layers,
            width=self.width,
            heads=self.heads,
            feed_forward=self.feed_forward,
            dropout=self.dropout,
            positions="learned",
            activation=self.activation,
            qk_norm=self.qk_norm,
            norm=self.norm,
        )


class Encoded(NamedTuple):
    """A source that has been read.

    Attributes:
        features: of each position, for attention.
        summary: of the whole.
        readings: logits of the symbol in each picture, where the source is pictures.
    """

    features: Float[Array, "b s e"]
    summary: Float[Array, "b e"]
    readings: Float[Array, "b s v"] | None = None
