import json

import numpy as np
import pytest

from rgnn_jax.train.manifest import Leaf, Manifest, seal, unseal


def test_an_unsealed_manifest_is_exactly_what_was_sealed():
    leaf = Leaf.of(np.arange(3.0))
    manifest = Manifest(
        step=1, metric=0.1 + 0.2, keep=True, info={"b": [1, 2.5, "ü"], "a": None}, leaves={"x": leaf}
    )
    sealed = seal(manifest)
    assert unseal(json.dumps(sealed).encode()) == manifest
    sealed["manifest"]["metric"] = 0.3
    with pytest.raises(ValueError, match="digest does not match"):
        unseal(json.dumps(sealed).encode())


def test_a_digest_depends_on_type_shape_and_every_byte():
    array = np.arange(6, dtype=np.float32)
    others = [array.view(np.int32), array.reshape(2, 3), array.reshape(3, 2), array[::-1], -array, array + 0]
    digests = [Leaf.of(other).sha256 for other in others]
    assert len(set(digests)) == len(others)
    assert Leaf.of(array).sha256 == digests[-1]
    assert Leaf.of(np.zeros(2, np.float32)) != Leaf.of(-np.zeros(2, np.float32))
