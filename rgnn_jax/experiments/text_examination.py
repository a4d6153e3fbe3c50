"""What every model is asked: to continue paragraphs, and how likely it finds the texts."""

import dataclasses

import numpy as np

from rgnn_jax.datasets.text import Split, Text
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.likelihood import score_carried, score_windows
from rgnn_jax.experiments.continuations import continue_paragraphs
from rgnn_jax.experiments.text_results import Paragraph, Part, Score, Stage, StageName
from rgnn_jax.experiments.writing import Measures, TrainingText
from rgnn_jax.sampling.rules import GREEDY, SamplingRule
from rgnn_jax.train.session import LoadedRun

PROMPT, NEW = 30, 100
"""Characters that are given of a paragraph, and characters that are written after them."""

SAMPLED = SamplingRule(temperature=0.8)
"""How what is not continued greedily is drawn."""

_MEASURED, _STRIP = 8, 320
_SPLITS: dict[Part, Split] = {"training": "train", "held-out": "test"}


@dataclasses.dataclass(frozen=True)
class Examination:
    """One text's questions, the same for every model at every stage.

    Attributes:
        text: the text.
        source: its training split, counted.
        paragraphs: those that are continued; the first of each part is shown.
    """

    text: Text
    source: TrainingText
    paragraphs: dict[Part, list[str]]

    @classmethod
    def of(cls, text: Text, path: str) -> "Examination":
        """Chooses the paragraphs by rule, not by taste.

        Raises:
            UserError: where a split holds no paragraph to continue.
        """
        source = TrainingText(text.vocabulary.decode(text.train))
        return cls(text, source, {part: _choose(text, split, path) for part, split in _SPLITS.items()})

    @property
    def shown(self) -> dict[Part, Paragraph]:
        """The paragraphs whose continuations are shown."""
        return {
            part: Paragraph(prompt=first[:PROMPT], truth=first[PROMPT : PROMPT + NEW])
            for part, (first, *_) in self.paragraphs.items()
        }

    @property
    def strip(self) -> str:
        """What is shown of the held-out paragraph character by character."""
        return self.paragraphs["held-out"][0][:_STRIP]

    def common(self) -> tuple[str, float]:
        """The training text's five commonest characters, and their share of it."""
        characters = "".join(sorted(self.source.common, key=self.source.text.count, reverse=True))
        return characters, sum(map(self.source.text.count, characters)) / len(self.source.text)

    def unigram(self) -> float:
        """Test loss of the training text's symbol frequencies, each counted once more than it occurs."""
        counts = np.bincount(self.text.train, minlength=len(self.text.vocabulary)) + 1
        return float(-np.log(counts / counts.sum())[self.text.test[1:]].mean())

    def epoch(self, run: LoadedRun) -> float:
        """How often the run has seen the training text."""
        per_step = run.experiment.training.batch_size * run.experiment.of_text[1].window
        return run.step * per_step / self.text.train_characters

    def write(self, run: LoadedRun, stage: StageName) -> Stage:
        """The greedy continuations of all paragraphs, and a drawn one."""
        asked = [(part, paragraph) for part, group in self.paragraphs.items() for paragraph in group]
        length = {"prompt_length": PROMPT, "max_new_tokens": NEW}
        greedy = continue_paragraphs(
            run, [paragraph for _, paragraph in asked], rule=GREEDY, count=len(asked), **length
        )
        seed = run.experiment.training.seed
        (sampled,) = continue_paragraphs(
            run, self.paragraphs["held-out"], rule=SAMPLED, count=1, seed=seed, **length
        )
        shown: dict[Part, str] = {}
        measured: dict[Part, list[Measures]] = {}
        for (part, _), one in zip(asked, greedy, strict=True):
            shown.setdefault(part, one.continuation)
            measures = self.source.measure(one.prompt, one.continuation, one.text[PROMPT:])
            measured.setdefault(part, []).append(measures)
        return Stage(
            name=stage,
            epoch=self.epoch(run),
            step=run.step,
            greedy=shown,
            sampled=sampled.continuation,
            measures={part: Measures.mean(group) for part, group in measured.items()},
        )

    def score(self, run: LoadedRun) -> Score:
        """The checkpoint's losses on the three splits."""

        def windows(split: Split) -> float:
            codes = getattr(self.text, split)
            window = min(run.experiment.of_text[1].window, codes.size - 1)
            return score_windows(run.model, run.params, codes, window).loss

        return Score(
            epoch=self.epoch(run),
            training=windows("train"),
            validation=windows("validation"),
            test_windows=windows("test"),
            test_carried=score_carried(run.model, run.params, self.text.test).loss,
        )

    def surprise(self, run: LoadedRun) -> list[float]:
        """Natural log-probability of each character of the strip, given that a line begins before it."""
        codes = self.text.vocabulary.encode("\n" + self.strip)
        return score_carried(run.model, run.params, codes).log_probs.tolist()


def _choose(text: Text, split: Split, path: str) -> list[str]:
    """The split's first paragraphs that hold prompt and continuation; without any, its longest one."""
    every = text.paragraphs(split)
    chosen = [paragraph for paragraph in every if len(paragraph) >= PROMPT + NEW][:_MEASURED]
    chosen = chosen or [max(every, key=len, default="")]
    if len(chosen[0]) <= PROMPT:
        raise UserError(
            f"{path}: no paragraph of the {split} split is longer than {PROMPT} characters; "
            "give a text of longer lines"
        )
    return chosen
