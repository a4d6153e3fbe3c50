"""What the reproduction on flowers finds out, as plain data: `flowers.json`, of which the page is made."""

from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.picture_gans import PairModel
from rgnn_jax.experiments.picture_looks import Look


class SetFacts(Result, frozen=True):
    """What a set of pictures is like, whatever models it.

    Attributes:
        path: what it is.
        train: pictures.
        test: pictures.
        components: principal components of training pictures that hold nine tenths of their variance.
        linear: share of the held-out pictures' variance that as many components keep as the model has active
            dimensions.
        look: of training pictures beside held-out ones.
    """

    path: str
    train: int
    test: int
    components: int
    linear: float
    look: Look


class PictureModel(Result, frozen=True):
    """One trained VAE.

    Attributes:
        run: its directory beside the page.
        train_mse: squared error a pixel of training pictures, as they are without augmentation.
        mse: of held-out ones.
        explained: share of the held-out pictures' variance that reconstructions keep.
        active: latent dimensions whose posterior mean varies.
        samples: pictures drawn from the prior.
        reconstructions: of held-out pictures.
        jump: the longest of ten steps from one held-out picture to another on a straight line, as a
            multiple of their mean length in pixels, mean over walks.
    """

    label: str
    run: str
    augmented: bool
    parameters: int
    steps: int
    seconds: float
    reconstruction_loss: float
    kl_loss: float
    train_mse: float
    mse: float
    explained: float
    active: int
    samples: Look
    reconstructions: Look
    jump: float
    pictures: SetFacts


class FlowersResults(Result, frozen=True):
    """Everything that the page shows.

    Attributes:
        facts: how it was made.
        models: by label: faces, flowers, and flowers without augmentation.
        pairs: generator-discriminator pairs of flowers and of faces, by label.
    """

    facts: Facts
    models: dict[str, PictureModel]
    pairs: dict[str, PairModel]

    @property
    def faces(self) -> PictureModel:
        """The VAE of faces."""
        return self.models[FACES]

    @property
    def flowers(self) -> PictureModel:
        """The VAE of flowers that are augmented."""
        return self.models[FLOWERS]

    @property
    def plain(self) -> PictureModel:
        """The VAE of flowers as they are."""
        return self.models[PLAIN]

    @property
    def flower_pair(self) -> PairModel:
        """The pair of flowers."""
        return self.pairs[FLOWER_PAIR]

    @property
    def face_pair(self) -> PairModel:
        """The pair of faces."""
        return self.pairs[FACE_PAIR]


FACES, FLOWERS, PLAIN = "faces", "flowers", "flowers, not augmented"
FLOWER_PAIR, FACE_PAIR = "GAN, flowers", "GAN, faces"
