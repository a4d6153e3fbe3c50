"""An experiment in full: model, data, optimiser, training; TOML in, JSON out.

The only module that names every concrete model and data set.
"""

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import flax.linen as nn
import jax
import jax.numpy as jnp
import msgspec

from rgnn_jax.contracts import Batches, Objective, Params
from rgnn_jax.datasets.text import Text, TextData, load_text
from rgnn_jax.datasets.text_batches import TextBatches
from rgnn_jax.datasets.vocabulary import Vocabulary
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.likelihood import score_windows
from rgnn_jax.fields import Count, NaturalNumber, Positive, Rate, Section, Seed
from rgnn_jax.models.language import NextToken
from rgnn_jax.models.recurrent import GRU, LSTM, GRUConfig, LSTMConfig
from rgnn_jax.models.tcn import TCN, TCNConfig, levels_to_cover
from rgnn_jax.models.transformer import Transformer, TransformerConfig
from rgnn_jax.optimizer import OptimizerConfig

ModelConfig = LSTMConfig | GRUConfig | TCNConfig | TransformerConfig


class TrainingConfig(Section, frozen=True):
    """How long, on what, and what is kept.

    A run ends after `steps` or `epochs`, or after `max_seconds` of wall-clock time counted from the start
    of the command, whichever comes first; the learning-rate schedule follows whichever is nearer its end.
    Zero means: chosen at the start (`micro_batches`, `devices`) or never (`evaluate_every`, `save_every`).
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


class Experiment(Section, frozen=True):
    """One run's settings; `to_json` of it rebuilds the run without executing anything."""

    model: ModelConfig
    data: TextData
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()


@dataclasses.dataclass(frozen=True)
class Task:
    """What an experiment builds: everything that training, sampling and evaluation need.

    Attributes:
        model: the network, unbound.
        objective: its loss.
        batches: training data and how a step draws from them.
        symbols_per_step: tokens (or pictures) that a step learns from.
        symbol: what those are called.
        steps_per_epoch: steps after which as many examples were drawn as there are.
        evaluate: params and a split's name to {"loss": ..., ...} over all of it; nothing for an empty split.
        text: the text, where the data are one.
    """

    model: nn.Module
    objective: Objective
    batches: Batches
    symbols_per_step: int
    symbol: str
    steps_per_epoch: float
    evaluate: Callable[[Params, str], dict[str, float]]
    text: Text


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
    return parse_experiment(settings, str(path))


def parse_experiment(settings: Mapping[str, Any], source: str) -> Experiment:
    """Validates plain settings; the error names the field and, for a misspelt one, its neighbour."""
    try:
        return _covering(msgspec.convert(settings, Experiment, strict=False))
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


def build(experiment: Experiment, vocabulary: Vocabulary | None = None) -> Task:
    """Data, model and objective of an experiment whose open fields are resolved.

    Args:
        experiment: the settings.
        vocabulary: a run's saved one; without it the text's own.
    """
    text = load_text(experiment.data, vocabulary)
    return build_with_text(experiment, text)


def build_with_text(experiment: Experiment, text: Text) -> Task:
    """The same on a text that is loaded already."""
    window, training = experiment.data.window, experiment.training
    model = build_model(experiment, len(text.vocabulary))

    def evaluate(params: Params, split: str) -> dict[str, float]:
        codes = getattr(text, split)
        if codes.size < 2:
            return {}
        score = score_windows(model, params, codes, min(window, codes.size - 1))
        return {"loss": score.loss, "bits_per_char": score.bits_per_char}

    return Task(
        model=model,
        objective=build_objective(experiment, model),
        batches=TextBatches(text.train, window, training.batch_size),
        symbols_per_step=training.batch_size * window,
        symbol="token",
        steps_per_epoch=text.train_characters / (training.batch_size * window),
        evaluate=evaluate,
        text=text,
    )


def build_model(experiment: Experiment, vocabulary_size: int) -> nn.Module:
    """The network of an experiment.

    Raises:
        UserError: where model and data contradict each other.
    """
    window, config = experiment.data.window, experiment.model
    dtype = jnp.dtype(resolve_dtype(experiment.training.compute_dtype))
    match config:
        case LSTMConfig():
            return LSTM(config, vocabulary_size, dtype)
        case GRUConfig():
            return GRU(config, vocabulary_size, dtype)
        case TCNConfig():
            return TCN(config, vocabulary_size, dtype)
        case TransformerConfig():
            if config.context < window:
                raise UserError(
                    f"model.context {config.context} is shorter than data.window {window}; "
                    f"set model.context to at least {window}"
                )
            return Transformer(config, vocabulary_size, dtype)


def describe_model(config: ModelConfig) -> str:
    """What a person should know about a network before it trains."""
    kind = str(config.__struct_config__.tag)
    match config:
        case TCNConfig():
            return f"{kind} that sees the last {config.receptive_field} characters"
        case TransformerConfig():
            return f"{kind} with {'no' if config.positions == 'none' else config.positions} positions"
        case _:
            return kind


def build_objective(experiment: Experiment, model: nn.Module) -> Objective:
    """The loss that an experiment minimises."""
    return NextToken(model, experiment.data.window)


def resolve_dtype(name: str) -> str:
    """`auto` is float32 on a CPU, which has no fast bfloat16, and bfloat16 on accelerators."""
    if name != "auto":
        return name
    return "float32" if jax.default_backend() == "cpu" else "bfloat16"


def _covering(experiment: Experiment) -> Experiment:
    """Replaces `levels = 0` of a TCN by as many levels as cover the window."""
    model = experiment.model
    if isinstance(model, TCNConfig) and model.levels == 0:
        levels = levels_to_cover(experiment.data.window, model.kernel_size)
        model = msgspec.structs.replace(model, levels=levels)
    return msgspec.structs.replace(experiment, model=model)


def _override(settings: dict[str, Any], name: str, value: str) -> None:
    section, _, field = name.replace("-", "_").partition(".")
    if section not in Experiment.__struct_fields__ or not field:
        sections = ", ".join(f"--{s}.FIELD" for s in Experiment.__struct_fields__)
        raise UserError(f"--{name}: no such setting; settings are {sections}")
    if not isinstance(settings.setdefault(section, {}), dict):
        raise UserError(f"--{name}: the configuration has no section [{section}], but a value of that name")
    is_list = (section, field) == ("training", "milestones")
    items = [item.strip() for item in value.strip("[]").split(",") if item.strip()]
    settings[section][field] = items if is_list else value


def _explain(message: str, settings: Mapping[str, Any]) -> str:
    """msgspec's message in the terms of the file, with a suggestion for an unknown field."""
    text = re.sub(r" - at `\$\.?([^`]*)`", r" at `\1`", message).replace("Object", "section")
    unknown = re.search(r"unknown field `([^`]*)`(?: at `(\w+)`)?", text)
    if unknown:
        field, section = unknown.groups()
        known = _section(section, settings).__struct_fields__
        near = difflib.get_close_matches(field, known, n=1)
        where = f"[{section}] has" if section else "there is"
        hint = f"did you mean `{near[0]}`?" if near else "known: " + ", ".join(known)
        return f"{where} no field `{field}`; {hint}"
    value = re.search(r"at `(\w+)\.(\w+)", text)
    if value is None:
        return text
    section, field = value.groups()
    if not text.startswith("Invalid"):
        text = re.sub(r", got `\w+`", "", text) + f", got {settings[section].get(field)!r}"
    choices = _choices(section, field, settings)
    return f"{text}; use one of {', '.join(choices)}" if choices else text


_MODELS: dict[Any, Any] = {model.__struct_config__.tag: model for model in ModelConfig.__args__}


def _section(name: str | None, settings: Mapping[str, Any]) -> Any:
    """The type of a section; for a model of no known kind, of any."""
    if name == "model":
        return _MODELS.get(settings["model"].get("kind"), LSTMConfig)
    return get_type_hints(Experiment)[name] if name else Experiment


def _choices(section: str, field: str, settings: Mapping[str, Any]) -> list[str]:
    """The words that a field may hold, where it holds one of a few."""
    if field == "kind" and section != "optimizer":
        return list(_MODELS) if section == "model" else ["text"]
    hint = get_type_hints(_section(section, settings)).get(field)
    return list(get_args(hint)) if get_origin(hint) is Literal else []
