from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from rgnn_jax.errors import UserError
from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.tcn import TCN, ResidualBlock, TCNConfig, levels_to_cover, receptive_field

GOLDEN = Path(__file__).parents[1] / "golden" / "tcn.npz"
VOCABULARY = 11

CONFIGS = {
    "equal widths": TCNConfig(levels=2, channels=6, embedding=6),
    "narrow embedding, two taps": TCNConfig(levels=2, channels=6, embedding=4, kernel_size=2),
    "wide embedding, n-grams": TCNConfig(levels=2, channels=6, embedding=8, ngram_order=3),
}


@pytest.fixture(params=CONFIGS.values(), ids=CONFIGS.keys())
def config(request) -> TCNConfig:
    return request.param


def tokens(length: int, batch: int = 2) -> jax.Array:
    return jax.random.randint(jax.random.key(7), (batch, length), 0, VOCABULARY)


def model_and_params(config: TCNConfig) -> tuple[TCN, dict]:
    model = TCN(config, VOCABULARY)
    return model, jax.jit(model.init)(jax.random.key(0), tokens(4))["params"]


def test_logits_depend_on_the_receptive_field_and_on_nothing_else(config):
    model, params = model_and_params(config)
    length = config.receptive_field + 5
    position = length - 3

    def logits(token_at: jax.Array) -> jax.Array:
        text = tokens(length, 1).at[0, token_at].set(0)
        other = text.at[0, token_at].set(1)
        both = jnp.concatenate([text, other])
        at_zero, at_one = model.apply({"params": params}, both)[:, position]
        return jnp.abs(at_zero - at_one).max()

    change = np.asarray(jax.jit(jax.vmap(logits))(jnp.arange(length)))
    oldest = position - config.receptive_field + 1
    assert change[:oldest].max() == 0
    assert change[oldest] > 0
    assert change[position] > 0
    assert change[position + 1 :].max() == 0


def test_gradient_reaches_back_exactly_over_the_receptive_field():
    levels, kernel_size = 3, 3
    blocks = [ResidualBlock(4, 4, kernel_size, 2**level, 1.0, 0.0) for level in range(levels)]
    field = receptive_field(levels, kernel_size)
    x = jax.random.normal(jax.random.key(0), (1, field + 6, 4))
    variables = [block.init(jax.random.key(i), x, [None, None]) for i, block in enumerate(blocks)]

    def output(x: jax.Array) -> jax.Array:
        for block, values in zip(blocks, variables, strict=True):
            x, _ = block.apply(values, x, [None, None])
        return x[0, -3].sum()

    reached = np.flatnonzero(np.abs(jax.grad(output)(x)[0]).sum(axis=-1))
    last = x.shape[1] - 3
    assert (reached.min(), reached.max()) == (last - field + 1, last)


def test_receptive_field_and_its_inverse():
    assert receptive_field(1, 3) == 5
    assert receptive_field(6, 3) == 253
    assert TCNConfig(levels=6, kernel_size=3, ngram_order=4).receptive_field == 256
    assert levels_to_cover(1, 3) == 1
    for window in (5, 6, 128, 253, 254):
        levels = levels_to_cover(window, 3)
        assert receptive_field(levels, 3) >= window
        assert levels == 1 or receptive_field(levels - 1, 3) < window


def test_levels_are_resolved_for_a_window():
    assert TCNConfig(levels=0).covering(128) == TCNConfig(levels=6)
    assert TCNConfig(levels=2).covering(128) == TCNConfig(levels=2)
    with pytest.raises(UserError, match=r"model\.levels is 0"):
        TCN(TCNConfig(levels=0), VOCABULARY).init(jax.random.key(0), tokens(4))


def test_steps_and_prefill_in_pieces_equal_the_parallel_pass(config):
    model, params = model_and_params(config)
    text = tokens(2 * config.receptive_field + 3)
    parallel = model.apply({"params": params}, text)
    first, second = 7, config.receptive_field + 6

    @jax.jit
    def in_pieces(text: jax.Array) -> jax.Array:
        def step(carry, token):
            return model.apply({"params": params}, carry, token, method="step")

        carry = model.apply({"params": params}, text.shape[0], 0, method="init_carry")
        carry, begin = model.apply({"params": params}, carry, text[:, :first], method="prefill")
        carry, middle = jax.lax.scan(step, carry, text[:, first:second].T)
        _, end = model.apply({"params": params}, carry, text[:, second:], method="prefill")
        return jnp.concatenate([begin, middle.swapaxes(0, 1), end], axis=1)

    np.testing.assert_allclose(in_pieces(text), parallel, atol=1e-4)


def test_prefill_in_two_pieces_equals_one(config):
    model, params = model_and_params(config)
    text = tokens(13)
    empty = model.apply({"params": params}, 2, 0, method="init_carry")
    whole, logits = model.apply({"params": params}, empty, text, method="prefill")
    carry, begin = model.apply({"params": params}, empty, text[:, :5], method="prefill")
    carry, end = model.apply({"params": params}, carry, text[:, 5:], method="prefill")
    np.testing.assert_allclose(jnp.concatenate([begin, end], axis=1), logits, atol=1e-5)
    for piecewise, at_once in zip(jax.tree.leaves(carry), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(piecewise, at_once, atol=1e-5)


def test_carry_does_not_grow():
    model = TCN(CONFIGS["equal widths"], VOCABULARY)
    carry = model.apply({}, 2, 10, method="init_carry")
    assert model.max_length is None
    assert model.apply({}, carry, 1000, method="grow_carry") is carry


def test_residual_block_equals_torch():
    with np.load(GOLDEN) as golden:
        g = {name.removeprefix("block/"): v for name, v in golden.items() if name.startswith("block/")}
    block = ResidualBlock(4, 5, kernel_size=3, dilation=2, gain=1.0, dropout=0.0)

    def f(params, x):
        y, _ = block.apply({"params": params}, x, [None, None])
        return jnp.sum(y * g["weight"].swapaxes(1, 2)), y

    x = jnp.asarray(g["x"].swapaxes(1, 2))
    (gradients, x_gradient), y = jax.grad(f, (0, 1), has_aux=True)(torch_block_params(g), x)
    np.testing.assert_allclose(y, g["y"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(x_gradient, g["x_gradient"].swapaxes(1, 2), rtol=1e-5, atol=1e-5)
    expected = torch_block_params(g, "/gradient")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), gradients, expected)


def torch_block_params(g: dict[str, np.ndarray], suffix: str = "") -> dict[str, dict[str, jax.Array]]:
    convolutions = {
        name: {
            "direction": jnp.asarray(g[f"{name}/weight.original1{suffix}"].T),
            "magnitude": jnp.asarray(g[f"{name}/weight.original0{suffix}"].ravel()),
            "bias": jnp.asarray(g[f"{name}/bias{suffix}"]),
        }
        for name in ("conv1", "conv2")
    }
    project = {
        "kernel": jnp.asarray(g[f"project/weight{suffix}"][..., 0].T),
        "bias": jnp.asarray(g[f"project/bias{suffix}"]),
    }
    return {**convolutions, "project": project}


def test_dropout_drops_whole_channels_in_training_only():
    block = ResidualBlock(6, 6, kernel_size=2, dilation=1, gain=2**0.5, dropout=0.25)
    x = jnp.ones((3, 9, 6))
    variables = block.init(jax.random.key(0), x, [None, None])
    variables["params"]["conv1"]["bias"] += 5.0
    _, (_, still) = block.apply(variables, x, [None, None])
    _, (_, hidden) = block.apply(variables, x, [None, None], train=True, rngs={"dropout": jax.random.key(1)})
    dropped = np.asarray(hidden) == 0
    assert (dropped.all(axis=1) == dropped.any(axis=1)).all()
    assert 0 < dropped.mean() < 1
    np.testing.assert_allclose(hidden[~dropped], still[~dropped] / 0.75, rtol=1e-5)


@pytest.mark.parametrize("levels", [1, 8])
def test_scale_and_gradients_at_the_start_do_not_depend_on_depth(levels):
    """What training over hundreds of epochs rests on: the residual stream grows by less than e."""
    model, params = model_and_params(
        TCNConfig(levels=levels, channels=16, embedding=16, kernel_size=2, dropout=0.0)
    )
    text = tokens(33)

    def loss(params: dict) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        logits, state = model.apply({"params": params}, text[:, :-1], capture_intermediates=True)
        outputs = state["intermediates"]
        stream = outputs["embed"]["__call__"][0][0], outputs[f"blocks_{levels - 1}"]["__call__"][0][0]
        return cross_entropy(logits, text[:, 1:]).mean(), stream

    gradients, (first, last) = jax.jit(jax.grad(loss, has_aux=True))(params)
    growth = jnp.sqrt(jnp.mean(last**2) / jnp.mean(first**2))
    assert 0.5 < growth < np.e
    norms = [jnp.linalg.norm(ravel_pytree(gradients[f"blocks_{level}"])[0]) for level in range(levels)]
    assert min(norms) > 0.1
    assert max(norms) < 2
