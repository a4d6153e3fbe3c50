from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from small_models import LATENT_MODELS, SIDE

from rgnn_jax.config import Experiment
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.images import ImageData
from rgnn_jax.experiments.latent.subject import Subject
from rgnn_jax.train.run import RunDirectory
from rgnn_jax.train.session import LoadedRun

MODEL = LATENT_MODELS["mlp_vae"]
GREY = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 1)).astype(np.uint8)


def subject(binarize: bool) -> Subject:
    params = MODEL.init({"params": jax.random.key(0)}, jnp.zeros((1, SIDE, SIDE, 1)))["params"]
    experiment = Experiment(model=MODEL.config, data=ImageData(size=SIDE, binarize=binarize))
    spec = ImageSpec(height=SIDE, width=SIDE, channels=1)
    return Subject(LoadedRun(RunDirectory(Path("made_up")), experiment, spec, MODEL, params, 1))


def test_an_encoder_trained_on_two_values_is_given_two():
    grey, drawn = (subject(binarize).encode(GREY).z_mean for binarize in (False, True))
    assert not np.allclose(grey, drawn)
    two_values = np.where(GREY > 127, 255, 0).astype(np.uint8)
    alike = [subject(binarize).encode(two_values).z_mean for binarize in (False, True)]
    np.testing.assert_array_equal(*alike)
