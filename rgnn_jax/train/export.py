"""A run in open formats: safetensors, JSON, and programs of the model that need JAX alone."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from rgnn_jax.contracts import Params
from rgnn_jax.datasets.arithmetic_spec import ArithmeticSpec
from rgnn_jax.datasets.image_spec import ImageSpec
from rgnn_jax.errors import UserError
from rgnn_jax.train.manifest import named_leaves
from rgnn_jax.train.session import LoadedRun

_PLATFORMS = ("cpu", "cuda", "tpu")


def export_run(run: LoadedRun, out: Path) -> list[Path]:
    """Writes `weights.safetensors`, `config.json`, what the model knows of its data, and its programs.

    Programs are serialised by `jax.export`, and `jax.export.deserialize(...).call` runs them without this
    package. `weights` is a dictionary as in the safetensors file. A model of text has `vocabulary.json` and,
    for one row:
    `init_carry.jax`, `() -> carry`, the carry before any token;
    `step.jax`, `(weights, carry, token[b]) -> (carry, logits[b v])`.
    A model of arithmetic has `arithmetic.json`, these two and, to be called between them,
    `read_source.jax`, `(weights, carry, query[b s]) -> carry`; a query in pictures is [b s h w 1].
    A model of pictures has `images.json` and, for any number b of pictures, those of these that it can do:
    `encode.jax`, `(weights, images[b h w c]) -> (z_mean[b z], z_logvar[b z])`, where images are in [0, 1] and
    a deterministic autoencoder's z_logvar is None;
    `decode.jax`, `(weights, z[b z]) -> logits[b h w c]`, whose sigmoid is a picture;
    `read.jax`, `(weights, images[b h w c]) -> factors[b f]`;
    `classify.jax`, `(weights, images[b h w c]) -> logits[b v]`.

    Args:
        run: a run read back.
        out: a folder that does not exist yet; it appears whole or not at all.

    Returns:
        The files written.

    Raises:
        UserError: where the folder exists, or safetensors or flatbuffers is not installed.
    """
    try:
        import flatbuffers  # jax.export serialises with it
        from safetensors.numpy import save_file
    except ImportError as error:
        raise UserError(
            f'export needs {error.name}; install it with: pip install "rgnn-jax[export]"'
        ) from None
    del flatbuffers
    if out.exists():
        raise UserError(f"{out}: exists already; give --out a new folder")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise UserError(f"{out}: cannot be made ({error.strerror}); give --out another folder") from None
    try:
        # safetensors writes the bytes of arrays that are not contiguous in the wrong order.
        weights = {name: np.ascontiguousarray(leaf) for name, leaf in named_leaves(run.params).items()}
        save_file(weights, temporary / "weights.safetensors")
        (temporary / "config.json").write_bytes(run.directory.config.read_bytes())
        (temporary / run.spec.FILE).write_bytes((run.directory.path / run.spec.FILE).read_bytes())
        for name, program in _programs(run).items():
            (temporary / f"{name}.jax").write_bytes(program)
        temporary.chmod(0o755)
        temporary.rename(out)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return sorted(out.iterdir())


def _programs(run: LoadedRun) -> dict[str, bytearray]:
    return _picture_programs(run) if isinstance(run.spec, ImageSpec) else _text_programs(run)


def _text_programs(run: LoadedRun) -> dict[str, bytearray]:
    weights, params_of = _weights(run)
    length = run.model.max_length or 1

    def init_carry() -> list[jax.Array]:
        return jax.tree.leaves(run.model.init_carry(1, length))

    carry_structure = jax.tree.structure(jax.eval_shape(lambda: run.model.init_carry(1, length)))

    def step(weights: dict[str, jax.Array], carry: list[jax.Array], token: jax.Array) -> tuple:
        carry = jax.tree.unflatten(carry_structure, carry)
        carry, logits = run.model.apply({"params": params_of(weights)}, carry, token, method="step")
        return jax.tree.leaves(carry), logits

    def read_source(weights: dict[str, jax.Array], carry: list[jax.Array], source: jax.Array) -> list:
        carry = jax.tree.unflatten(carry_structure, carry)
        return jax.tree.leaves(
            run.model.apply({"params": params_of(weights)}, carry, source, method="read_source")
        )

    carry, token = jax.eval_shape(init_carry), jax.ShapeDtypeStruct((1,), jnp.int32)
    programs = {"init_carry": _serialised(init_carry), "step": _serialised(step, weights, carry, token)}
    if isinstance(run.spec, ArithmeticSpec):
        source = jax.eval_shape(lambda: run.model.empty_source(1))
        programs["read_source"] = _serialised(read_source, weights, carry, source)
    return programs


def _picture_programs(run: LoadedRun) -> dict[str, bytearray]:
    weights, params_of = _weights(run)
    (b,) = export.symbolic_shape("b")
    images = jax.ShapeDtypeStruct((b, *run.images.shape), jnp.float32)
    inputs = {"encode": images, "read": images}
    if hasattr(run.model, "decode"):
        inputs["decode"] = jax.ShapeDtypeStruct((b, run.model.z_dim), jnp.float32)
    methods = {name: name for name in inputs if hasattr(run.model, name)} or {"classify": "__call__"}

    def program(method: str) -> Callable[..., Any]:
        return lambda weights, x: run.model.apply({"params": params_of(weights)}, x, method=method)

    return {
        name: _serialised(program(method), weights, inputs.get(name, images))
        for name, method in methods.items()
    }


def _weights(run: LoadedRun) -> tuple[dict[str, Any], Callable[[dict[str, jax.Array]], Params]]:
    """Shapes of the weights by name, and the way from such a dictionary to the model's parameters."""
    structure, names = jax.tree.structure(run.params), list(named_leaves(run.params))
    shapes = jax.eval_shape(lambda: dict(named_leaves(run.params)))
    return shapes, lambda weights: jax.tree.unflatten(structure, [weights[name] for name in names])


def _serialised(function: Callable[..., Any], *arguments: Any) -> bytearray:
    return export.export(jax.jit(function), platforms=_PLATFORMS)(*arguments).serialize()
