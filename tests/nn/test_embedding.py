import jax
import jax.numpy as jnp
import numpy as np

from rgnn_jax.nn.embedding import Embed, NGramEmbed, embed, empty_history, ngram_rows


def test_gradient_sums_over_repeated_tokens():
    tokens = jnp.array([[2, 0, 2], [2, 1, 0]])
    weight = jnp.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    gradient = jax.grad(lambda table: (embed(table, tokens)[..., 0] * weight).sum())(jnp.zeros((4, 1)))
    np.testing.assert_array_equal(gradient[:, 0], [2 + 32, 16, 1 + 4 + 8, 0])


def test_gradient_under_vmap():
    tables, tokens = jnp.zeros((2, 3, 1)), jnp.array([[0, 0, 1], [2, 1, 2]])
    gradients = jax.vmap(jax.grad(lambda table, tokens: embed(table, tokens).sum()))(tables, tokens)
    np.testing.assert_array_equal(gradients[..., 0], [[2, 1, 0], [0, 1, 2]])


def test_embed_names_its_rows():
    tokens = jnp.array([1, 1, 0])
    variables = Embed(3, 2).init(jax.random.key(0), tokens)
    table = variables["params"]["embedding"]
    np.testing.assert_array_equal(Embed(3, 2).apply(variables, tokens), table[np.array([1, 1, 0])])


def test_exact_rows_are_numbers_in_base_v():
    rows, exists = ngram_rows(jnp.array([[3, 1, 2, 0]]), order=2, vocabulary_size=3, rows=9)
    np.testing.assert_array_equal(exists, [[False, True, True]])
    np.testing.assert_array_equal(rows, [[0, 1 * 3 + 2, 2 * 3 + 0]])


def test_hashed_rows_depend_on_every_token_and_spread_evenly():
    grams = jnp.stack(jnp.meshgrid(*[jnp.arange(16)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    rows = ngram_rows(grams, order=3, vocabulary_size=16, rows=512)[0][:, 0]
    counts = np.bincount(rows, minlength=512)
    assert counts.sum() == 16**3
    assert counts.max() < 8 + 6 * 8**0.5
    assert len(np.unique(rows.reshape(16, 256), axis=0)) == 16


def ngram_model(**settings):
    model = NGramEmbed(vocabulary_size=3, features=2, max_order=3, buckets=20, **settings)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 4), jnp.int32))
    tables = jax.tree.map(lambda x: jax.random.normal(jax.random.key(x.shape[0]), x.shape), shapes)
    return model, tables


def test_ngram_sum_by_hand():
    model, variables = ngram_model()
    tables = variables["params"]
    assert [tables[name]["embedding"].shape[0] for name in ("unigram", "ngrams_0", "ngrams_1")] == [3, 9, 20]
    total, history = model.apply(variables, jnp.array([[2, 1, 0]]))
    one, two, three = (tables[name]["embedding"] for name in ("unigram", "ngrams_0", "ngrams_1"))
    row = ngram_rows(jnp.array([[2, 1, 0]]), 3, 3, 20)[0][0, 0]
    expected = [one[2], one[1] + two[2 * 3 + 1], one[0] + two[1 * 3 + 0] + three[row]]
    np.testing.assert_allclose(total[0], jnp.stack(expected), atol=1e-6)
    np.testing.assert_array_equal(history, [[1, 0]])


def test_ngrams_carried_over_pieces_equal_the_whole():
    model, variables = ngram_model()
    tokens = jax.random.randint(jax.random.key(0), (2, 7), 0, 3)
    whole, last = model.apply(variables, tokens)
    history, pieces = empty_history(2, 3, 3), []
    for piece in jnp.split(tokens, [1, 2, 5], axis=1):
        out, history = model.apply(variables, piece, history)
        pieces.append(out)
    np.testing.assert_allclose(jnp.concatenate(pieces, axis=1), whole, atol=1e-6)
    np.testing.assert_array_equal(history, last)


def test_ngram_dropout_spares_single_tokens():
    model, variables = ngram_model(dropout=0.999)
    tokens = jax.random.randint(jax.random.key(0), (1, 7), 0, 3)
    total, _ = model.apply(variables, tokens, train=True, rngs={"dropout": jax.random.key(2)})
    np.testing.assert_array_equal(total, variables["params"]["unigram"]["embedding"][tokens])


def test_higher_orders_start_near_zero():
    tables = NGramEmbed(8, 16, max_order=2).init(jax.random.key(0), jnp.zeros((1, 4), jnp.int32))["params"]
    assert float(tables["ngrams_0"]["embedding"].std()) < 0.02 * float(tables["unigram"]["embedding"].std())


def test_time_major_is_the_transpose():
    model, variables = ngram_model()
    tokens = jax.random.randint(jax.random.key(0), (2, 5), 0, 3)
    time_major = model.clone(time_major=True)
    np.testing.assert_array_equal(
        time_major.apply(variables, tokens)[0], model.apply(variables, tokens)[0].swapaxes(0, 1)
    )
