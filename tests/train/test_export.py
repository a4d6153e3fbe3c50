"""What is exported runs without the package and gives what the model gives."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import LATENT_MODELS, LEARNERS, SIDE

from rgnn_jax.config import Experiment, to_json
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.datasets.images import ImageData
from rgnn_jax.errors import UserError
from rgnn_jax.train.export import export_run
from rgnn_jax.train.run import RunDirectory
from rgnn_jax.train.session import LoadedRun, load_run

pytest.importorskip("flatbuffers")
numpy_files = pytest.importorskip("safetensors.numpy")


def test_the_exported_program_gives_the_logits_of_the_model(ckpt_dir, tmp_path):
    run = load_run("tiny", ckpt_dir)
    files = export_run(run, tmp_path / "out")
    assert {file.name for file in files} == {
        "weights.safetensors", "config.json", "vocabulary.json", "init_carry.jax", "step.jax"
    }  # fmt: skip
    weights = numpy_files.load_file(tmp_path / "out" / "weights.safetensors")
    init_carry, step = (
        jax.export.deserialize(bytearray((tmp_path / "out" / f"{name}.jax").read_bytes())).call
        for name in ("init_carry", "step")
    )
    tokens = run.vocabulary.encode("the gate")
    expected = run.model.apply(
        {"params": jax.tree.map(jnp.asarray, run.params)}, jnp.asarray(tokens[None], jnp.int32)
    )[0]
    carry = init_carry()
    for token, logits in zip(tokens, expected, strict=True):
        carry, found = step(weights, carry, jnp.asarray([token], jnp.int32))
        np.testing.assert_allclose(found[0], logits, atol=1e-4)


def test_what_is_there_is_not_overwritten(ckpt_dir, tmp_path):
    run = load_run("tiny", ckpt_dir)
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="--out"):
            export_run(run, out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def picture_run(name, folder):
    """A run of one of the project's small models of pictures, with fresh parameters."""
    objective = LEARNERS[name].objective
    spec = ImageSpec(height=SIDE, width=SIDE, channels=1)
    experiment = Experiment(objective.model.config, ImageData())
    files = {"config.json": to_json(experiment), spec.FILE: spec.to_json()}
    directory = RunDirectory.create(folder, name, files)
    return LoadedRun(directory, experiment, spec, objective.model, objective.init(jax.random.key(0)), 0)


def programs(folder):
    """The exported weights and a way to call the exported programs by name."""
    weights = numpy_files.load_file(folder / "weights.safetensors")

    def call(name, *arguments):
        content = bytearray((folder / f"{name}.jax").read_bytes())
        return jax.export.deserialize(content).call(weights, *arguments)

    return call


@pytest.mark.parametrize("name", LATENT_MODELS)
def test_exported_programs_encode_and_decode_any_number_as_the_model_does(name, tmp_path):
    run = picture_run(name, tmp_path)
    files = export_run(run, tmp_path / "out")
    assert {file.name for file in files} == {
        "weights.safetensors", "config.json", "images.json", "encode.jax", "decode.jax"
    }  # fmt: skip
    call = programs(tmp_path / "out")
    apply = functools.partial(run.model.apply, {"params": run.params})
    for count in (1, 3):
        images = jax.random.uniform(jax.random.key(1), (count, SIDE, SIDE, 1))
        z = jax.random.normal(jax.random.key(2), (count, 3))
        z_mean, z_logvar = call("encode", images)
        expected_mean, expected_logvar = apply(images, method="encode")
        np.testing.assert_allclose(z_mean, expected_mean, atol=1e-5)
        assert (z_logvar is None) == (name == "autoencoder")
        if z_logvar is not None:
            np.testing.assert_allclose(z_logvar, expected_logvar, atol=1e-5)
        np.testing.assert_allclose(call("decode", z), apply(z, method="decode"), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "program", "method"), [("classifier", "classify", "__call__"), ("factor_reader", "read", "read")]
)
def test_a_judge_is_exported_as_what_it_says_of_a_picture(name, program, method, tmp_path):
    run = picture_run(name, tmp_path)
    files = export_run(run, tmp_path / "out")
    assert [file.name for file in files if file.suffix == ".jax"] == [f"{program}.jax"]
    images = jax.random.uniform(jax.random.key(1), (2, SIDE, SIDE, 1))
    expected = run.model.apply({"params": run.params}, images, method=method)
    np.testing.assert_allclose(programs(tmp_path / "out")(program, images), expected, atol=1e-4)
