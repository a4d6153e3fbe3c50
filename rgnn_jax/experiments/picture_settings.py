"""How reproductions set their runs: lengths, data, and both in words."""

from collections.abc import Mapping

from rgnn_jax.config import Experiment
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.experiments.workshop import Settings
from rgnn_jax.optimizer import OptimizerConfig

TINY = {
    "training.steps": "12", "training.batch_size": "16", "training.log_every": "4",
    "training.evaluate_every": "6", "training.save_every": "12", "optimizer.warmup_steps": "2",
}  # fmt: skip
"""Of runs that show that everything works, and no more."""

_EMBEDDED: Mapping[str, Settings] = {
    # Their levels of grey are what is left of finer pixels; drawn black or white they would be noise.
    "digits": {"data.size": "28", "data.test_fraction": "0.2", "data.binarize": "false"},
}


def lengths(*, epochs: int, steps: int, max_seconds: int, evaluate_every: int) -> dict[str, str]:
    """How long a run trains, at most, and how often it is evaluated."""
    values = {"epochs": epochs, "steps": steps, "max_seconds": max_seconds, "evaluate_every": evaluate_every}
    values["log_every"] = max(1, min(50, steps // 20))
    return {f"training.{name}": str(value) for name, value in values.items()}


def shared_settings(path: str, data_dir: str, seed: int) -> tuple[tuple[str, str], ...]:
    """What all runs of one page have in common: data and seed."""
    settings = {"data.path": path, "data.data_dir": data_dir, "training.seed": str(seed)}
    return tuple({**settings, **_EMBEDDED.get(path, {})}.items())


def optimizer_in_words(config: OptimizerConfig) -> str:
    """What moves the parameters, at which rate."""
    if config.kind == "muon":
        return f"Muon, {config.muon_learning_rate:g}; Adam for the rest, {config.learning_rate:g}; falling"
    return f"Adam, {config.learning_rate:g}, falling"


def in_words(experiment: Experiment, data: Images) -> dict[str, str]:
    """The settings that a page names beside its title."""
    (model, source), training = experiment.of_pictures, experiment.training
    return {
        "Pictures": f"{source.path}, {data.spec.in_words}",
        "Pixels": "drawn black or white" if source.binarize else "grey, as probabilities",
        "Trained on": f"{len(data.train):,}",
        "Validation": f"{len(data.validation):,}",
        "Test": f"{len(data.test):,}",
        "Batch": f"{training.batch_size} pictures",
        "Optimiser": optimizer_in_words(experiment.optimizer),
        "Averaging": f"of weights, {training.ema_decay:g}",
        "Latent": f"{getattr(model, 'z_dim', 0)} dimensions",
    }
