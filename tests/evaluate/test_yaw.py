import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rgnn_jax.errors import UserError
from rgnn_jax.evaluate.yaw import fit_yaw_reader, gradient_histograms, held_out_people, read_poses

FACES = Path(__file__).parents[3] / "shared" / "data" / "faces"


def noses(yaw, rng):
    """A dark bar on a bright ground, the further to the right the greater the angle, in noise."""
    columns = np.arange(32)[None] - 15.5 - 0.2 * yaw[:, None]
    bar = 0.8 - 0.6 * np.exp(-((columns / 3) ** 2))
    pictures = np.broadcast_to(bar[:, None, :, None], (len(yaw), 32, 32, 3))
    return np.clip(pictures + 0.03 * rng.normal(size=pictures.shape), 0, 1)


def test_a_slope_votes_for_its_own_orientation_only():
    """Brightness that grows downwards has its gradient at 90 degrees: the middle of the fifth of nine."""
    ramp = np.tile(np.linspace(0, 1, 32)[None, :, None, None], (1, 1, 32, 1))
    blocks = gradient_histograms(ramp).reshape(3, 3, 4, 9)
    np.testing.assert_allclose(blocks[1, 1, :, 4], 0.5, atol=1e-3)
    assert np.abs(np.delete(blocks[1, 1], 4, axis=1)).max() < 1e-4
    sideways = gradient_histograms(ramp.swapaxes(1, 2)).reshape(3, 3, 4, 9)
    np.testing.assert_allclose(sideways[1, 1][:, [0, 8]], 0.5**1.5, atol=1e-3)


def test_histograms_do_not_depend_on_contrast_or_on_the_kind_of_number(rng):
    images = rng.integers(0, 256, (2, 32, 24, 3), np.uint8)
    features = gradient_histograms(images)
    assert features.shape == (2, 3 * 2 * 36)
    np.testing.assert_allclose(gradient_histograms(images / 255), features, atol=1e-5)
    np.testing.assert_allclose(gradient_histograms(images / 510 + 0.2), features, atol=1e-2)


def test_it_learns_the_angle_and_reads_the_opposite_off_the_mirror_image(rng):
    train, test = rng.uniform(-40, 40, 300), rng.uniform(-40, 40, 50)
    reader = fit_yaw_reader(noses(train, rng), train)
    pictures = noses(test, rng)
    assert np.corrcoef(reader(pictures), test)[0, 1] > 0.99
    np.testing.assert_allclose(reader(pictures[:, :, ::-1]), -reader(pictures), rtol=1e-9, atol=1e-9)


def test_a_great_penalty_reads_nothing(rng):
    yaw = rng.uniform(-40, 40, 50)
    assert np.abs(fit_yaw_reader(noses(yaw, rng), yaw, ridge=1e9)(noses(yaw, rng))).max() < 1e-3


def test_nobody_is_on_both_sides():
    names = [f"Person_{i % 20}/Person_{i % 20}_{i:04}.jpg" for i in range(100)]
    out = held_out_people(names, 0.25)
    people = np.array([name.split("/")[0] for name in names])
    assert len(set(people[out])) == 5
    assert not set(people[out]) & set(people[~out])


def test_poses_are_read_and_other_tables_refused(tmp_path):
    path = tmp_path / "pose.csv"
    path.write_text("name,other,yaw_deg_rough\nA/A_1.jpg,0,-12.5\n", encoding="utf-8")
    assert read_poses(path) == {"A/A_1.jpg": -12.5}
    path.write_text("name,yaw_deg_rough\nA/A_1.jpg,left\n", encoding="utf-8")
    with pytest.raises(UserError, match="not a table with the columns"):
        read_poses(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_poses(tmp_path / "none.csv")


@pytest.mark.skipif(not (FACES / "lfw_64x64.zip").exists(), reason="needs Labeled Faces in the Wild")
def test_it_reads_the_turn_of_real_people_it_never_saw():
    image = pytest.importorskip("PIL.Image")
    poses = read_poses(FACES / "lfw_pose.csv")
    names = sorted(poses)[::8]
    with zipfile.ZipFile(FACES / "lfw_64x64.zip") as archive:
        members = {"/".join(name.split("/")[-2:]): name for name in archive.namelist()}
        faces = [np.asarray(image.open(io.BytesIO(archive.read(members[name])))) for name in names]
    images, yaw = np.stack(faces), np.array([poses[name] for name in names])
    out = held_out_people(names, 0.25)
    reader = fit_yaw_reader(images[~out], yaw[~out])
    assert np.corrcoef(reader(images[out]), yaw[out])[0, 1] > 0.85
