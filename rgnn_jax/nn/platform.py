"""The choice between a form that is fast on CPU and the plain one, made where a program is compiled."""

from collections.abc import Callable

import jax
from jax.custom_batching import sequential_vmap
from jaxtyping import Array


def library_on_cpu(*arguments: Array, cpu: Callable[..., Array], default: Callable[..., Array]) -> Array:
    """`cpu` of the arguments on CPU, `default` of them elsewhere.

    Under `vmap` the form for CPU runs once a member: XLA's library there takes no grouped convolutions, which
    is what convolutions with a kernel a member become.

    Args:
        arguments: of either.
        cpu: the form that XLA's library on CPU takes.
        default: the plain form.
    """
    return jax.lax.platform_dependent(*arguments, cpu=sequential_vmap(cpu), default=default)
