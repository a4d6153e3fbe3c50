"""What a network looks at in a query while it writes the answer."""

import numpy as np

from rgnn_jax.datasets.arithmetic import make_examples
from rgnn_jax.datasets.arithmetic_spec import BLANK, SYMBOLS
from rgnn_jax.datasets.arithmetic_split import Queries
from rgnn_jax.evaluate.translation import source_attention
from rgnn_jax.experiments.report import Figure
from rgnn_jax.tasks.arithmetic import answer_queries
from rgnn_jax.train.session import LoadedRun


def draw_attention(run: LoadedRun, query: str) -> Figure:
    """How each symbol of the answer, as it is written, attends to the query: a mean over heads and layers.

    Args:
        run: of a network whose decoder attends to a source of symbols.
        query: such as "56+34".
    """
    from rgnn_jax.figures import heatmap, to_svg

    spec = run.arithmetic
    examples = make_examples(spec, Queries(*(np.array([part]) for part in spec.parse(query))))
    answer = answer_queries(run.model, run.params, examples.given)
    weights = source_attention(run.model, run.params, examples.source, answer, BLANK)[0]
    said = spec.decode_answers(answer)[0]
    figure = heatmap(
        100 * weights,
        _names(answer[0]),
        _names(examples.source[0]),
        label="% of attention",
        x_label="query",
        y_label="answer as written",
        decimals=0,
    )
    most = np.argmax(weights, axis=1)
    return Figure(
        to_svg(figure),
        f"Where the decoder looks while it answers {query} by {said}, a mean over heads and layers.",
        "Most attention: "
        + "; ".join(
            f"for symbol {place + 1} at position {where + 1}" for place, where in enumerate(most.tolist())
        )
        + ".",
    )


def _names(symbols: np.ndarray) -> list[str]:
    return ["blank" if SYMBOLS[code] == " " else SYMBOLS[code] for code in symbols.tolist()]
