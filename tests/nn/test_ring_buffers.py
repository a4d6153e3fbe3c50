import jax.numpy as jnp
import numpy as np

from rgnn_jax.nn.ring_buffers import RingLayout

LAYOUT = RingLayout(dilations=(1, 2), kernel_size=3)


def test_slots_worked_out_by_hand():
    assert LAYOUT.size == 2 + 4
    assert LAYOUT.past(jnp.int32(0)).tolist() == [[0, 1], [2, 4]]
    assert LAYOUT.past(jnp.int32(3)).tolist() == [[1, 0], [5, 3]]
    assert LAYOUT.by_age(jnp.int32(3)).tolist() == [1, 0, 5, 2, 3, 4]


def test_taps_see_the_steps_that_they_should():
    memory = np.zeros(LAYOUT.size, int)
    for position in range(1, 20):
        past = np.asarray(LAYOUT.past(jnp.int32(position)))
        if position > 4:
            assert memory[past].tolist() == [[position - 2, position - 1], [position - 4, position - 2]]
            rings = [position - 2, position - 1, *range(position - 4, position)]
            assert memory[np.asarray(LAYOUT.by_age(jnp.int32(position)))].tolist() == rings
        memory[past[:, 0]] = position
