from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.losses import cross_entropy
from rgnn_jax.models.transformer import Block, BlockCarry, Transformer, TransformerConfig

GOLDEN = Path(__file__).parents[1] / "golden" / "transformer.npz"
POSITIONS = ["none", "sinusoidal", "learned", "rotary"]
TOKENS = jax.random.randint(jax.random.key(7), (2, 12), 0, 5)


def apply(model, variables, *inputs, method="__call__"):
    """`model.apply`, compiled as a whole rather than operation by operation, which is slow to start."""
    return jax.jit(lambda variables, *inputs: model.apply(variables, *inputs, method=method))(
        variables, *inputs
    )


def build(**settings) -> tuple[Transformer, dict]:
    """A tiny model whose weights are large enough for every part to matter."""
    defaults = {"layers": 2, "width": 8, "heads": 2, "feed_forward": 0, "context": 16}
    model = Transformer(TransformerConfig(**defaults | settings), vocabulary_size=5)
    params = jax.jit(model.init)(jax.random.key(0), TOKENS)["params"]
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    noise = [x + 0.3 * jax.random.normal(key, x.shape) for x, key in zip(leaves, keys, strict=True)]
    return model, {"params": jax.tree.unflatten(tree, noise)}


def from_torch(golden: dict[str, np.ndarray], kind: str) -> dict:
    """Parameters, or gradients, by our names and in our layouts."""
    params: dict = {}

    def put(path: str, value: np.ndarray) -> None:
        *parents, leaf = path.split("/")
        node = params
        for name in parents:
            node = node.setdefault(name, {})
        node[leaf] = value

    names = {"attention.qkv": "attention/qkv", "attention.out": "attention/out"}
    for key, value in golden.items():
        if not key.startswith(f"{kind}/"):
            continue
        module, leaf = key.removeprefix(f"{kind}/").rsplit(".", 1)
        if module == "embedding":
            put("embed/unigram/embedding", value)
        elif module == "positions":
            put("position_embedding", value)
        else:
            if module.startswith("blocks."):
                _, index, layer = module.split(".", 2)
                module = f"blocks_{index}/{names.get(layer, layer)}"
            if leaf == "bias":
                put(f"{module}/bias", value)
            else:
                put(f"{module}/kernel" if value.ndim == 2 else f"{module}/scale", value.T)
    return params


@pytest.fixture(scope="module", params=["gpt", "gpt_bias"])
def golden(request) -> dict[str, np.ndarray]:
    with np.load(GOLDEN) as file:
        prefix = f"{request.param}/"
        return {name.removeprefix(prefix): file[name] for name in file if name.startswith(prefix)}


def golden_config(golden: dict[str, np.ndarray]) -> TransformerConfig:
    return TransformerConfig(
        layers=2,
        width=8,
        heads=2,
        feed_forward=0,
        context=6,
        positions="learned",
        tied_embeddings=True,
        use_bias="parameter/norm.bias" in golden,
    )


def test_logits_and_gradients_equal_torch(golden):
    model = Transformer(golden_config(golden), vocabulary_size=7)
    tokens = jnp.asarray(golden["tokens"], jnp.int32)
    params = jax.tree.map(jnp.asarray, from_torch(golden, "parameter"))
    shapes = jax.tree.map(jnp.shape, model.init(jax.random.key(0), tokens[:, :-1])["params"])
    assert jax.tree.map(jnp.shape, params) == shapes

    def loss(params):
        logits = model.apply({"params": params}, tokens[:, :-1])
        return cross_entropy(logits, tokens[:, 1:]).mean(), logits

    gradients, logits = jax.grad(loss, has_aux=True)(params)
    np.testing.assert_allclose(logits, golden["logits"], atol=1e-5)
    wanted = from_torch(golden, "gradient")
    jax.tree.map(lambda ours, theirs: np.testing.assert_allclose(ours, theirs, atol=1e-5), gradients, wanted)


def test_block_equals_torch(golden):
    params = jax.tree.map(jnp.asarray, from_torch(golden, "parameter")["blocks_0"])
    stream = jnp.asarray(golden["stream"])
    y, _ = Block(golden_config(golden)).apply({"params": params}, stream, BlockCarry())
    np.testing.assert_allclose(y, golden["block"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("positions", POSITIONS)
def test_every_way_to_run_gives_the_same_logits(positions):
    model, variables = build(positions=positions, ngram_order=3, causal_mix=3, qk_norm=positions == "rotary")
    whole = apply(model, variables, TOKENS)
    start = model.init_carry(2, 12)
    _, once = apply(model, variables, start, TOKENS, method="prefill")
    carry, first = apply(model, variables, start, TOKENS[:, :4], method="prefill")
    carry, second = apply(model, variables, carry, TOKENS[:, 4:9], method="prefill")
    step = jax.jit(lambda carry, token: model.apply(variables, carry, token, method="step"))
    last = []
    for t in range(9, 12):
        carry, logits = step(carry, TOKENS[:, t])
        last.append(logits)
    pieces = jnp.concatenate([first, second, jnp.stack(last, axis=1)], axis=1)
    np.testing.assert_allclose(once, whole, atol=1e-4)
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    assert carry.position == 12


@pytest.mark.parametrize("positions", POSITIONS)
def test_growing_the_carry_changes_nothing(positions):
    model, variables = build(positions=positions, causal_mix=2)
    carry, _ = apply(model, variables, model.init_carry(2, 5), TOKENS[:, :5], method="prefill")
    grown = model.grow_carry(carry, 12)
    roomy, _ = apply(model, variables, model.init_carry(2, 12), TOKENS[:, :5], method="prefill")
    assert jax.tree.map(jnp.shape, grown) == jax.tree.map(jnp.shape, roomy)
    _, ours = apply(model, variables, grown, TOKENS[:, 5:], method="prefill")
    _, wanted = apply(model, variables, roomy, TOKENS[:, 5:], method="prefill")
    np.testing.assert_allclose(ours, wanted, atol=1e-6)


@pytest.mark.parametrize("positions", POSITIONS)
def test_no_gradient_from_the_future(positions):
    model, variables = build(positions=positions, causal_mix=3)

    def logits_of(table_rows):
        """Logits as a function of the embedded tokens, each token having a row of its own."""
        params = dict(variables["params"])
        params["embed"] = {"unigram": {"embedding": table_rows}}
        return model.clone(vocabulary_size=6).apply({"params": params}, jnp.arange(6)[None])[0].sum(-1)

    params = variables["params"]
    params["head"] = {"kernel": jnp.ones((8, 6)) * jnp.arange(6.0)[None], "bias": jnp.zeros(6)}
    rows = jax.random.normal(jax.random.key(3), (6, 8))
    reach = jnp.abs(jax.jacobian(logits_of)(rows)).max(-1)
    assert jnp.all(jnp.triu(reach, 1) == 0)
    assert reach[5, 0] > 0


def test_one_layer_without_positions_cannot_tell_the_order():
    """The exercise's model: the last token attends to a set, so earlier tokens may change places."""
    shuffled = jnp.concatenate([TOKENS[:, [3, 0, 4, 2, 1]], TOKENS[:, 5:6]], axis=1)
    assert not jnp.array_equal(shuffled, TOKENS[:, :6])
    model, variables = build(layers=1, positions="none")
    ordered = model.apply(variables, TOKENS[:, :6])[:, -1]
    np.testing.assert_allclose(model.apply(variables, shuffled)[:, -1], ordered, atol=1e-5)

    rotary = Transformer(TransformerConfig(**_settings(model.config) | {"positions": "rotary"}), 5)
    difference = rotary.apply(variables, shuffled)[:, -1] - rotary.apply(variables, TOKENS[:, :6])[:, -1]
    assert jnp.abs(difference).max() > 1e-3


def _settings(config: TransformerConfig) -> dict:
    return {name: getattr(config, name) for name in config.__struct_fields__}


def test_longer_than_the_context_is_refused():
    model, variables = build(positions="learned", context=12)
    longer = jnp.zeros((1, 13), jnp.int32)
    with pytest.raises(UserError, match=r"13 tokens exceeds model.context 12"):
        model.apply(variables, longer)
    with pytest.raises(UserError, match="context"):
        model.init_carry(1, 13)
    with pytest.raises(UserError, match="context"):
        model.grow_carry(model.init_carry(1, 12), 13)
    assert model.max_length == 12


@pytest.mark.parametrize(
    "settings", [{"width": 10, "heads": 4}, {"width": 6, "heads": 2, "positions": "rotary"}]
)
def test_impossible_sizes_are_refused(settings):
    with pytest.raises(UserError, match="heads"):
        TransformerConfig(**settings)


@pytest.mark.parametrize("settings", [{"norm": "rms", "use_bias": False}, {"activation": "squared_relu"}])
def test_dropout_acts_in_training_only(settings):
    model, variables = build(dropout=0.3, **settings)
    calm = model.apply(variables, TOKENS)
    np.testing.assert_array_equal(model.apply(variables, TOKENS), calm)
    noisy = model.apply(variables, TOKENS, train=True, rngs={"dropout": jax.random.key(0)})
    assert jnp.abs(noisy - calm).max() > 1e-3
