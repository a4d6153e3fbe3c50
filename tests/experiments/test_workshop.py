import pytest

from rgnn_jax.errors import WorkFailed
from rgnn_jax.experiments import workshop
from rgnn_jax.experiments.workshop import Workshop


def test_runs_that_diverged_side_by_side_are_named(tmp_path, monkeypatch):
    rows = [{"run": "betas/a", "loss": 1.0}, {"run": "betas/b", "loss": None}]
    monkeypatch.setattr(workshop, "run_sweep", lambda *_, **__: rows)
    shop = Workshop(tmp_path, quiet=True)
    with pytest.raises(WorkFailed, match=r"^betas/b: the loss is not finite"):
        shop.train_together({"a": {"model.beta": "1"}, "b": {"model.beta": "2"}}, "betas", "beta_vae_faces")
