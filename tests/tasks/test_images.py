"""What a held-out loss is, for each thing that an autoencoder can be trained for."""

import pytest

from rgnn_jax.models.mlp_autoencoder import MLPAutoencoderConfig
from rgnn_jax.tasks.images import _minimised


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"beta": 4.0}, 10 + 4 * 3),
        ({"beta": 4.0, "free_bits": 0.75}, 10 + 4 * (2.5 + 0.75)),
        # Beta is the weight of a total correlation there, which a few pictures say little of.
        ({"beta": 30.0, "objective": "tc"}, 10 + 3),
        ({"beta": 30.0, "objective": "factor"}, 10 + 3),
        ({"beta": 30.0, "objective": "factor", "capacity": 5.0, "capacity_weight": 7.0}, 10 + 7 * 2),
        ({"capacity": 0.0, "capacity_weight": 4.0}, 10 + 4 * 3),
    ],
)
def test_the_held_out_loss_is_what_training_minimises_in_the_end(settings, expected):
    scores = {"reconstruction_loss": 10.0, "kl_loss": 3.0, "kl_per_dim": [2.5, 0.5]}
    assert _minimised(MLPAutoencoderConfig(**settings), scores) == pytest.approx(expected)


def test_without_a_posterior_it_is_the_reconstruction_loss():
    assert _minimised(MLPAutoencoderConfig(variational=False), {"reconstruction_loss": 10.0}) == 10.0
