"""The settings that every generator-discriminator pair shares: what the two play for, and by what rules."""

from typing import Literal

from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, Fraction, NaturalNumber, NonNegative, Positive, Rate, Share, Variant
from rgnn_jax.losses import AdversarialLoss

Augmentation = Literal["colour", "translation", "cutout"]


class GANConfig(Variant, frozen=True, kw_only=True):
    """What a pair is trained for; each family adds the shape of its networks.

    Attributes:
        z_dim: dimensions of the generator's input, N(0, 1), the codes included.
        conditional: both players know the picture's class: the generator by an embedding beside z, the
            discriminator by projection (Miyato and Koyama 2018).
        auxiliary: weight of the cross-entropy of the class that the discriminator reads, of real pictures in
            its own loss and of generated ones in the generator's (Odena et al. 2017). Needs `conditional`.
        objective: `non_saturating` (Goodfellow et al. 2014), `hinge` (Lim and Ye 2017) or `wasserstein`
            (Arjovsky et al. 2017).
        real_label: what `non_saturating` asks the discriminator to say of real pictures; below 1 it is
            one-sided label smoothing (Salimans et al. 2016).
        gradient_penalty: weight of (|grad D| - 1)^2 between real and generated pictures (Gulrajani et al.
            2017); 10 there.
        consistency: weight of how far two dropout masks may move D on real pictures (Wei et al. 2018); 2
            there. Needs `dropout`.
        consistency_margin: what it may move without cost.
        r1: gamma, of the penalty gamma / 2 |grad D|^2 on real pictures (Mescheder et al. 2018).
        r1_share: of each micro-batch's real pictures, how many `r1` looks at, one at least. Fewer estimate
            the same mean at less cost, as looking only now and then does (Karras et al. 2020).
        discriminator_steps: updates of the discriminator to one of the generator.
        discriminator_rate: its learning rate, as a multiple of `optimizer.learning_rate` (Heusel et al.
            2017).
        dropout: rate in the discriminator's hidden layers.
        input_noise: standard deviation of noise on what the discriminator sees, in [-1, 1]; falls linearly to
            0 at the end of the run.
        augment: differentiable augmentation of what the discriminator sees (Zhao et al. 2020).
        codes: the last dimensions of z, which the discriminator learns to read from generated pictures
            (Chen et al. 2016, with Gaussian codes).
        categories: values of one code more, a categorical one: which of as many dimensions of z, before the
            `codes`, is the largest. The generator is told which, and not how large.
        information: weight of the mutual information of codes and category.
    """

    z_dim: Count = 128
    conditional: bool = False
    auxiliary: NonNegative = 0.0
    objective: AdversarialLoss = "non_saturating"
    real_label: Fraction = 1.0
    gradient_penalty: NonNegative = 0.0
    consistency: NonNegative = 0.0
    consistency_margin: NonNegative = 0.0
    r1: NonNegative = 0.0
    r1_share: Share = 1.0
    discriminator_steps: Count = 1
    discriminator_rate: Positive = 1.0
    dropout: Rate = 0.0
    input_noise: NonNegative = 0.0
    augment: tuple[Augmentation, ...] = ()
    codes: NaturalNumber = 0
    categories: NaturalNumber = 0
    information: NonNegative = 1.0

    def __post_init__(self) -> None:
        if self.code_dim >= self.z_dim:
            raise UserError(
                f"model.codes and model.categories, {self.code_dim} in all, must be less than model.z_dim "
                f"{self.z_dim}"
            )
        if self.categories == 1:
            raise UserError("model.categories 1 says nothing: set 0 for none, or at least 2")
        if self.auxiliary and not self.conditional:
            raise UserError(
                "model.auxiliary is about pictures' classes: set it to 0, or model.conditional to true"
            )
        if self.consistency and not self.dropout:
            raise UserError(
                "model.consistency compares two dropout masks; set model.dropout, 0.5 for example"
            )
        if self.r1_share < 1.0 and not self.r1:
            raise UserError(
                "model.r1_share: there is no slope penalty to take it of; set model.r1, 0.3 for example"
            )
        if self.real_label < 1.0 and self.objective != "non_saturating":
            raise UserError('model.real_label: only model.objective "non_saturating" has labels to smooth')

    @property
    def code_dim(self) -> int:
        """Last dimensions of z, which the discriminator reads: those of the category, then the codes."""
        return self.categories + self.codes
