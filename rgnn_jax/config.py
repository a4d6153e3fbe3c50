"""An experiment's settings in full: model, data, optimiser, training; TOML in, JSON out."""

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from rgnn_jax.datasets.arithmetic import ArithmeticData
from rgnn_jax.datasets.handwriting import HandwritingData
from rgnn_jax.datasets.images import ImageData
from rgnn_jax.datasets.text import TextData
from rgnn_jax.errors import UserError
from rgnn_jax.fields import Count, NaturalNumber, Positive, Rate, Section, Seed
from rgnn_jax.models.classifier import ClassifierConfig
from rgnn_jax.models.conv_autoencoder import ConvAutoencoderConfig
from rgnn_jax.models.dcgan import DCGANConfig
from rgnn_jax.models.factor_reader import FactorReaderConfig
from rgnn_jax.models.mlp_autoencoder import MLPAutoencoderConfig
from rgnn_jax.models.pixel_autoencoder import PixelAutoencoderConfig
from rgnn_jax.models.recurrent import GRUConfig, LSTMConfig
from rgnn_jax.models.resnet_autoencoder import ResNetAutoencoderConfig
from rgnn_jax.models.resnet_gan import ResNetGANConfig
from rgnn_jax.models.seq2seq_config import Seq2SeqConfig
from rgnn_jax.models.tcn import TCNConfig
from rgnn_jax.models.transformer import TransformerConfig
from rgnn_jax.nn.platform import cuda_capability
from rgnn_jax.optimizer import OptimizerConfig

SequenceConfig = LSTMConfig | GRUConfig | TCNConfig | TransformerConfig
AutoencoderConfig = (
    MLPAutoencoderConfig | ConvAutoencoderConfig | PixelAutoencoderConfig | ResNetAutoencoderConfig
)
GeneratorConfig = DCGANConfig | ResNetGANConfig
PictureConfig = AutoencoderConfig | GeneratorConfig | ClassifierConfig | FactorReaderConfig
ModelConfig = SequenceConfig | PictureConfig | Seq2SeqConfig
DataConfig = TextData | ImageData | ArithmeticData | HandwritingData

_SURROGATE = re.compile("[\ud800-\udfff]")
"""What Python makes of a byte on the command line that is no UTF-8."""


class TrainingConfig(Section, frozen=True):
    """How long, on what, and what is kept.

    A run ends after `steps` or `epochs`, or after `max_seconds` of wall-clock time counted from the start
    of the command, earlier sessions of a resumed run included, whichever comes first; the learning-rate
    schedule follows whichever is nearer its end.

    Attributes:
        steps: of the whole run.
        epochs: of the whole run; an epoch is as many examples as the training split has, for a pair as its
            discriminator sees.
        max_seconds: of the whole run.
        batch_size: examples a step, on all devices together.
        micro_batches: in which a step takes them, to need less memory; 0 chooses at the start.
        seed: of the first parameters, the batches and dropout.
        ema_decay: above 0, what is evaluated and used is a moving average of the parameters, of which each
            step keeps this share (Polyak and Juditsky, 1992).
        log_every: steps between two rows of `metrics.jsonl`, and of progress.
        evaluate_every: steps between two evaluations on the validation split; 0 for at the end alone.
        save_every: steps between two checkpoints; 0 for at the end alone. The best by validation is kept too.
        milestones: epochs at which the run is evaluated and a checkpoint is kept for good.
        compute_dtype: of activations; parameters are float32. "auto" is bfloat16 on a TPU, and on a GPU that
            computes in it, as NVIDIA's do from Ampere on; else float32.
        parallel: how devices share a batch: "jit" by sharding, "pmap" in the older way; "auto" is "jit".
        devices: that share a batch; 0 takes all, on a CPU as many virtual ones as pay.
        tensorboard: also write event files for TensorBoard.
    """

    steps: Count | None = None
    epochs: Positive | None = None
    max_seconds: Positive | None = None
    batch_size: Count = 32
    micro_batches: NaturalNumber = 0
    seed: Seed = 0
    ema_decay: Rate = 0.0
    log_every: Count = 50
    evaluate_every: NaturalNumber = 500
    save_every: NaturalNumber = 1000
    milestones: tuple[Positive, ...] = ()
    compute_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    parallel: Literal["auto", "jit", "pmap"] = "auto"
    devices: NaturalNumber = 0
    tensorboard: bool = False

    @property
    def dtype(self) -> np.dtype:
        """The type of activations."""
        if self.compute_dtype != "auto":
            return jnp.dtype(self.compute_dtype)
        slow = jax.default_backend() == "cpu" or 0 < cuda_capability() < 8
        return jnp.dtype(jnp.float32 if slow else jnp.bfloat16)


class Experiment(Section, frozen=True):
    """One run's settings; `to_json` of it rebuilds the run without executing anything."""

    model: ModelConfig
    data: DataConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()

    @property
    def of_text(self) -> tuple[SequenceConfig, TextData]:
        """Model and data of an experiment on text.

        Raises:
            UserError: where it is one on something else.
        """
        if isinstance(self.model, SequenceConfig) and isinstance(self.data, TextData):
            return self.model, self.data
        raise UserError(f"the experiment is one on {self.subject}; give one on text")

    @property
    def of_pictures(self) -> tuple[PictureConfig, ImageData]:
        """Model and data of an experiment on pictures.

        Raises:
            UserError: where it is one on something else.
        """
        if isinstance(self.model, PictureConfig) and isinstance(self.data, ImageData):
            return self.model, self.data
        raise UserError(f"the experiment is one on {self.subject}; give one on pictures")

    @property
    def of_arithmetic(self) -> tuple[Seq2SeqConfig, ArithmeticData]:
        """Model and data of an experiment on arithmetic.

        Raises:
            UserError: where it is one on something else.
        """
        if isinstance(self.model, Seq2SeqConfig) and isinstance(self.data, ArithmeticData):
            return self.model, self.data
        raise UserError(f"the experiment is one on {self.subject}; give one on arithmetic")

    @property
    def subject(self) -> str:
        """What it is about, in a word."""
        return _SUBJECTS[type(self.data)]


def load_experiment(path: str | Path, overrides: Sequence[tuple[str, str]] = ()) -> Experiment:
    """Reads a TOML file and applies `("section.field", "value")` overrides.

    Raises:
        UserError: for a missing or malformed file, an unknown field, a value out of range.
    """
    path = Path(path)
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.toml")], n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else "configs/ holds the ones that come along"
        raise UserError(f"{path}: no such file; {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a TOML file ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    for name, value in overrides:
        _override(settings, name, value)
    given = ", ".join(f"--{name}" for name, _ in overrides)
    return parse_experiment(settings, f"{path} with {given}" if given else str(path))


def parse_experiment(settings: Mapping[str, Any], source: str) -> Experiment:
    """Validates plain settings; the error names the field and, for a misspelt one, its neighbour."""
    try:
        return _completed(msgspec.convert(settings, Experiment, strict=False))
    except msgspec.ValidationError as error:
        raise UserError(f"{source}: {_explain(str(error), settings)}") from None


def to_json(experiment: Experiment) -> bytes:
    """The experiment as indented JSON, complete: defaults included."""
    return msgspec.json.format(msgspec.json.encode(experiment), indent=2) + b"\n"


def from_json(content: bytes, source: str) -> Experiment:
    """Reads back what `to_json` wrote.

    Raises:
        UserError: where the file is damaged, naming it.
    """
    try:
        return msgspec.json.decode(content, type=Experiment)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{source}: not a run's configuration: {error}") from None


def override(experiment: Experiment, overrides: Sequence[tuple[str, str]]) -> Experiment:
    """The experiment with some fields replaced and everything validated again."""
    settings = msgspec.to_builtins(experiment)
    for name, value in overrides:
        _override(settings, name, value)
    return parse_experiment(settings, "command line")


def _completed(experiment: Experiment) -> Experiment:
    """Refuses a model that cannot read the data; gives a TCN of `levels = 0` as many as cover the window.

    Raises:
        UserError: names the kinds that would fit.
    """
    model, data = experiment.model, experiment.data
    family = _FAMILIES[type(data)]
    if not isinstance(model, family):
        raise UserError(
            f"model.kind `{_tag(model)}` cannot learn from data.kind `{_tag(data)}`; "
            f"for {experiment.subject} use one of {', '.join(map(_tag, get_args(family) or (family,)))}"
        )
    if isinstance(model, FactorReaderConfig) and isinstance(data, ImageData) and (data.flip or data.augment):
        raise UserError(
            "data.flip and data.augment change the factors that a factor_reader is to read; set them to false"
        )
    if isinstance(model, PixelAutoencoderConfig) and isinstance(data, ImageData) and not data.binarize:
        raise UserError("model.kind `pixel_vae` is one of pixels of two values: set data.binarize true")
    if isinstance(model, TCNConfig) and isinstance(data, TextData):
        return msgspec.structs.replace(experiment, model=model.covering(data.window))
    return experiment


def _tag(variant: Any) -> str:
    return str(variant.__struct_config__.tag)


def _override(settings: dict[str, Any], name: str, value: str) -> None:
    section, _, field = name.replace("-", "_").partition(".")
    if section not in Experiment.__struct_fields__ or not field:
        sections = ", ".join(f"--{s}.FIELD" for s in Experiment.__struct_fields__)
        raise UserError(f"--{name}: no such setting; settings are {sections}")
    if not isinstance(settings.setdefault(section, {}), dict):
        raise UserError(f"--{name}: the configuration has no section [{section}], but a value of that name")
    if not value.isascii() and _SURROGATE.search(value):
        raise UserError(f"--{name} {value!r}: is not UTF-8; rename the file, or link to it by another name")
    hint = get_type_hints(_section(section, settings)).get(field)
    if value.lower() == "none" and type(None) in get_args(hint):
        settings[section][field] = None
    elif get_origin(hint) is tuple:
        items = [item.strip(" \t\"'") for item in value.strip().strip("[]").split(",")]
        settings[section][field] = [item for item in items if item]
    else:
        settings[section][field] = value


def _explain(message: str, settings: Mapping[str, Any]) -> str:
    """msgspec's message in the terms of the file, with a suggestion for an unknown field."""
    text = re.sub(r" - at `\$\.?([^`]*)`", r" at `\1`", message).replace("Object", "section")
    unknown = re.search(r"unknown field `([^`]*)`(?: at `(\w+)`)?", text)
    if unknown:
        field, section = unknown.groups()
        known = _section(section, settings).__struct_fields__
        near = difflib.get_close_matches(field, known, n=1)
        kind = f" of kind {settings[section].get('kind')}" if section in KINDS else ""
        where = f"[{section}]{kind} has" if section else "there is"
        hint = f"did you mean `{near[0]}`?" if near else "known: " + ", ".join(known)
        return f"{where} no field `{field}`; {hint}"
    value = re.search(r"at `(\w+)\.(\w+)", text)
    if value is None:
        # A section that contradicts itself says so in words of ours, which name its fields.
        return re.sub(r"^(.*\b(\w+)\.\w.*) at `\2`$", r"\1", text)
    section, field = value.groups()
    if not text.startswith("Invalid"):
        text = re.sub(r", got `\w+`", "", text) + f", got {settings[section].get(field)!r}"
    choices = _choices(section, field, settings)
    return f"{text}; use one of {', '.join(choices)}" if choices else text


_FAMILIES: dict[type, Any] = {
    TextData: SequenceConfig,
    ImageData: PictureConfig,
    ArithmeticData: Seq2SeqConfig,
    HandwritingData: Seq2SeqConfig,
}
_SUBJECTS = {
    TextData: "text",
    ImageData: "pictures",
    ArithmeticData: "arithmetic",
    HandwritingData: "arithmetic",
}
KINDS: dict[str, dict[str, Any]] = {
    "model": {_tag(kind): kind for kind in get_args(ModelConfig)},
    "data": {_tag(kind): kind for kind in get_args(DataConfig)},
}


def _section(name: str | None, settings: Mapping[str, Any]) -> Any:
    """The type of a section; for one of no known kind, the first of its kinds."""
    if name in KINDS:
        first = next(iter(KINDS[name].values()))
        return KINDS[name].get(str(settings[name].get("kind")), first)
    return get_type_hints(Experiment)[name] if name else Experiment


def _choices(section: str, field: str, settings: Mapping[str, Any]) -> list[str]:
    """The words that a field may hold, where it holds one of a few."""
    if field == "kind" and section in KINDS:
        return list(KINDS[section])
    hint = get_type_hints(_section(section, settings)).get(field)
    if get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    return list(get_args(hint)) if get_origin(hint) is Literal else []
