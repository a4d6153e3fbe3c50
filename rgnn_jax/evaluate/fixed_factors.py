"""Disentanglement scores that ask which latent dimension stays still while one factor is held fixed.

Both draw their pictures from a given sample of codes and factors, by looking up those that agree in the
factor. On a full grid of factors this is what the papers do. A continuous factor agrees where it falls into
the same one of 20 intervals (`disentanglement.discretise`), so it moves by up to a twentieth of its range.
"""

import warnings

import jax
import numpy as np
from jaxtyping import Float, Integer, Num, PRNGKeyArray

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.disentanglement import BINS, check_codes, discretise


def factor_vae_score(
    codes: Float[np.ndarray, "n z"],
    factors: Num[np.ndarray, "n f"],
    key: PRNGKeyArray,
    *,
    votes: int = 800,
    group: int = 64,
    least_variance: float = 0.05,
    bins: int = BINS,
) -> float:
    """Score of Kim & Mnih 2018, section 4: accuracy with which the stillest dimension names the fixed factor.

    Each vote fixes a factor, draws `group` pictures that agree in it, and finds the dimension whose variance
    is least, relative to its variance over all pictures. Each dimension then stands for the factor that most
    of its votes had; the accuracy is that of as many new votes. Chance is about 1 / factors.

    Args:
        codes: means of the posteriors.
        factors: their known factors.
        key: of the votes.
        votes: for each factor, to choose by and again to test by.
        group: pictures in a vote.
        least_variance: dimensions that vary less over all pictures are taken to be unused and left out; if
            all are, the score is 0. The unit is the prior's variance, 1.
        bins: intervals of a continuous factor.

    Raises:
        UserError: where a factor never changes, or no value of it has `group` pictures.
        WorkFailed: where a code is not finite.
    """
    check_codes(codes, factors)
    variance = codes.var(0)
    used = variance > least_variance
    if not used.any():
        return 0.0
    codes, variance = codes[:, used], variance[used]
    table = np.zeros((2, codes.shape[1], factors.shape[1]), np.int64)
    for j, classes in enumerate(discretise(factors, bins).T):
        key, subkey = jax.random.split(key)
        rows = _agreeing_rows(classes, subkey, 2 * votes, group)
        stillest = np.argmin(codes[rows].var(1) / variance[None], axis=1)
        table[0, :, j] = np.bincount(stillest[:votes], minlength=codes.shape[1])
        table[1, :, j] = np.bincount(stillest[votes:], minlength=codes.shape[1])
    chosen = table[0].argmax(1)
    return float(table[1][np.arange(codes.shape[1]), chosen].sum() / table[1].sum())


def beta_vae_score(
    codes: Float[np.ndarray, "n z"],
    factors: Num[np.ndarray, "n f"],
    key: PRNGKeyArray,
    *,
    points: int = 500,
    pairs: int = 64,
    bins: int = BINS,
) -> float:
    """Score of Higgins et al. 2017, section 3: accuracy of a linear classifier that names the fixed factor.

    A point is the mean over `pairs` of |z_1 - z_2|, where the two pictures of a pair agree in the factor; the
    classifier is a logistic regression (scikit-learn). Chance is 1 / factors. The most lenient of the scores:
    a mixture of several dimensions can name a factor as well as one alone.

    Args:
        codes: means of the posteriors.
        factors: their known factors.
        key: of the pairs.
        points: for each factor, to train on and again to test on.
        pairs: in a point.
        bins: intervals of a continuous factor.

    Raises:
        UserError: where a factor never changes, no value of it has two pictures, or scikit-learn is not
            installed.
        WorkFailed: where a code is not finite.
    """
    check_codes(codes, factors)
    try:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise UserError('the beta-VAE score needs scikit-learn: pip install "rgnn-jax[latent]"') from None
    codes = codes / max(float(codes.std()), np.finfo(np.float32).tiny)
    differences, labels = [], []
    for j, classes in enumerate(discretise(factors, bins).T):
        key, subkey = jax.random.split(key)
        rows = _agreeing_rows(classes, subkey, 2 * points * pairs, 2)
        apart = np.abs(codes[rows[:, 0]] - codes[rows[:, 1]])
        differences.append(apart.reshape(2, points, pairs, -1).mean(2))
        labels.append(np.full((2, points), j))
    train, test = np.concatenate(differences, axis=1)
    train_labels, test_labels = np.concatenate(labels, axis=1)
    with warnings.catch_warnings():
        # A few more labels told apart after 2,000 iterations would not change what the score says.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier = LogisticRegression(C=1e3, max_iter=2000).fit(train, train_labels)
    return float(classifier.score(test, test_labels))


def _agreeing_rows(
    classes: Integer[np.ndarray, " n"], key: PRNGKeyArray, groups: int, size: int
) -> Integer[np.ndarray, "g s"]:
    """For each group, rows of one class: that of a row drawn at random, where it has `size` rows or more.

    A row can come twice in a group, as independent draws can.
    """
    counts = np.bincount(classes)
    eligible = np.flatnonzero(counts[classes] >= size)
    if not eligible.size:
        raise UserError(
            f"no value of a factor has {size} pictures, the most {np.max(counts)}: measure on more pictures, "
            "or on another split"
        )
    starts = np.cumsum(counts) - counts
    by_class = np.argsort(classes, kind="stable")
    key_class, key_rows = jax.random.split(key)
    drawn = classes[eligible[np.asarray(jax.random.randint(key_class, (groups,), 0, eligible.size))]]
    uniform = np.asarray(jax.random.uniform(key_rows, (groups, size)), np.float64)
    return by_class[starts[drawn][:, None] + (uniform * counts[drawn][:, None]).astype(np.int64)]
