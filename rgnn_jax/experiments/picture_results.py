"""What the reproductions on digits and clothes find out, as plain data that their pages are made of."""

from rgnn_jax.experiments.facts import Result


class DataFacts(Result, frozen=True):
    """The pictures.

    Attributes:
        path: that was asked for.
        shape: such as "28 x 28 x 1".
        binarized: pixels are drawn as black or white, anew at every look, and once for evaluation.
        variance: of a test pixel about the mean test picture, in units of [0, 1] squared.
    """

    path: str
    shape: str
    train: int
    validation: int
    test: int
    binarized: bool
    variance: float


class JudgeFacts(Result, frozen=True):
    """The classifier whose features and classes are used.

    Attributes:
        accuracy: on the test pictures.
        features: their number.
        real: training pictures scored against test pictures as if they were samples: what is left of the
            distance where both are real.
        sure: share of the test pictures of whose class it is sure.
    """

    accuracy: float
    features: int
    parameters: int
    seconds: float
    real: "SampleScore"
    sure: float


class SampleScore(Result, frozen=True):
    """Pictures of random codes against real ones.

    Attributes:
        distance: squared Frechet distance in the features of the classifier trained here.
        kernel_distance: squared maximum mean discrepancy in the same features.
        sure: share of which the classifier is sure.
        count: pictures on either side.
    """

    distance: float
    kernel_distance: float
    sure: float
    count: int


class ModelScore(Result, frozen=True):
    """A model, scored on test pictures.

    Attributes:
        run: its directory beside the page.
        beta: weight of the KL term; None for a deterministic autoencoder.
        layers: widths of the encoder, the latent dimensions last.
        steps: it was trained for.
        reconstruction_loss: nats a picture, of the pictures as training sees them.
        kl_loss: nats a picture.
        negative_elbo: their sum, whatever `beta` is.
        active_units: latent dimensions that carry something.
        mse: squared error a pixel of the decoded posterior mean, of grey pictures in [0, 1].
        agreement: share of reconstructions that the classifier gives the class that it gives the original.
        sharpness: variance of the Laplacian of reconstructions, as a share of the originals'.
    """

    run: str
    beta: float | None
    z_dim: int
    layers: str
    parameters: int
    steps: int
    seconds: float
    reconstruction_loss: float
    kl_loss: float | None
    negative_elbo: float | None
    active_units: int | None
    mse: float
    agreement: float
    sharpness: float


class WalkScore(Result, frozen=True):
    """Straight walks between the codes of pictures of two classes.

    Attributes:
        unevenness: largest change between neighbouring pictures over the mean change, averaged over walks;
            1 is a walk in equal steps.
        sureness: the classifier's mean probability of its own choice at the inner points.
        changes: how often its choice changes along a walk, on average; 1 where nothing lies between.
        between: share of the inner points that it gives to neither of the two classes.
        other: the class that it names most often there.
        count: walks.
    """

    unevenness: float
    sureness: float
    changes: float
    between: float
    other: str | None
    count: int
