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
STRIPS = str(CONFIGS / "arithmetic_image_to_text.toml")
JUDGE = str(CONFIGS / "classifier_handwriting.toml")
PAINT = str(CONFIGS / "arithmetic_text_to_image.toml")
SUMS = str(CONFIGS / "arithmetic_transformer.toml")
"""A small Transformer encoder-decoder on numbers of one digit."""
TINY_SUMS = [
    "--model.width", "8", "--model.heads", "2", "--model.encoder-layers", "1", "--data.digits", "1",
    "--data.train-fraction", "0.8", "--data.test-fraction", "0.1", "--data.validation-fraction", "0.1",
    "--data.split", "leaking", "--data.answer-order", "forward", "--training.batch-size", "8",
    "--training.steps", "5", "--optimizer.warmup-steps", "0",
]  # fmt: skip
"""The same on pictures of 8x8; `data.path` is left to the test."""
TINY_PAINT = [
    *TINY_SUMS, "--data.size", "8", "--model.picture-width", "4", "--model.picture-features", "8",
    "--model.painter-width", "8", "--model.style-dim", "3", "--optimizer.kind", "adamw",
]  # fmt: skip
TINY_STRIPS = [
    *TINY_SUMS, "--data.size", "8", "--model.picture-width", "4", "--model.picture-features", "8",
    "--training.micro-batches", "8", "--data.picture-validation-fraction", "0.1",
]  # fmt: skip
