"""What the rooms promise each other: sequence models, latent models, objectives, batches.

A model is a `flax.linen` module, so a contract's method `f(...)` is called as
`model.apply({"params": params}, ..., method="f")`; nothing else about a model is
known to training or to sampling.
"""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

Params = PyTree
Carry = PyTree
Batch = PyTree
Metrics = dict[str, tuple[Array, Array]]


@runtime_checkable
class SequenceModel(Protocol):
    """A model that reads tokens left to right; one set of parameters, two ways to run it.

    `__call__` scores whole sequences in parallel, as in training. `prefill` does the same from a carry and
    returns the carry after the last token; `step` is its one-token form, made fast. The logits agree.
    """

    vocabulary_size: int

    @property
    def max_length(self) -> int | None:
        """Most tokens a carry can hold, or None where the carry does not grow."""

    def __call__(self, tokens: Int[Array, "b t"], *, train: bool = False) -> Float[Array, "b t v"]:
        """Logits of each next token, given the tokens up to and including this one."""

    def init_carry(self, batch: int, length: int) -> Carry:
        """The carry before any token, with room for `length` tokens (no parameters needed)."""

    def grow_carry(self, carry: Carry, length: int) -> Carry:
        """The same carry with room for `length` tokens; the identity where the carry does not grow."""

    def prefill(self, carry: Carry, tokens: Int[Array, "b t"]) -> tuple[Carry, Float[Array, "b t v"]]:
        """Reads `tokens` after what the carry has read, in one parallel pass."""

    def step(self, carry: Carry, token: Int[Array, " b"]) -> tuple[Carry, Float[Array, "b v"]]:
        """Reads one token."""


@runtime_checkable
class Rows(Protocol):
    """An array, or what makes rows of one when they are asked for."""

    def __len__(self) -> int:
        """How many rows there are."""

    def __getitem__(self, rows: Any, /) -> Any:
        """An array of the rows with these indices [c]."""


@runtime_checkable
class ConditionalModel(SequenceModel, Protocol):
    """A sequence model whose text depends on a source, such as a question, that it reads first.

    `__call__(tokens, source)` scores targets in parallel. The carry takes the source in once, by
    `read_source`; after that, `prefill`, `step` and all decoding are those of any sequence model.
    """

    def read_source(self, carry: Carry, source: Array) -> Carry:
        """The carry after a source [b ...] has been read, before any token."""


@runtime_checkable
class LatentModel(Protocol):
    """A model of pictures with a latent space.

    Pictures are in [0, 1]; what comes out are logits, whose sigmoid is a picture. A generator that cannot
    read pictures has neither `encode` nor `explain`; every tool asks for the parts that it needs.
    """

    z_dim: int
    image_shape: tuple[int, int, int]

    def encode(
        self, images: Float[Array, "b h w c"], *, train: bool = False
    ) -> tuple[Float[Array, "b z"], Float[Array, "b z"] | None]:
        """`z_mean` and `z_logvar` of the posterior; a deterministic autoencoder has no `z_logvar`."""

    def decode(self, z: Float[Array, "b z"], *, train: bool = False) -> Float[Array, "b h w c"]:
        """Logits of the pictures at these points."""

    def explain(
        self, z: Float[Array, "b z"], images: Float[Array, "b h w c"], *, train: bool = False
    ) -> Float[Array, "b h w c"]:
        """Logits whose likelihood of these pictures is p(x | z), each told of the pixels before it or not."""


@runtime_checkable
class Objective(Protocol):
    """A loss over one micro-batch, and the numbers worth logging, each as a masked (sum, count)."""

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters."""

    def __call__(
        self, params: Params, batch: Batch, key: PRNGKeyArray, progress: Float[Array, ""], train: bool
    ) -> tuple[Float[Array, ""], Metrics]:
        """The scalar that training minimises (a mean over the batch), and its metrics.

        `progress` is the fraction of the run that is over, for what is warmed up or annealed.
        """


class Turn(NamedTuple):
    """A player's updates in a step.

    Attributes:
        player: whose parameters move.
        times: updates in a row, each on a batch of its own.
        rate: multiplies the learning rate.
    """

    player: str
    times: int = 1
    rate: float = 1.0


@runtime_checkable
class Game(Protocol):
    """Losses of several players, whose parameters are the entries of one dictionary; they move in turn.

    A step takes the turns in order, each player against the others as the turns before have left them. The
    last turn sees the batch of the one before it, every other update a fresh one.
    """

    @property
    def turns(self) -> tuple[Turn, ...]:
        """A turn for each player."""

    def init(self, key: PRNGKeyArray) -> Params:
        """Fresh parameters of all players, by name."""

    def play(
        self, player: str, params: Params, batch: Batch, key: PRNGKeyArray, progress: Float[Array, ""]
    ) -> tuple[Float[Array, ""], tuple[Metrics, Params]]:
        """What the player minimises over a micro-batch, its metrics, and parameters that no gradient moves.

        The latter are a part of the player's parameters, such as running means, with their next values;
        those of the micro-batches are averaged.
        """


@runtime_checkable
class Batches(Protocol):
    """Training data that live on the device, and the pure function that draws a micro-batch from them.

    The micro-batch is the unit of randomness: micro-batch `index` of `count` at `step` depends on
    nothing but these and the key, so one device and eight see the same data and the same dropout.
    """

    @property
    def data(self) -> PyTree:
        """Arrays that are put on every device once."""

    def draw(
        self, data: PyTree, key: PRNGKeyArray, step: Int[Array, ""], index: Int[Array, ""], count: int
    ) -> Batch:
        """Micro-batch `index` of the `count` that make up the batch of `step`."""
