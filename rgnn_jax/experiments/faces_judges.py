"""Who reads the turned faces: networks and regressions that never met the models that they judge."""

import dataclasses
import zipfile
from pathlib import Path
from typing import Protocol, runtime_checkable

import jax.numpy as jnp
import msgspec
import numpy as np
from jaxtyping import Float, UInt8

from rgnn_jax.datasets.image_batches import blur_images, to_float
from rgnn_jax.datasets.image_files import is_picture_name, picture_paths
from rgnn_jax.datasets.images import ImageData, find_files, load_images
from rgnn_jax.datasets.pictures import Images
from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.identity import IdentityReader, fit_identity_reader, pairs
from rgnn_jax.evaluate.pose import read_factors, rises, score_readings, score_turn
from rgnn_jax.evaluate.yaw import YawReader, fit_yaw_reader, read_poses
from rgnn_jax.experiments.faces_results import How, Judge, Turn
from rgnn_jax.experiments.workshop import FinishedRun

SLACK = 3.0
"""Degrees by which a turn read off photographs may fall between two pictures: the reader's own noise."""

_AT_ONCE = 256

Strips = UInt8[np.ndarray, "k s h w c"]


@runtime_checkable
class Reads(Protocol):
    """What can say how faces turned."""

    @property
    def judge(self) -> Judge | None:
        """How well it reads what is known."""

    def score(
        self,
        how: How,
        asked: Float[np.ndarray, " s"],
        strips: Strips,
        originals: UInt8[np.ndarray, "k h w c"],
    ) -> Turn:
        """Reads strips of pictures, one a face, that should turn from the picture's left to its right."""


@dataclasses.dataclass(frozen=True)
class Unread:
    """Nobody can judge: the data know nothing of their faces' turn."""

    judge: None = None

    def score(
        self,
        how: How,
        asked: Float[np.ndarray, " s"],
        strips: Strips,
        originals: UInt8[np.ndarray, "k h w c"],
    ) -> Turn:
        """Only what was asked."""
        return Turn(how=how, asked=asked.tolist())


@dataclasses.dataclass(frozen=True)
class FactorJudge:
    """A network that reads every factor off a rendered face."""

    run: FinishedRun
    judge: Judge

    @classmethod
    def of(cls, run: FinishedRun, data: Images, others: Images) -> "FactorJudge":
        """The trained reader, itself tested on the faces that the models are tested on.

        Args:
            run: the reader.
            data: the faces of the models that it will judge.
            others: those that it was trained on.
        """
        model, params = run.run.model, run.run.params
        factors = np.asarray(data.test.factors)
        scores = score_readings(model, params, data.test.images, factors)
        turn = data.spec.factors.index("turn")
        read = read_factors(model, params, data.test.images)[:, turn]
        soft = score_readings(model, params, _blurred(data.test.images), factors)
        judge = Judge(
            kind="a network that reads every factor off a rendered face",
            trained_on=len(others.train),
            tested_on=len(data.test),
            accuracy=_ending(scores, "_accuracy"),
            error=_ending(scores, "_error"),
            blurred=_ending(soft, "_accuracy") | _ending(soft, "_error"),
            correlation=float(np.corrcoef(read, factors[:, turn])[0, 1]),
        )
        return cls(run, judge)

    def score(
        self,
        how: How,
        asked: Float[np.ndarray, " s"],
        strips: Strips,
        originals: UInt8[np.ndarray, "k h w c"],
    ) -> Turn:
        """Turn and all other factors, against those read off the originals."""
        model, params = self.run.run.model, self.run.run.params
        k, s, *shape = strips.shape
        readings = read_factors(model, params, strips.reshape(k * s, *shape)).reshape(k, s, -1)
        reference = read_factors(model, params, originals)
        scored = score_turn(readings, asked, reference, model.factors)
        place = [factor.name for factor in model.factors].index("turn")
        return Turn(
            how=how,
            asked=asked.tolist(),
            read=readings[:, :, place].mean(axis=0).tolist(),
            monotone=scored.monotone,
            span=scored.span,
            error=scored.error if how == "factor" else None,
            unchanged=scored.unchanged,
            moved=scored.moved,
        )


@dataclasses.dataclass(frozen=True)
class PhotographJudge:
    """Linear maps of gradient orientations that read yaw and person off real, aligned faces."""

    yaw: YawReader
    identity: IdentityReader
    strangers: float
    judge: Judge

    @classmethod
    def of(cls, source: ImageData, data: Images, poses: Path) -> "PhotographJudge":
        """Fitted to people of whom no picture is in the test split, and tested on those of the split.

        Args:
            source: settings of the pictures, a folder or a zip archive in folders named after people.
            data: these pictures.
            poses: as `evaluate.yaw.read_poses` reads it.

        Raises:
            UserError: where poses and pictures do not belong together, or are too few.
        """
        images, people, yaw = _with_poses(source, poses)
        test = np.isin(people, np.unique(np.asarray(data.test.labels)))
        if test.all() or not test.any():
            raise UserError(f"{poses}: of people of the test split and of others pictures are needed")
        reader = fit_yaw_reader(images[~test], yaw[~test])
        identity = fit_identity_reader(images[~test], people[~test])
        shown = images[test]
        same, strangers = (
            identity.distance(shown[places[:, 0]], shown[places[:, 1]]) for places in pairs(people[test])
        )
        read = reader(shown)
        judge = Judge(
            kind="regressions on gradient orientations, from landmarks and names",
            trained_on=int((~test).sum()),
            tested_on=int(test.sum()),
            error={
                "yaw": float(np.abs(read - yaw[test]).mean()),
                "two photographs of one person": float(same.mean() / strangers.mean()),
            },
            recognition=_separated(same, strangers),
            correlation=float(np.corrcoef(read, yaw[test])[0, 1]),
        )
        return cls(reader, identity, float(strangers.mean()), judge)

    def score(
        self,
        how: How,
        asked: Float[np.ndarray, " s"],
        strips: Strips,
        originals: UInt8[np.ndarray, "k h w c"],
    ) -> Turn:
        """Turn, and how far the person is from that on the original, where strangers are 1 apart."""
        k, s, *shape = strips.shape
        flat = strips.reshape(k * s, *shape)
        angles = self.yaw(flat).reshape(k, s)
        distances = self.identity.distance(flat, np.repeat(originals, s, axis=0))
        return Turn(
            how=how,
            asked=asked.tolist(),
            read=angles.mean(axis=0).tolist(),
            monotone=float(rises(angles, slack=SLACK).mean()),
            span=float((angles[:, -1] - angles[:, 0]).mean()),
            identity=float(distances.mean()) / self.strangers,
        )


def _blurred(images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n h w c"]:
    """Pictures about as soft as a decoder's."""
    soft = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _AT_ONCE):
        rows = to_float(jnp.asarray(images[start : start + _AT_ONCE]))
        soft[start : start + _AT_ONCE] = np.rint(255 * np.asarray(blur_images(rows, jnp.ones(len(rows)))))
    return soft


def _ending(scores: dict[str, float], ending: str) -> dict[str, float]:
    return {name.removesuffix(ending): value for name, value in scores.items() if name.endswith(ending)}


def _separated(same: Float[np.ndarray, " p"], strangers: Float[np.ndarray, " q"]) -> float:
    """How often one person's pair is nearer than a pair of strangers (the area under the ROC curve)."""
    order = np.sort(strangers)
    return float(1 - np.searchsorted(order, same).mean() / len(order))


def _with_poses(source: ImageData, poses: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pictures of the set whose yaw is known, who is on them, and the yaw in degrees."""
    path = find_files(source)
    names, known = _picture_names(path), read_poses(poses)
    rows = np.array([row for row, name in enumerate(names) if name in known], int)
    if not len(rows):
        raise UserError(f"{poses}: names no picture of {path}, such as {next(iter(names), 'none')}")
    all_in_one = {"validation_fraction": 0.0, "test_fraction": 0.0, "split": "picture", "limit": 0}
    whole = load_images(msgspec.structs.replace(source, **all_in_one)).train
    if whole.labels is None or len(names) != len(whole):
        raise UserError(f"{poses}: poses need pictures in folders named after people, as in {path}")
    yaw = np.array([known[names[row]] for row in rows])
    return np.asarray(whole.images)[rows], np.asarray(whole.labels)[rows], yaw


def _picture_names(path: Path) -> list[str]:
    """`Person/Picture` of each picture, in the order in which a folder or a zip archive is read."""
    if path.is_dir():
        found = [picture.as_posix() for picture in picture_paths(path)]
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            found = [name for name in sorted(archive.namelist()) if is_picture_name(name)]
    else:
        raise UserError(f"{path}: poses are read beside a folder or a .zip of pictures")
    return ["/".join(name.split("/")[-2:]) for name in found]
