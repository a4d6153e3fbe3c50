"""The project's models, at sizes that compile in a second, with data that they learn from."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from rgnn_jax.contracts import Batches, Game, Objective
from rgnn_jax.datasets.arithmetic import ArithmeticBatches, ArithmeticData
from rgnn_jax.datasets.faces import FACTORS, face_factors
from rgnn_jax.datasets.handwriting import HandwritingBatches, HandwritingData
from rgnn_jax.datasets.handwriting_strips import make_table
from rgnn_jax.datasets.image_batches import ImageBatches
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.pictures import Images, Pictures
from rgnn_jax.datasets.text_batches import TextBatches
from rgnn_jax.models.adversarial import Adversarial
from rgnn_jax.models.classifier import Classifier, ClassifierConfig, Classify
from rgnn_jax.models.conv_autoencoder import ConvAutoencoder, ConvAutoencoderConfig
from rgnn_jax.models.dcgan import DCGAN, DCGANConfig
from rgnn_jax.models.factor_reader import FactorReader, FactorReaderConfig, ReadFactors
from rgnn_jax.models.language import NextToken
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoder, MLPAutoencoderConfig
from rgnn_jax.models.pixel_autoencoder import PixelAutoencoder, PixelAutoencoderConfig
from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.resnet_autoencoder import ResNetAutoencoder, ResNetAutoencoderConfig
from rgnn_jax.models.resnet_gan import ResNetGAN, ResNetGANConfig
from rgnn_jax.models.seq2seq import Seq2Seq
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.tcn import TCN, TCNConfig
from rgnn_jax.models.transformer import Transformer, TransformerConfig
from rgnn_jax.models.translation import Translate
from rgnn_jax.models.variational import Variational

VOCABULARY_SIZE = 7

SEQUENCE_MODELS = {
    "lstm": LSTM(LSTMConfig(layers=2, width=8, ngram_order=3), VOCABULARY_SIZE),
    "gru": GRU(GRUConfig(layers=1, width=8, embedding=4), VOCABULARY_SIZE),
    "tcn": TCN(TCNConfig(levels=2, channels=8, embedding=8), VOCABULARY_SIZE),
    "transformer": Transformer(
        TransformerConfig(layers=1, width=8, heads=2, positions="rotary", context=300), VOCABULARY_SIZE
    ),
}

SIDE = 8
_SUMS = ArithmeticData(digits=1)


def _seq2seq(side: int = 0, answer_side: int = 0, **settings) -> Seq2Seq:
    spec = _SUMS.spec
    config = Seq2SeqConfig(width=8, heads=2, picture_width=4, picture_features=8, **settings)
    return Seq2Seq(config, 13, spec.query_length, 13, spec.answer_length, side, answer_side)


CONDITIONAL_MODELS = {
    "repeat_lstm": _seq2seq(encoder_layers=2, decoder_layers=2),
    "bidirectional_gru": _seq2seq(encoder="gru", decoder="gru", bidirectional=True, source="attention"),
    "lstm_to_transformer": _seq2seq(decoder="transformer", source="attention"),
    "transformer_to_gru": _seq2seq(encoder="transformer", decoder="gru"),
    "encoder_decoder": _seq2seq(
        encoder="transformer", decoder="transformer", source="attention", qk_norm=True, norm="rms"
    ),
    "strips_to_gru": _seq2seq(SIDE, encoder="gru", decoder="gru", bidirectional=True, source="attention"),
    "strips_to_transformer": _seq2seq(SIDE, encoder="transformer", decoder="transformer", source="attention"),
}


PAINTER = _seq2seq(
    answer_side=SIDE, encoder="gru", decoder="gru", painter_width=8, style_dim=3, legibility_weight=0.1
)


def random_source(model: Seq2Seq, key: jax.Array, count: int) -> jax.Array:
    """Symbols, or pictures in [0, 1]."""
    empty = model.empty_source(count)
    if model.side:
        return jax.random.uniform(key, empty.shape)
    return jax.random.randint(key, empty.shape, 0, model.source_symbols)


WINDOW = 6
_SHAPE = (SIDE, SIDE, 1)

LATENT_MODELS = {
    "mlp_vae": MLPAutoencoder(MLPAutoencoderConfig(z_dim=3, hidden=(8,)), _SHAPE),
    "autoencoder": MLPAutoencoder(MLPAutoencoderConfig(z_dim=3, hidden=(8,), variational=False), _SHAPE),
    "conv_vae": ConvAutoencoder(
        ConvAutoencoderConfig(z_dim=3, objective="factor", discriminator=(8,)), _SHAPE
    ),
    "burgess": ConvAutoencoder(ConvAutoencoderConfig(z_dim=3, layout="burgess", objective="tc"), _SHAPE),
    "pixel_vae": PixelAutoencoder(PixelAutoencoderConfig(z_dim=3, reach=2, width=4), _SHAPE),
    "resnet_vae": ResNetAutoencoder(ResNetAutoencoderConfig(z_dim=3, widths=(8,)), _SHAPE),
}


GENERATORS = {
    "dcgan": DCGAN(DCGANConfig(z_dim=4, width=4, discriminator_steps=2, codes=1, categories=2), _SHAPE),
    "conditional_dcgan": DCGAN(
        DCGANConfig(
            z_dim=3,
            width=4,
            conditional=True,
            auxiliary=0.5,
            objective="hinge",
            r1=0.1,
            discriminator_norm="none",
            spectral=True,
            augment=("colour", "translation", "cutout"),
        ),
        _SHAPE,
        3,
    ),
    "resnet_gan": ResNetGAN(ResNetGANConfig(z_dim=3, widths=(4,), conditional=True), _SHAPE, 3),
    "critic": DCGAN(
        DCGANConfig(
            z_dim=3,
            width=4,
            objective="wasserstein",
            gradient_penalty=10.0,
            consistency=2.0,
            dropout=0.5,
            input_noise=0.1,
            discriminator_norm="layer",
        ),
        _SHAPE,
    ),
}


class Learner(NamedTuple):
    """An objective and the data that it is about.

    Attributes:
        batches: makes batches of four from the first `count` examples.
        first_loss: the most that the loss may be at the start.
    """

    objective: Objective | Game
    batches: Callable[[int], Batches]
    first_loss: float


def _texts(count: int) -> Batches:
    codes = np.random.default_rng(0).integers(0, VOCABULARY_SIZE, WINDOW + count).astype(np.uint8)
    return TextBatches(codes, WINDOW, 4)


def _sums(count: int) -> Batches:
    # One query is one card in two hundred of those without twins.
    data = ArithmeticData(digits=1, split="leaking", train_fraction=0.005 if count == 1 else 0.9)
    return ArithmeticBatches(data, 4)


def _strips(count: int, pictures: str = "source") -> Batches:
    fraction = 0.005 if count == 1 else 0.9
    data = HandwritingData(digits=1, split="leaking", train_fraction=fraction, size=SIDE, pictures=pictures)
    images = np.random.default_rng(0).integers(0, 2, (10, *_SHAPE)).astype(np.uint8) * 255
    table = make_table(Pictures(images, np.arange(10, dtype=np.int32)), "0123456789", "made up")
    return HandwritingBatches(data, table, 4)


def _pictures(count: int) -> Batches:
    images = np.random.default_rng(0).integers(0, 2, (count, *_SHAPE)).astype(np.uint8) * 255
    return ImageBatches(
        Pictures(images, np.arange(count, dtype=np.int32) % 3, face_factors(0, np.arange(count))), 4
    )


def _all_pictures() -> Images:
    pictures = _pictures(16).pictures
    return Images(pictures, pictures, pictures, ImageSpec(height=SIDE, width=SIDE, channels=1), "")


LEARNERS = {
    **{
        name: Learner(NextToken(model, WINDOW), _texts, 2 * np.log(VOCABULARY_SIZE))
        for name, model in SEQUENCE_MODELS.items()
    },
    **{
        name: Learner(Translate(model, start=12), _sums, 2 * np.log(13))
        for name, model in CONDITIONAL_MODELS.items()
        if name in ("repeat_lstm", "encoder_decoder")  # whose parts are all that the others are made of
    },
    "strips_to_transformer": Learner(
        Translate(CONDITIONAL_MODELS["strips_to_transformer"], start=12), _strips, 4 * np.log(13)
    ),
    "painter": Learner(Translate(PAINTER, start=12), partial(_strips, pictures="target"), 4 * np.log(13)),
    **{
        name: Learner(Variational(model, model.config, _all_pictures()), _pictures, SIDE**2)
        for name, model in LATENT_MODELS.items()
    },
    "classifier": Learner(
        Classify(Classifier(ClassifierConfig(width=8, feature_dim=8), _SHAPE, 3)), _pictures, 3.0
    ),
    "factor_reader": Learner(
        ReadFactors(FactorReader(FactorReaderConfig(hidden=8), _SHAPE, FACTORS)), _pictures, 200.0
    ),
}

GAMES = {
    name: Learner(Adversarial(model, model.config), _pictures, np.inf) for name, model in GENERATORS.items()
}
