"""What the machine can do: forms that are fast on CPU beside plain ones, and which GPU there is."""

from collections.abc import Callable

import jax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array


def library_on_cpu(*arguments: Array, cpu: Callable[..., Array], default: Callable[..., Array]) -> Array:
    """Runs `cpu` where the program is compiled for CPU, else `default`.

    Under `vmap`, `cpu` runs in a loop: of a convolution with a kernel a member, `vmap` makes a grouped one,
    which XLA's library on CPU does not take.

    Args:
        arguments: passed to the one that is chosen.
        cpu: the form that XLA's library on CPU takes.
        default: the plain form.
    """
    return jax.lax.platform_dependent(*arguments, cpu=sequential_vmap(cpu), default=default)


def cuda_capability() -> float:
    """Compute capability of the first GPU, such as 7.5 of a T4 and 8.0 of an A100; 0 where it has none."""
    text = str(getattr(jax.local_devices()[0], "compute_capability", ""))
    try:
        return float(text)
    except ValueError:
        return 0.0
