"""Every disentanglement score of one set of codes at once."""

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float, Num

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.disentanglement import (
    disentanglement_completeness_informativeness,
    mutual_information_gap,
    separated_attribute_predictability,
)
from rgnn_jax.evaluate.fixed_factors import beta_vae_score, factor_vae_score

_FOREST_ROWS = 5_000
"""Codes that DCI's forests are grown from and tested on, at most."""

_MOST_VALUES = 20


def is_categorical(values: Num[np.ndarray, " n"]) -> bool:
    """Whether a factor has few values, all whole and from 0 on."""
    distinct = np.unique(values)
    return len(distinct) <= _MOST_VALUES and bool((distinct == np.rint(distinct)).all() and distinct[0] >= 0)


def score_factors(
    codes: Float[np.ndarray, "n z"], factors: Num[np.ndarray, "n f"], names: Sequence[str], *, seed: int = 0
) -> dict[str, float | dict[str, float]]:
    """How well single latent dimensions stand for single known factors, by five published measures.

    Each is documented where it is computed: `disentanglement.py` and `fixed_factors.py`. Factors that never
    change are left out.

    Args:
        codes: means of the posteriors.
        factors: the pictures' known factors.
        names: of the factors.
        seed: of the rows' order, the forests, votes and pairs.

    Returns:
        `mig`, its part for each factor by name `mig_per_factor`, `dci_disentanglement`, `dci_completeness`,
        `dci_informativeness`, `sap`, `factor_vae_score`, `beta_vae_score`; all in [0, 1].

    Raises:
        UserError: where fewer than two factors change.
        WorkFailed: where a code is not finite.
    """
    changing = np.ptp(factors, axis=0) > 0
    factors, names = factors[:, changing], [name for name, kept in zip(names, changing, strict=True) if kept]
    # Sets such as dSprites come in the order of their factors; some measures split their rows as they come.
    rows = np.random.default_rng(seed).permutation(len(codes))
    codes, factors = codes[rows], factors[rows]
    if factors.shape[1] < 2:
        raise UserError("disentanglement needs pictures of which two or more known factors change")
    categorical = [is_categorical(column) for column in factors.T]
    votes_key, pairs_key = jax.random.split(jax.random.key(seed))
    # First, for it refuses too few pictures, of which the others would give warnings.
    votes = factor_vae_score(codes, factors, votes_key)
    gap = mutual_information_gap(codes, factors)
    dci = disentanglement_completeness_informativeness(
        codes[:_FOREST_ROWS], factors[:_FOREST_ROWS], categorical, seed=seed
    )
    return {
        "mig": gap.score,
        "mig_per_factor": dict(zip(names, gap.gaps.tolist(), strict=True)),
        "dci_disentanglement": dci.disentanglement,
        "dci_completeness": dci.completeness,
        "dci_informativeness": dci.informativeness,
        "sap": separated_attribute_predictability(codes, factors, categorical).score,
        "factor_vae_score": votes,
        "beta_vae_score": beta_vae_score(codes, factors, pairs_key),
    }
