"""How varied pictures of one kind are, beside others of that kind."""

import numpy as np
from jaxtyping import Int, Num


def style_distance(vectors: Num[np.ndarray, "n d"], kinds: Int[np.ndarray, " n"]) -> float:
    """Mean Euclidean distance of two of the vectors that are of one kind, averaged over the kinds.

    Each is paired with the next of its kind, and the last with the first.

    Args:
        vectors: what is known of each picture: its pixels, or a network's features.
        kinds: such as the symbol that it shows; one with a single picture is left out.
    """
    distances = []
    for kind in np.unique(kinds):
        group = vectors[kinds == kind].astype(np.float64)
        if len(group) > 1:
            distances.append(np.linalg.norm(group - np.roll(group, 1, axis=0), axis=1).mean())
    return float(np.mean(distances)) if distances else float("nan")
