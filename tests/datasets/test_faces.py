import numpy as np
import pytest

from rgnn_jax.datasets.faces import FACTOR_NAMES, FACTORS, face_factors, render, render_faces
from rgnn_jax.errors import UserError

COLUMN = {name: column for column, name in enumerate(FACTOR_NAMES)}


def test_a_face_is_the_same_in_every_batch():
    images, factors = render_faces(3, range(20))
    alone, its_factors = render_faces(3, [17])
    np.testing.assert_array_equal(images[17], alone[0])
    np.testing.assert_array_equal(factors[17], its_factors[0])
    backwards, _ = render_faces(3, np.arange(19, -1, -1))
    np.testing.assert_array_equal(images, backwards[::-1])


@pytest.mark.parametrize("name", FACTOR_NAMES)
def test_a_value_out_of_range_is_refused_by_name(name):
    factors = face_factors(0, [0])
    factors[0, COLUMN[name]] = FACTORS[COLUMN[name]].high + 1
    with pytest.raises(UserError, match=name):
        render(factors)
