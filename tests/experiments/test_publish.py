import errno
import re
from pathlib import Path

import pytest

from rgnn_jax.errors import UserError, WorkFailed
from rgnn_jax.experiments.publish import published


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_the_target_appears_when_the_work_is_done(tmp_path):
    target = tmp_path / "new" / "page"
    with published(target) as work:
        (work / "a").write_text("one")
        assert not target.exists()
    assert (target / "a").read_text() == "one"
    assert names(target.parent) == ["page"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_fails_leaves_nothing_and_the_old_target_as_it_was(tmp_path, error):
    target = tmp_path / "page"
    with published(target) as work:
        (work / "a").write_text("one")
    with pytest.raises(error), published(target, overwrite=True) as work:
        (work / "a").write_text("two")
        raise error
    assert (target / "a").read_text() == "one"
    assert names(tmp_path) == ["page"]


def test_what_fails_leaves_no_new_folder_above_it(tmp_path):
    with pytest.raises(ValueError), published(tmp_path / "new" / "deep" / "page"):
        raise ValueError
    assert names(tmp_path) == []


def test_what_was_trained_survives_a_failure(tmp_path, capsys):
    target = tmp_path / "page"
    for _ in range(2):
        with pytest.raises(ValueError), published(target) as work:
            (work / "run" / "checkpoints" / "7").mkdir(parents=True)
            raise ValueError
        assert str(tmp_path / "page.unfinished") in capsys.readouterr().err
    kept = names(tmp_path)
    assert len(kept) == 2 and all(name.startswith("page.unfinished") for name in kept)
    assert all((tmp_path / name / "run" / "checkpoints" / "7").is_dir() for name in kept)


def test_an_existing_target_is_refused_before_any_work(tmp_path):
    (tmp_path / "page").mkdir()
    refused = pytest.raises(UserError, match=re.escape("--overwrite, or choose another --out"))
    with refused, published(tmp_path / "page"):
        pytest.fail("the work began")


def test_overwriting_replaces_all_of_it(tmp_path):
    for name in ("a", "b"):
        with published(tmp_path / "page", overwrite=True) as work:
            (work / name).touch()
    assert names(tmp_path / "page") == ["b"]
    assert names(tmp_path) == ["page"]


def test_finished_work_is_kept_when_another_was_published_meanwhile(tmp_path):
    target = tmp_path / "page"
    with pytest.raises(WorkFailed, match="the results are in"), published(target) as work:
        (work / "mine").touch()
        target.mkdir()
        (target / "theirs").touch()
    assert names(work) == ["mine"]
    assert names(target) == ["theirs"]


def test_a_place_that_cannot_be_written_is_the_users_mistake(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="choose another --out"), published(tmp_path / "file" / "page"):
        pytest.fail("the work began")


def test_what_was_replaced_comes_back_when_the_new_cannot_take_its_place(tmp_path, monkeypatch):
    target, rename = tmp_path / "page", Path.rename
    target.mkdir()
    (target / "old").touch()

    def fails_for_new_work(path, other):
        if path.suffix != ".replaced" and other == target:
            raise OSError(errno.EIO, "broken")
        return rename(path, other)

    monkeypatch.setattr(Path, "rename", fails_for_new_work)
    with pytest.raises(WorkFailed, match="the results are in"), published(target, overwrite=True) as work:
        (work / "new").touch()
    assert names(target) == ["old"] and names(work) == ["new"]
