"""The settings of a run that trains in a second."""

from pathlib import Path

LSTM = str(Path(__file__).parents[1] / "configs" / "lstm_chapter.toml")
TINY = ["--model.width", "8", "--data.window", "8", "--training.batch-size", "8", "--training.steps", "5"]
