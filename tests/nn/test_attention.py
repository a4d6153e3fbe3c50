from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.nn.attention import (
    KeyValueCache,
    SelfAttention,
    attend,
    blockwise_attention,
    causal_attention,
    rotate,
    sinusoidal_positions,
    takes_flash_attention,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "transformer.npz"


def normal(seed: int, *shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), shape)


def test_attention_equals_torch():
    with np.load(GOLDEN) as golden:
        params = {
            "qkv": {
                "kernel": jnp.asarray(golden["attention/in_proj_weight"].T),
                "bias": jnp.asarray(golden["attention/in_proj_bias"]),
            },
            "out": {
                "kernel": jnp.asarray(golden["attention/out_proj.weight"].T),
                "bias": jnp.asarray(golden["attention/out_proj.bias"]),
            },
        }
        x, y = golden["attention/x"], golden["attention/y"]
        gradient = golden["attention/gradient/x"]

    def apply(x):
        return SelfAttention(heads=2).apply({"params": params}, x)[0]

    np.testing.assert_allclose(apply(jnp.asarray(x)), y, atol=1e-5)
    ours = jax.grad(lambda x: jnp.square(apply(x)).sum())(jnp.asarray(x))
    np.testing.assert_allclose(ours, gradient, rtol=1e-5, atol=1e-5)


def test_attend_by_hand():
    """One head of one feature; scores 0 and ln 3 weigh the values 1/4 and 3/4."""
    query = jnp.ones((1, 1, 1, 1))
    key = jnp.asarray([0.0, jnp.log(3.0), 50.0]).reshape(1, 3, 1, 1)
    value = jnp.asarray([4.0, 8.0, 1000.0]).reshape(1, 3, 1, 1)
    visible = jnp.asarray([[True, True, False]])
    np.testing.assert_allclose(attend(query, key, value, visible).item(), 7.0, rtol=1e-6)


@pytest.mark.parametrize("length", [64, 70, 130])
def test_blocks_change_nothing(length):
    query, key, value, weight = (normal(i, 1, length, 2, 4) for i in range(4))
    visible = jnp.tril(jnp.ones((length, length), bool))

    def loss(form):
        return lambda *inputs: (form(*inputs) * weight).sum()

    blocks = jax.value_and_grad(loss(blockwise_attention), (0, 1, 2))
    plain = jax.value_and_grad(loss(lambda q, k, v: attend(q, k, v, visible)), (0, 1, 2))
    for ours, wanted in zip(
        jax.tree.leaves(blocks(query, key, value)), jax.tree.leaves(plain(query, key, value)), strict=True
    ):
        np.testing.assert_allclose(ours, wanted, atol=1e-4)


@pytest.mark.parametrize("platform", ["cpu", "tpu", "gpu"])
def test_every_platform_has_the_same_attention(platform, monkeypatch):
    query, key, value = (normal(i, 2, 9, 2, 4) for i in range(3))
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    wanted = attend(query, key, value, jnp.tril(jnp.ones((9, 9), bool)))
    np.testing.assert_allclose(causal_attention(query, key, value), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "features", "capability", "expected"),
    [
        ("bfloat16", 32, 8.0, True),
        ("float16", 128, 9.0, True),
        ("float32", 32, 8.0, False),
        ("bfloat16", 36, 8.0, False),
        ("bfloat16", 136, 8.0, False),
        ("bfloat16", 32, 7.5, False),  # a T4
        ("bfloat16", 32, 0.0, False),
    ],
)
def test_flash_attention_is_taken_where_cudnn_has_it(dtype, features, capability, expected):
    assert takes_flash_attention(dtype, features, capability) == expected


def test_no_gradient_from_the_future():
    module = SelfAttention(heads=2, rotary=True, qk_norm=True)
    x = normal(0, 1, 6, 8)
    variables = module.init(jax.random.key(1), x)
    jacobian = jax.jacobian(lambda x: module.apply(variables, x)[0][0].sum(-1))(x)[:, 0]
    reach = jnp.abs(jacobian).max(-1)
    assert jnp.all(jnp.triu(reach, 1) == 0)
    assert jnp.all(jnp.diag(reach) > 0)
    assert reach[5, 0] > 0


def test_rotation_depends_on_distance_alone():
    query, key = normal(0, 1, 1, 1, 8), normal(1, 1, 1, 1, 8)

    def product(i, j):
        return (rotate(query, jnp.asarray([i])) * rotate(key, jnp.asarray([j]))).sum()

    np.testing.assert_allclose(product(3, 1), product(12, 10), rtol=1e-4)
    assert abs(product(3, 1) - product(3, 2)) > 1e-3


def test_rotation_by_hand():
    """At position 1, the first pair of features turns by one radian."""
    x = jnp.asarray([1.0, 0.0, 0.0, 0.0]).reshape(1, 1, 1, 4)
    turned = rotate(x, jnp.asarray([1])).ravel()
    np.testing.assert_allclose(turned, [np.cos(1.0), 0.0, np.sin(1.0), 0.0], atol=1e-6)


def test_sinusoids_by_hand():
    table = sinusoidal_positions(jnp.arange(3), 4)
    np.testing.assert_allclose(table[0], [0.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(table[2], [np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)], rtol=1e-5)


def test_empty_slots_are_never_seen():
    query, key, value = (normal(i, 1, 2, 1, 4) for i in range(3))
    cache = KeyValueCache.empty(1, 5, 1, 4)
    poisoned = KeyValueCache(cache.keys + 100.0, cache.values + 100.0)
    clean = cache.write(key, value, 0).read(query, 0)
    np.testing.assert_array_equal(poisoned.write(key, value, 0).read(query, 0), clean)


def test_softmax_is_taken_in_float32():
    """Scores 256.0 and 256.7 differ by less than bfloat16 resolves there; their weights must not."""
    query = jnp.ones((1, 1, 1, 2), jnp.bfloat16)
    key = jnp.asarray([[181.0, 181.0], [181.0, 182.0]], jnp.bfloat16).reshape(1, 2, 1, 2)
    value = jnp.asarray([[0.0, 0.0], [1.0, 1.0]], jnp.bfloat16).reshape(1, 2, 1, 2)
    mixed = attend(query, key, value, jnp.ones((1, 2), bool))
    assert mixed.dtype == jnp.bfloat16
    np.testing.assert_allclose(mixed.astype(jnp.float32), jax.nn.sigmoid(0.5**0.5), atol=5e-3)
