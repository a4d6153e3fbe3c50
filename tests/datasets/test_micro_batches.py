import itertools

import jax
import pytest

from rgnn_jax.datasets.micro_batches import micro_batch_key, micro_batch_size
from rgnn_jax.errors import UserError


def test_a_batch_is_dealt_in_equal_shares_or_not_at_all():
    assert micro_batch_size(12, 4) == 3
    with pytest.raises(UserError, match="a batch of 12 cannot be dealt to 5 micro-batches"):
        micro_batch_size(12, 5)


def test_each_step_and_index_has_a_key_of_its_own():
    keys = [
        micro_batch_key(jax.random.key(0), jax.numpy.int32(step), jax.numpy.int32(index))
        for step, index in itertools.product(range(4), range(4))
    ]
    assert len({int(jax.random.bits(key)) for key in keys}) == 16
