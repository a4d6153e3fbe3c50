"""The settings of a run that trains in a second."""

from pathlib import Path

CONFIGS = Path(__file__).parents[1] / "configs"
LSTM = str(CONFIGS / "lstm_chapter.toml")
TINY = ["--model.width", "8", "--data.window", "8", "--training.batch-size", "8", "--training.steps", "5"]
FACES = str(CONFIGS / "beta_vae_faces.toml")
"""A beta-VAE of dense layers on few, small, grey rendered faces."""
TINY_FACES = [
    "--model.z-dim", "3", "--data.count", "60", "--data.size", "16", "--data.channels", "1",
    "--training.steps", "4", "--training.batch-size", "8", "--training.epochs", "99",
    "--training.log-every", "2", "--training.evaluate-every", "4", "--training.save-every", "4",
    "--optimizer.warmup-steps", "0",
]  # fmt: skip
