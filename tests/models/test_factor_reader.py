import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rgnn_jax.datasets.faces import FACTORS, Factor
from rgnn_jax.datasets.image_batches import ImageBatch
from rgnn_jax.errors import UserError
from rgnn_jax.models.factor_reader import FactorReader, FactorReaderConfig, ReadFactors, factors_named

ANGLE = Factor("angle", "continuous", "degrees", -30.0, 50.0)
SIDE = Factor("side", "categorical", "brighter half", 0.0, 2.0, ("left", "right", "neither"), (0.4, 0.4, 0.2))
MODEL = FactorReader(FactorReaderConfig(hidden=8), (8, 8, 1), (ANGLE, SIDE))
OBJECTIVE = ReadFactors(MODEL)
KEY = jax.random.key(0)


def always(outputs):
    """Parameters that give the same outputs for every picture."""
    params = jax.tree.map(jnp.zeros_like, OBJECTIVE.init(KEY))
    params["network"]["output"]["bias"] = jnp.asarray(outputs)
    return params


def batch(*factors):
    rows = jnp.asarray(factors, jnp.float32)
    return ImageBatch(jnp.zeros((len(rows), 8, 8, 1)), jnp.zeros(len(rows), jnp.int32), rows)


def test_loss_and_metrics_are_worked_out_by_hand():
    """A reading of 0.25 is -10 degrees, 8 and 16 degrees (one and two tenths of the range) off."""
    params = always([0.25, 0.0, jnp.log(2.0), 0.0])
    loss, metrics = OBJECTIVE(params, batch((-18, 1), (6, 0)), KEY, jnp.zeros(()), True)
    angle, side = 0.5 * (1 + 4) / 2, (np.log(4 / 2) + np.log(4)) / 2
    assert loss == pytest.approx(angle + side, rel=1e-5)
    shown = {name: float(total / count) for name, (total, count) in metrics.items()}
    assert shown == pytest.approx({"loss": angle + side, "angle_loss": angle, "side_loss": side}, rel=1e-5)


@pytest.mark.parametrize(("output", "angle"), [(0.25, -10), (-3, -30), (2, 50)])
def test_readings_are_in_the_units_and_the_range_of_the_factors(output, angle):
    read = MODEL.apply({"params": always([output, 0.0, 1.0, 2.0])}, jnp.zeros((3, 8, 8, 1)), method="read")
    np.testing.assert_allclose(read, [[angle, 2]] * 3, rtol=1e-5)


def test_it_learns_what_can_be_seen():
    """The angle is the picture's brightness, the side its brighter half."""
    rng = np.random.default_rng(0)
    brightness, side = rng.uniform(0.2, 0.8, 64), rng.integers(0, 3, 64)
    step = np.where(np.arange(8) < 4, 0.2, -0.2) * np.array([1, -1, 0])[side][:, None]
    images = np.broadcast_to((brightness[:, None] + step)[:, None, :, None], (64, 8, 8, 1))
    factors = np.stack([-30 + 80 * brightness, side], axis=1)
    data = ImageBatch(
        jnp.asarray(images, jnp.float32), jnp.zeros(64, jnp.int32), jnp.asarray(factors, jnp.float32)
    )
    optimizer = optax.adam(1e-2)

    @jax.jit
    def update(params, state):
        gradient, _ = jax.grad(OBJECTIVE, has_aux=True)(params, data, KEY, jnp.zeros(()), True)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state

    params = OBJECTIVE.init(KEY)
    state = optimizer.init(params)
    for _ in range(150):
        params, state = update(params, state)
    read = np.asarray(MODEL.apply({"params": params}, data.images, method="read"))
    np.testing.assert_array_equal(read[:, 1], side)
    assert np.abs(read[:, 0] - factors[:, 0]).mean() < 3


def test_the_rendered_faces_factors_fit_its_outputs():
    model = FactorReader(FactorReaderConfig(), (64, 64, 3), FACTORS)
    images = jax.ShapeDtypeStruct((2, 64, 64, 3), jnp.float32)
    outputs, _ = jax.eval_shape(lambda x: model.init_with_output(KEY, x), images)
    assert [output.shape[1] for output in outputs] == [max(1, len(factor.categories)) for factor in FACTORS]


def test_pictures_without_known_factors_are_refused():
    unknown = ImageBatch(jnp.zeros((2, 8, 8, 1)), jnp.zeros(2, jnp.int32))
    with pytest.raises(UserError, match=r"set data\.path to faces"):
        OBJECTIVE(always([0.0] * 4), unknown, KEY, jnp.zeros(()), True)
    with pytest.raises(UserError, match=r"set data\.path to faces"):
        factors_named(("shape", "orientation"))
    assert factors_named([factor.name for factor in FACTORS]) == FACTORS
