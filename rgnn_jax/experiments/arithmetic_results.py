"""What the reproduction on arithmetic finds out, as plain data: `arithmetic.json` is this."""

from rgnn_jax.evaluate.arithmetic import AnswerReport
from rgnn_jax.experiments.facts import Facts, Result
from rgnn_jax.experiments.handwriting_results import HandwritingResults

BASELINE, LSTM, TRANSFORMER = "LSTM, as in the document", "LSTM, our recipe", "Transformer"
TWO_LAYERS, GRU = "LSTM of two layers", "GRU"
COMPARED = (BASELINE, LSTM, TRANSFORMER)
"""Those that are trained on every share of the queries."""

DOCUMENT_BASELINE = {90: (0.7237, 0.7087), 75: (0.6966, 0.6786), 50: (0.6622, 0.6453)}
"""The document's accuracy in training and test by share of training queries, a symbol."""

DOCUMENT_IMPROVED = {90: (0.9981, 0.9997), 75: (0.9976, 0.9960), 50: (0.9908, 0.9906)}
"""The same of its improved network, of two layers of LSTM 512 with attention."""

DOCUMENT_WRONG = {90: 0.82, 50: 0.925}
"""Wrong whole answers of its baseline, where it says so."""


class Trained(Result, frozen=True):
    """One network after training.

    Attributes:
        model: what the page calls it.
        run: the name of its directory.
        split: "twins" or "leaking".
        share: training queries, in percent of all.
        parameters: numbers that it learned.
        steps: that it took.
        seconds: its training took, start and compilation counted.
        train: its answers to training queries.
        test: its answers to test queries.
    """

    model: str
    run: str
    split: str
    share: int
    parameters: int
    steps: int
    seconds: float
    train: AnswerReport
    test: AnswerReport


class Beyond(Result, frozen=True):
    """A network that was asked for larger operands than it was trained on.

    Attributes:
        model: what the page calls it.
        run: the name of its directory.
        digits: that operands have at most when it is asked.
        below: what the operands of all training queries are less than.
        steps: that it took.
        seconds: its training took, start and compilation counted.
        test: its answers to held-out queries of such operands.
        beyond: its answers to queries of which at least one operand is larger.
    """

    model: str
    run: str
    digits: int
    below: int
    steps: int
    seconds: float
    test: AnswerReport
    beyond: AnswerReport


class ArithmeticResults(Result, frozen=True):
    """Everything that the page says in numbers.

    Attributes:
        leaked: by share, the test queries of the leaking split whose twin is a training query.
        runs: all networks that read and write symbols, in the order they were trained.
        beyond: those that were asked for larger operands than they were trained on.
        handwriting: those that read or write handwriting.
    """

    facts: Facts
    leaked: dict[int, float]
    runs: list[Trained]
    beyond: list[Beyond]
    handwriting: HandwritingResults | None = None

    def find(self, model: str, split: str, share: int) -> Trained | None:
        """The network of this name on this split, where it was trained."""
        wanted = (model, split, share)
        return next((run for run in self.runs if (run.model, run.split, run.share) == wanted), None)

    def of(self, split: str) -> list[Trained]:
        """The networks trained on one kind of split."""
        return [run for run in self.runs if run.split == split]
