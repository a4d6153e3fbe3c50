"""Batches of pictures: epochs without replacement, drawn and augmented on the device."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray, UInt8, UInt32

from rgnn_jax.datasets.image_distortion import distort
from rgnn_jax.datasets.micro_batches import micro_batch_key, micro_batch_size
from rgnn_jax.datasets.permutation import ROUNDS, mix_bits, permute_cells
from rgnn_jax.datasets.pictures import Pictures
from rgnn_jax.errors import UserError

SHIFT = 8
BRIGHTNESS = 0.2
_EVALUATION_SEED = 0


class ImageArrays(NamedTuple):
    """What is put on the device once: all training pictures, and what is known of each.

    Attributes:
        images: the pictures.
        labels: zeros where there are none.
        factors: None where they are not known.
    """

    images: UInt8[Array | np.ndarray, "n h w c"]
    labels: Int[Array | np.ndarray, " n"]
    factors: Float[Array | np.ndarray, "n f"] | None = None


class ImageBatch(NamedTuple):
    """A micro-batch.

    Attributes:
        images: pictures in [0, 1].
        labels: zeros where there are none.
        factors: None where they are not known; as they were before any flip or augmentation.
    """

    images: Float[Array, "b h w c"]
    labels: Int[Array, " b"]
    factors: Float[Array, "b f"] | None = None


@dataclass(frozen=True)
class ImageBatches:
    """Batches that run through all pictures, in a new order each epoch (`contracts.Batches`).

    Args:
        pictures: the training split.
        batch_size: pictures in the batch of a step.
        binarize: whether each draw replaces a pixel by 1 with its value as the probability, else by 0.
        flip: whether each draw mirrors left and right with probability 1/2.
        augment: whether each draw mirrors, turns by a multiple of 90 degrees (square pictures), shifts by up
            to an eighth of the side, and changes brightness by up to a fifth.
        blur: the greatest standard deviation, in pixels, of the Gaussian by which each draw blurs.
        distort: whether each draw turns, slants, scales, shifts and bends a little.

    Raises:
        UserError: there is no picture, or more than uint32 can index, or `distort` is to change pictures that
            are not grey and square, or that `flip` or `augment` change.
    """

    pictures: Pictures
    batch_size: int
    binarize: bool = False
    flip: bool = False
    augment: bool = False
    blur: float = 0.0
    distort: bool = False

    def __post_init__(self) -> None:
        if not len(self.pictures):
            raise UserError("the training split has no picture; give more pictures or smaller other splits")
        if len(self.pictures) * self.batch_size >= 2**32:
            raise UserError(
                f"{len(self.pictures)} pictures in batches of {self.batch_size} cannot be counted by uint32; "
                "set a smaller training.batch_size or data.limit"
            )

        height, width, channels = self.pictures.images.shape[1:]
        if self.distort and (self.flip or self.augment or channels != 1 or height != width):
            raise UserError(
                "data.distort is for grey, square pictures that are neither flipped nor augmented; set "
                "data.size and data.channels, or data.distort to false"
            )

    @property
    def data(self) -> ImageArrays:
        """All training pictures, labels and factors."""
        labels = self.pictures.labels
        zeros = np.zeros(len(self.pictures), np.int32)
        return ImageArrays(self.pictures.images, zeros if labels is None else labels, self.pictures.factors)

    def draw(
        self, data: ImageArrays, key: PRNGKeyArray, step: Int[Array, ""], index: Int[Array, ""], count: int
    ) -> ImageBatch:
        """Micro-batch `index` of the `count` that make up the batch of `step`.

        Raises:
            UserError: `count` does not divide the batch.
        """
        micro = micro_batch_size(self.batch_size, count)
        order_key, noise_key = jax.random.split(key)
        chosen = self._indices(order_key, step, index, micro, len(data.labels))
        augment_key, pixel_key, blur_key = jax.random.split(micro_batch_key(noise_key, step, index), 3)
        images = data.images[chosen]
        if self.augment:
            images = augment_images(images, augment_key)
        elif self.flip:
            images = flip_images(images, augment_key)
        pictures = to_float(images)
        if self.distort:
            grey = jnp.asarray(data.images).reshape(data.images.shape[:3])
            pictures = distort(grey, chosen, augment_key)[..., None] / 255.0
        if self.blur:
            pictures = blur_images(pictures, self.blur * jax.random.uniform(blur_key, (len(images),)))
        if self.binarize:
            pictures = binarize_images(pictures, pixel_key)
        factors = None if data.factors is None else data.factors[chosen]
        return ImageBatch(pictures, data.labels[chosen], factors)

    def _indices(
        self, key: PRNGKeyArray, step: Int[Array, ""], index: Int[Array, ""], micro: int, size: int
    ) -> Int[Array, " b"]:
        """Which of `size` pictures lie at this micro-batch's places in the sequence of epochs."""
        # `size` batches are `batch_size` whole epochs; counting them apart keeps uint32 from overflowing.
        turns, rest = jnp.divmod(step.astype(jnp.uint32), jnp.uint32(size))
        first = rest * jnp.uint32(self.batch_size) + index.astype(jnp.uint32) * jnp.uint32(micro)
        epoch, place = jnp.divmod(first + jnp.arange(micro, dtype=jnp.uint32), jnp.uint32(size))
        return shuffled(place, epoch + turns * jnp.uint32(self.batch_size), key, size)


def shuffled(
    place: UInt32[Array, " b"], epoch: UInt32[Array, " b"], key: PRNGKeyArray, size: int
) -> Int[Array, " b"]:
    """Where a pseudo-random permutation of `size` items, a new one each epoch, puts these places.

    The cells of a grid just large enough are permuted; walked on where that leaves the first `size` cells,
    it is a permutation of them.
    """
    rows = int(np.ceil(np.sqrt(size)))
    columns = -(-size // rows)
    keys = jax.random.bits(key, (ROUNDS,))
    offsets = [mix_bits(epoch * jnp.uint32(0x9E3779B9) + keys[i]) for i in range(ROUNDS)]

    def permute(cell: Array) -> Array:
        row, column = permute_cells(*jnp.divmod(cell, jnp.uint32(columns)), (rows, columns), offsets)
        return jnp.asarray(row * jnp.uint32(columns) + column)

    def walk(cell: Array) -> Array:
        return jnp.where(cell < size, cell, permute(cell))

    inside = jax.lax.while_loop(lambda cell: (cell >= size).any(), walk, permute(place))
    return inside.astype(jnp.int32)


def to_float(images: Integer[Array, "b h w c"]) -> Float[Array, "b h w c"]:
    """Pictures in [0, 1]."""
    return images.astype(jnp.float32) / 255.0


def binarize_images(images: Float[Array, "b h w c"], key: PRNGKeyArray) -> Float[Array, "b h w c"]:
    """Pixels of 0 and 1, each drawn with its value as the probability of 1."""
    return jax.random.bernoulli(key, images).astype(images.dtype)


def binarized_once(images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n h w c"]:
    """Pictures of 0 and 255 for evaluation: pixels drawn once, by a key that never changes."""
    draws = np.random.Generator(np.random.Philox(_EVALUATION_SEED))
    binary = np.empty(images.shape, np.uint8)
    for picture, drawn in zip(images, binary, strict=True):
        drawn[:] = np.where(draws.integers(0, 255, picture.shape, np.uint8) < picture, 255, 0)
    return binary


def flip_images(images: Integer[Array, "b h w c"], key: PRNGKeyArray) -> Integer[Array, "b h w c"]:
    """Each picture mirrored left and right with probability 1/2."""
    mirrored = jax.random.bernoulli(key, 0.5, (len(images), 1, 1, 1))
    return jnp.where(mirrored, images[:, :, ::-1], images)


def augment_images(images: UInt8[Array, "b h w c"], key: PRNGKeyArray) -> UInt8[Array, "b h w c"]:
    """Each picture mirrored, turned, shifted and made brighter or darker at random.

    What a shift uncovers is filled by reflection at the edge.
    """
    flip_key, turn_key, shift_key, brightness_key = jax.random.split(key, 4)
    b, h, w, _ = images.shape
    images = flip_images(images, flip_key)
    if h == w:
        turned = jax.random.bernoulli(turn_key, 0.5, (2, b, 1, 1, 1))
        images = jnp.where(turned[0], images.swapaxes(1, 2), images)
        images = jnp.where(turned[1], images[:, ::-1], images)
    images = _shift(images, shift_key, (h // SHIFT, w // SHIFT))
    factor = jax.random.uniform(brightness_key, (b, 1, 1, 1), minval=1 - BRIGHTNESS, maxval=1 + BRIGHTNESS)
    return jnp.clip(jnp.round(images * factor), 0, 255).astype(jnp.uint8)


def blur_images(images: Float[Array, "b h w c"], deviations: Float[Array, " b"]) -> Float[Array, "b h w c"]:
    """Each picture convolved with a Gaussian of its own standard deviation, in pixels; 0 leaves it as it is.

    Weights of pixels beyond the edge are dealt to those within, so that a plain picture stays what it is.
    """
    down, across = (_gaussian_rows(size, deviations) for size in images.shape[1:3])
    return jnp.einsum("bij,bjkc,blk->bilc", down, images, across)


def _gaussian_rows(size: int, deviations: Float[Array, " b"]) -> Float[Array, "b s s"]:
    """For each deviation the matrix that blurs a line of `size` pixels."""
    places = np.arange(size, dtype=np.float32)
    apart = np.square(places[None, :, None] - places[None, None, :])
    # A deviation of a tenth of a pixel gives the neighbours less than 1e-21 of the weight.
    weights = jnp.exp(-0.5 * apart / jnp.square(jnp.maximum(deviations, 0.1))[:, None, None])
    return weights / jnp.sum(weights, -1, keepdims=True)


def _shift(images: Array, key: PRNGKeyArray, most: tuple[int, int]) -> Array:
    b, h, w, c = images.shape
    padded = jnp.pad(images, ((0, 0), (most[0], most[0]), (most[1], most[1]), (0, 0)), mode="reflect")
    limits = jnp.array([[2 * most[0] + 1, 2 * most[1] + 1]])
    starts = jax.random.randint(key, (b, 2), 0, limits)
    return jax.vmap(lambda image, start: jax.lax.dynamic_slice(image, (*start, 0), (h, w, c)))(padded, starts)
