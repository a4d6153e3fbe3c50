import numpy as np

from rgnn_jax.evaluate.variety import style_distance


def test_only_vectors_of_one_kind_are_compared():
    vectors = np.array([[0, 0], [100, 0], [3, 4], [100, 2], [7, 7]], np.uint8)
    assert style_distance(vectors, np.array([0, 1, 0, 1, 2])) == (5 + 2) / 2


def test_pictures_that_are_all_alike_have_no_variety():
    assert style_distance(np.ones((6, 4)), np.zeros(6, int)) == 0
    assert np.isnan(style_distance(np.ones((2, 4)), np.arange(2)))
