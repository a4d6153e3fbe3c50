import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.contracts import Batches
from rgnn_jax.datasets.arithmetic import Arithmetic, ArithmeticData
from rgnn_jax.datasets.handwriting import Handwriting, HandwritingBatches, HandwritingData
from rgnn_jax.errors import UserError

SIDE = 8
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A thousand pictures whose two halves' grey values are their number; its last digit is the label."""
    number = np.arange(1000, dtype=np.uint16)
    images = np.zeros((1000, SIDE, SIDE), np.uint8)
    images[:, :, : SIDE // 2] = (number // 10)[:, None, None]
    images[:, :, SIDE // 2 :] = (number % 10)[:, None, None]
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(file, images=images, labels=number % 10)
    return str(file)


def data_of(path, **settings):
    return HandwritingData(**{"path": path, "size": SIDE, "digits": 1, "test_fraction": 0.3} | settings)


def numbers(strips, symbols):
    """The numbers of the pictures of digits."""
    return numbers_of(np.rint(255 * np.asarray(strips)[np.asarray(symbols) < 10]))


def numbers_of(images):
    return (10 * images[:, 0, 0, 0] + images[:, 0, -1, 0]).astype(int)


def draw(config, step=0, index=0, count=1, batch_size=256):
    batches = HandwritingBatches(config, Handwriting(config).table("train"), batch_size)
    assert isinstance(batches, Batches)
    data = jax.tree.map(jnp.asarray, batches.data)
    return jax.jit(batches.draw, static_argnums=4)(
        data, jax.random.key(3), jnp.int32(step), jnp.int32(index), count
    )


def test_every_split_has_its_own_pictures_and_queries(path):
    handwriting = Handwriting(data_of(path))
    seen = {}
    for split in SPLITS:
        examples = handwriting.examples(split)
        strips = examples.given[np.arange(len(examples))]
        assert strips.shape == (len(examples), 3, SIDE, SIDE, 1)
        shown = numbers(strips, examples.source)
        np.testing.assert_array_equal(shown % 10, examples.source[examples.source < 10])
        seen[split] = set(shown.tolist())
        own = getattr(handwriting.images, split).images.astype(int)
        assert seen[split] <= set(numbers_of(own).tolist())
    assert all(seen[a].isdisjoint(seen[b]) for a, b in (SPLITS[:2], SPLITS[1:], SPLITS[::2]))


def test_a_step_draws_training_queries_in_training_pictures(path):
    config = data_of(path)
    batch = draw(config)
    assert batch.source.shape == (256, 3, SIDE, SIDE, 1)
    train = set(numbers_of(Handwriting(config).images.train.images.astype(int)).tolist())
    shown = numbers(batch.source, batch.symbols)
    assert set(shown.tolist()) <= train
    assert len(set(shown.tolist())) > 0.3 * len(train)
    np.testing.assert_array_equal(shown % 10, np.asarray(batch.symbols)[np.asarray(batch.symbols) < 10])
    text = Arithmetic(ArithmeticData(digits=1, test_fraction=0.3)).examples("train")
    assert {tuple(row) for row in batch.symbols.tolist()} <= {tuple(row) for row in text.source.tolist()}


def test_answers_in_handwriting_are_drawn_in_their_splits_pictures(path):
    config = data_of(path, pictures="target")
    spec = config.spec
    assert (spec.side, spec.answer_side) == (0, SIDE)
    batch, text = draw(config), draw(data_of(path))
    assert batch.pictures.shape == (256, 2, SIDE, SIDE, 1)
    np.testing.assert_array_equal(batch.source, text.symbols)
    shown = numbers(batch.pictures, batch.target)
    np.testing.assert_array_equal(shown % 10, np.asarray(batch.target)[np.asarray(batch.target) < 10])
    handwriting = Handwriting(config)
    assert set(shown.tolist()) <= set(numbers_of(handwriting.images.train.images.astype(int)).tolist())
    examples = handwriting.examples("test")
    everything = np.arange(len(examples))
    held_out = numbers(examples.pictures[everything], examples.target)
    assert set(held_out.tolist()) <= set(numbers_of(handwriting.images.test.images.astype(int)).tolist())


def test_a_micro_batch_is_a_function_of_seed_step_and_index(path):
    config = data_of(path)
    one, again = draw(config, 5, 1, 4), draw(config, 5, 1, 4)
    np.testing.assert_array_equal(one.source, again.source)
    assert one.source.shape[0] == 64
    for other in (draw(config, 6, 1, 4), draw(config, 5, 2, 4)):
        assert (one.source != other.source).any()
    with pytest.raises(UserError, match="multiple of 3"):
        draw(config, 0, 0, 3)


def test_evaluation_draws_do_not_depend_on_what_else_is_drawn(path):
    strips = Handwriting(data_of(path)).examples("test").given
    whole = strips[np.arange(len(strips))]
    np.testing.assert_array_equal(strips[np.array([7, 2])], whole[np.array([7, 2])])
    other = Handwriting(data_of(path)).examples("test").given
    np.testing.assert_array_equal(other[np.array([5])], whole[np.array([5])])


def test_more_digits_leave_blanks_at_the_end(path):
    examples = Handwriting(data_of(path, digits=2)).examples("validation")
    strips = np.asarray(examples.given[np.arange(50)])
    symbols = examples.source[:50]
    assert (symbols == 12).any()
    assert strips[symbols == 12].max() == 0
    assert strips[np.isin(symbols, (10, 11))].max(axis=(1, 2, 3)).min() > 0.2


def test_the_digest_is_that_of_settings_and_pictures(tmp_path):
    def digest(ink=0, **settings):
        """Of a file of this name that holds pictures of such ink."""
        images = np.full((100, SIDE, SIDE), ink, np.uint8)
        np.savez(tmp_path / "digits.npz", images=images, labels=np.arange(100) % 10)
        return Handwriting(data_of(str(tmp_path / "digits.npz"), **settings)).digest

    assert digest() == digest()
    assert len({digest(), digest(split_seed=1), digest(ink=1)}) == 3


def test_pictures_of_other_things_are_refused(tmp_path):
    file = tmp_path / "two.npz"
    np.savez(file, images=np.zeros((40, SIDE, SIDE), np.uint8), labels=np.arange(40) % 2)
    with pytest.raises(UserError, match="not the digits 0 to 9"):
        Handwriting(data_of(str(file))).table("train")


def test_the_share_of_validation_pictures_is_set_and_older_runs_keep_their_identity(path):
    few = data_of(path, picture_validation_fraction=0.05)
    shares = [len(Handwriting(config).images.validation.images) for config in (data_of(path), few)]
    assert shares == [100, 50]
    assert b"picture_validation_fraction" in few.identity
    assert not {b"noise", b"picture_validation_fraction"} & set(data_of(path).identity.split(b'"'))
