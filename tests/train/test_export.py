"""What is exported runs without the package and gives the model's logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.train.export import export_run
from rgnn_jax.train.session import load_run

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
