"""Sums and differences whose queries or answers are strips of handwriting: settings, splits and batches."""

import dataclasses
import hashlib
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, UInt32

from rgnn_jax.datasets.arithmetic import (
    Arithmetic,
    ArithmeticBatch,
    ArithmeticBatches,
    ArithmeticData,
    Examples,
)
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.arithmetic_split import Split
from rgnn_jax.datasets.handwriting_strips import DigitTable, Strips, draw_strips, make_table
from rgnn_jax.datasets.images import DIGITS, ImageData, load_images
from rgnn_jax.datasets.micro_batches import micro_batch_key
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NonNegative, Seed


class HandwritingData(ArithmeticData, frozen=True, kw_only=True, tag="handwriting"):
    """The queries of an `ArithmeticData`, or their answers, as rows of square pictures, one a symbol.

    A digit is a random picture of it from a set, whose training pictures alone make training queries and
    whose held-out pictures make the others; signs are drawn by arithmetic.

    Attributes:
        pictures: "source" for queries in handwriting, "target" for answers.
        path: the set of digits: "digits" for scikit-learn's, "mnist", or what else `ImageData.path` names.
        data_dir: where prepared sets of TensorFlow Datasets lie.
        size: pixels of a side of each picture.
        augment: whether training turns, slants, scales, shifts and bends each digit a little.
        noise: standard deviation of the noise on pixels of the noisiest training pictures, whose values are
            0 to 1; it is uniform up to this from picture to picture, blank ones with them.
        picture_validation_fraction: the share of the pictures kept for the queries of validation.
        picture_seed: which pictures are kept for validation, for the test too where the set does not say,
            and which of these are seen in its queries.
    """

    pictures: Literal["source", "target"] = "source"
    path: str = DIGITS
    data_dir: str = "data"
    size: Count = 28
    augment: bool = False
    noise: NonNegative = 0.0
    picture_validation_fraction: Annotated[float, msgspec.Meta(gt=0, le=0.5)] = 0.1
    picture_seed: Seed = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise and self.pictures == "target":
            raise UserError("data.noise: would be painted; leave it out where data.pictures is target")

    @property
    def identity(self) -> bytes:
        """The same, without younger settings at their defaults, so that older runs can be resumed."""
        settings = msgspec.to_builtins(self)
        for name, default in (("noise", 0.0), ("picture_validation_fraction", 0.1)):
            if settings[name] == default:
                del settings[name]
        return msgspec.json.encode(settings)

    @property
    def spec(self) -> ArithmeticSpec:
        """How queries and answers are written."""
        field = "side" if self.pictures == "source" else "answer_side"
        return msgspec.structs.replace(super().spec, **{field: self.size})

    @property
    def digit_set(self) -> ImageData:
        """The settings of the set of digits."""
        return ImageData(
            path=self.path,
            data_dir=self.data_dir,
            size=self.size,
            channels=1,
            split="picture",
            validation_fraction=self.picture_validation_fraction,
            seed=self.picture_seed,
        )


@dataclasses.dataclass(frozen=True)
class Handwriting(Arithmetic):
    """What a `HandwritingData` stands for: pictures of digits are loaded once, no strip is stored."""

    config: HandwritingData

    @cached_property
    def images(self) -> Images:
        """The set of digits.

        Raises:
            UserError: it cannot be read.
        """
        return load_images(self.config.digit_set)

    @property
    def digest(self) -> str:
        """SHA-256 of settings and pictures, in hexadecimal."""
        return hashlib.sha256((super().digest + self.images.digest).encode()).hexdigest()

    def table(self, split: Split) -> DigitTable:
        """The pictures of a split; the test's for queries that lie beyond.

        Raises:
            UserError: where they are not of the ten digits.
        """
        pictures = self.images.test if split == "beyond" else getattr(self.images, split)
        return make_table(pictures, self.images.spec.classes, self.config.path)

    def examples(self, split: Split) -> Examples:
        """A split's queries, of at most `evaluation_limit` cards, with that split's pictures."""
        examples = super().examples(split)
        if self.config.pictures == "source":
            return dataclasses.replace(examples, given=self.strips(examples.source, split))
        return dataclasses.replace(examples, pictures=self.strips(examples.target, split))

    def strips(self, symbols: Int[np.ndarray, "n s"], split: Split) -> Strips:
        """Strips of any symbols in a split's pictures."""
        table = DigitTable(*(jnp.asarray(part) for part in self.table(split)))
        return Strips(table, symbols, self.config.picture_seed)


class HandwritingArrays(NamedTuple):
    """What is put on the device once.

    Attributes:
        deck: the key of the shuffle of queries.
        digits: the training pictures.
    """

    deck: UInt32[Array | np.ndarray, " r"]
    digits: DigitTable


@dataclasses.dataclass(frozen=True)
class HandwritingBatches:
    """Training queries, and pictures of them or of their answers, drawn on the device (`contracts.Batches`).

    Attributes:
        config: which queries there are, and how they are written.
        digits: the training pictures.
        batch_size: queries in the batch of a step.
    """

    config: HandwritingData
    digits: DigitTable
    batch_size: int

    @property
    def data(self) -> HandwritingArrays:
        """The key of the deck's shuffle, and pictures as bytes."""
        return HandwritingArrays(self.config.deck.key, self.digits)

    def draw(
        self,
        data: HandwritingArrays,
        key: PRNGKeyArray,
        step: Int[Array, ""],
        index: Int[Array, ""],
        count: int,
    ) -> ArithmeticBatch:
        """Micro-batch `index` of the `count` that make up the batch of `step`.

        Raises:
            UserError: `count` does not divide the batch.
        """
        query_key, picture_key = jax.random.split(key)
        batch = ArithmeticBatches(self.config, self.batch_size).draw(
            jnp.asarray(data.deck), query_key, step, index, count
        )
        keys = jax.random.split(micro_batch_key(picture_key, step, index), len(batch.source))
        read = self.config.pictures == "source"
        symbols = batch.source if read else batch.target
        strips = draw_strips(data.digits, symbols, keys, augment=self.config.augment, noise=self.config.noise)
        return batch._replace(source=strips, symbols=symbols) if read else batch._replace(pictures=strips)
