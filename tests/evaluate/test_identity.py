import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.identity import fit_identity_reader, pairs


def people(seed, count=12, each=5):
    """Blocks of light and dark that a person has, under noise that every picture has anew."""
    draws = np.random.default_rng(seed)
    blocks = draws.uniform(60, 200, (count, 4, 4)).repeat(8, axis=1).repeat(8, axis=2)
    pictures = blocks[:, None] + draws.normal(0, 8, (count, each, 32, 32))
    who = np.repeat(np.arange(count), each)
    return np.clip(pictures, 0, 255).astype(np.uint8).reshape(-1, 32, 32, 1), who


def test_one_person_is_nearer_than_a_stranger_also_among_new_people():
    reader = fit_identity_reader(*people(0))
    images, who = people(1)
    same, strangers = pairs(who)
    near, far = (reader.distance(images[p[:, 0]], images[p[:, 1]]) for p in (same, strangers))
    assert near.max() < np.median(far)
    assert reader.distance(images[:3], images[:3]) == pytest.approx(0, abs=1e-5)


def test_pairs_are_what_they_are_called():
    who = np.array([4, 7, 4, 9, 7, 4])
    same, strangers = pairs(who)
    assert (who[same[:, 0]] == who[same[:, 1]]).all()
    assert (same[:, 0] != same[:, 1]).all()
    assert len(same) == 3
    assert (who[strangers[:, 0]] != who[strangers[:, 1]]).all()


def test_a_person_needs_two_pictures():
    images, _ = people(0, count=4, each=1)
    with pytest.raises(UserError, match="nobody is on two pictures"):
        fit_identity_reader(images, np.arange(4))
    with pytest.raises(UserError, match="cannot be compared"):
        pairs(np.arange(4))
