"""What every latent tool looks at: a run, its data again, and the pictures that somebody chose."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray, UInt8

from rgnn_jax.datasets.image_batches import binarized_once
from rgnn_jax.datasets.image_files import read_image
from rgnn_jax.datasets.pictures import Images, Pictures, evenly
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.factor_scores import is_categorical
from rgnn_jax.models.gan import default_labels
from rgnn_jax.sampling.latent import Gaussian, Posterior, aggregate_posterior, decode, encode, prior
from rgnn_jax.sampling.latent_search import search_codes
from rgnn_jax.train.resolve import with_other_data
from rgnn_jax.train.session import LoadedRun, load_task

SAMPLE = 3000
"""Training pictures, at most, whose codes stand for all."""

SEARCHED = 256
"""Pictures, at most, whose codes are searched for, in a model without an encoder."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a tool found out.

    Attributes:
        arrays: pictures, codes and values by name.
        files: names of files and their content.
        numbers: what is worth printing.
    """

    arrays: Mapping[str, np.ndarray]
    files: Mapping[str, bytes]
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Subject:
    """A run of a latent model with its data, which are read when they are first needed.

    Attributes:
        run: read back.
        overrides: settings of the data to change.
    """

    run: LoadedRun
    overrides: Sequence[tuple[str, str]] = ()

    @classmethod
    def of(cls, run: LoadedRun, overrides: Sequence[tuple[str, str]] = ()) -> "Subject":
        """The run as a subject.

        Raises:
            UserError: for a model of text, a model without a latent space, or settings that cannot change.
        """
        _ = run.images
        with_other_data(run.experiment, overrides)
        if not hasattr(run.model, "decode"):
            raise UserError(
                f"run {run.directory.name} has no latent space, its model only reads pictures: "
                "name a run of an autoencoder or of a generator-discriminator pair"
            )
        return cls(run, overrides)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.run.directory.name

    @cached_property
    def data(self) -> Images:
        """The run's pictures.

        Raises:
            UserError: where they cannot be read.
        """
        return load_task(self.run, self.overrides).images

    @property
    def held_out(self) -> tuple[str, Pictures]:
        """The first split that is not empty of test, validation and training, and its name."""
        splits = (("test", self.data.test), ("validation", self.data.validation))
        return next(((name, split) for name, split in splits if len(split)), ("training", self.data.train))

    @cached_property
    def sample(self) -> Pictures:
        """Training pictures, evenly taken."""
        return self.data.train.take(evenly(len(self.data.train), SAMPLE if self.reads else SEARCHED))

    @property
    def reads(self) -> bool:
        """Whether the model has an encoder; the codes of a generator's pictures are searched for."""
        return hasattr(self.run.model, "encode")

    @cached_property
    def posterior(self) -> Posterior:
        """The posteriors of `sample`."""
        return self.encode(self.sample.images)

    @property
    def told(self) -> int:
        """How many classes there are that the model can be told; 0 for a model that is told none."""
        return getattr(self.run.model, "classes", 0)

    @property
    def has_prior(self) -> bool:
        """Whether the model was trained to decode N(0, 1); a deterministic autoencoder was not."""
        return getattr(self.run.experiment.model, "variational", True)

    @property
    def distribution(self) -> Gaussian:
        """The prior, or for an autoencoder the Gaussian fitted to the codes."""
        return prior(self.run.model.z_dim) if self.has_prior else aggregate_posterior(self.posterior)

    def encode(self, images: UInt8[np.ndarray, "n h w c"]) -> Posterior:
        """The pictures' posteriors; without an encoder the codes of the most similar pictures.

        An encoder is given them as in training, of two values where these were drawn.

        Raises:
            UserError: where that would be a search for more than `SEARCHED`.
        """
        if self.reads:
            binarize = self.run.experiment.of_pictures[1].binarize
            given = binarized_once(images) if binarize else np.asarray(images)
            return encode(self.run.model, self.run.params, given)
        if len(images) > SEARCHED:
            raise UserError(
                f"run {self.name}: its model has no encoder, so that codes are searched for, of {SEARCHED} "
                f"pictures at most and not of {len(images)}; take fewer (--count), or a model with an encoder"
            )
        codes = search_codes(self.run.model, self.run.params, np.asarray(images), jax.random.key(0))
        return Posterior(codes, None)

    def decode(
        self, z: Float[np.ndarray, "... z"], labels: Int[np.ndarray, "..."] | None = None
    ) -> UInt8[np.ndarray, "... h w c"]:
        """The codes' pictures, of these classes where the model is told them."""
        return decode(self.run.model, self.run.params, z, labels)

    def reconstruct(self, images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n h w c"]:
        """Pictures decoded from their own posterior means."""
        return self.decode(self.encode(images).z_mean)

    def held_class(self, z: Float[np.ndarray, " z"], count: int) -> Int[np.ndarray, " n"] | None:
        """The class that goes with a code, `count` times; None for a model that is told no classes."""
        if not self.told:
            return None
        return np.repeat(np.asarray(default_labels(jnp.asarray(z[None]), self.told)), count)

    def class_number(self, name: str) -> int:
        """The number of a class that the model is told.

        Raises:
            UserError: where it is told none, or not this one.
        """
        classes = self.run.images.classes
        if not self.told:
            raise UserError(
                f"--class {name}: run {self.name} is of a model that is told no classes; leave it out"
            )
        if name not in classes:
            raise UserError(f"--class {name}: no such class; there are {', '.join(classes[:20])}")
        return classes.index(name)

    def choose(
        self, files: Sequence[Path] = (), indices: Sequence[int] = (), *, count: int
    ) -> UInt8[np.ndarray, "n h w c"]:
        """Pictures from files and from places of the held-out split; some, evenly taken, where none is named.

        Raises:
            UserError: for a file that is no picture, or a place outside the split.
        """
        split, pictures = self.held_out
        for index in indices:
            if index >= len(pictures):
                raise UserError(f"--index {index}: the {split} split has {len(pictures)} pictures, from 0 on")
        if not files and not indices:
            indices = evenly(len(pictures), count).tolist()
        own = [read_image(path, self.run.images) for path in files]
        return np.stack([*own, *(pictures.images[index] for index in indices)])

    def example_of(self, name: str, key: PRNGKeyArray) -> UInt8[np.ndarray, "h w c"]:
        """A random held-out picture of a class.

        Raises:
            UserError: where the data have no classes, or not this one.
        """
        split, pictures = self.held_out
        classes = self.data.spec.classes
        if pictures.labels is None:
            raise UserError(f"run {self.name}: its data have no classes; give two --image or --index instead")
        if name not in classes:
            raise UserError(f"--classes {name}: no such class; there are {', '.join(classes[:20])}")
        found = np.flatnonzero(pictures.labels == classes.index(name))
        if not found.size:
            raise UserError(f"--classes {name}: the {split} split has no picture of this class")
        return pictures.images[found[int(jax.random.randint(key, (), 0, found.size))]]

    def factor(self, pictures: Pictures, name: str) -> Float[np.ndarray, " n"]:
        """The values of a known cause.

        Raises:
            UserError: where the data do not know it.
        """
        names = self.data.spec.factors
        if pictures.factors is None or name not in names:
            known = f"they know {', '.join(names)}" if names else "they know no factors"
            raise UserError(f"run {self.name}: its data know no factor {name!r}; {known}")
        return pictures.factors[:, names.index(name)]

    def classes(self, pictures: Pictures, by: str | None) -> tuple[Int[np.ndarray, " n"], tuple[str, ...]]:
        """Labels and their names; those of a factor with few whole values where one is named.

        Raises:
            UserError: where there are none.
        """
        if by is not None:
            values = self.factor(pictures, by)
            if not is_categorical(values):
                raise UserError(f"--by {by}: the factor has no few whole values that could be classes")
            labels = values.astype(int)
            return labels, tuple(f"{by} {value}" for value in range(labels.max() + 1))
        if pictures.labels is None:
            known = ", ".join(self.data.spec.factors)
            cure = f"name one of their factors with --by: {known}" if known else "give data with classes"
            raise UserError(f"run {self.name}: its data have no classes; {cure}")
        return pictures.labels.astype(int), self.data.spec.classes
