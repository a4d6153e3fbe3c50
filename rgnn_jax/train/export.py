"""A run in open formats: safetensors, JSON, and decoding programs that need JAX alone."""

import shutil
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from rgnn_jax.errors import UserError
from rgnn_jax.train.checkpoint import named_leaves
from rgnn_jax.train.session import LoadedRun

_PLATFORMS = ("cpu", "cuda", "tpu")


def export_run(run: LoadedRun, out: Path) -> list[Path]:
    """Writes `weights.safetensors`, `config.json`, `vocabulary.json`, `init_carry.jax` and `step.jax`.

    `step.jax` is the serialised program (`jax.export`) of `step(weights, carry, token[b]) -> (carry,
    logits[b v])` for one row and `init_carry.jax` that of the carry before any token; weights are a
    dictionary as in the safetensors file. `jax.export.deserialize(...).call` runs them without this package.

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
    structure = jax.tree.structure(run.params)
    names = list(named_leaves(run.params))
    length = run.model.max_length or 1

    def init_carry() -> list[jax.Array]:
        return jax.tree.leaves(run.model.init_carry(1, length))

    carry_structure = jax.tree.structure(jax.eval_shape(lambda: run.model.init_carry(1, length)))

    def step(weights: dict[str, jax.Array], carry: list[jax.Array], token: jax.Array) -> tuple:
        params = jax.tree.unflatten(structure, [weights[name] for name in names])
        carry = jax.tree.unflatten(carry_structure, carry)
        carry, logits = run.model.apply({"params": params}, carry, token, method="step")
        return jax.tree.leaves(carry), logits

    weights = jax.eval_shape(lambda: dict(named_leaves(run.params)))
    carry, token = jax.eval_shape(init_carry), jax.ShapeDtypeStruct((1,), jnp.int32)
    return {
        "init_carry": export.export(jax.jit(init_carry), platforms=_PLATFORMS)().serialize(),
        "step": export.export(jax.jit(step), platforms=_PLATFORMS)(weights, carry, token).serialize(),
    }
