import hashlib
import time

import pytest

from rgnn_jax.cli import main
from rgnn_jax.datasets import image_download
from rgnn_jax.datasets.download import Source
from rgnn_jax.datasets.image_download import prepare_pictures
from rgnn_jax.errors import UserError


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A set of one file, published on this disk."""
    content = b"pictures" * 300_000
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "all.tgz").write_bytes(content)
    url = (tmp_path / "web" / "all.tgz").as_uri()
    source = Source(url, hashlib.sha256(content).hexdigest(), "all.tgz")
    monkeypatch.setattr(image_download, "DOWNLOADS", {"photos": (source,)})
    return tmp_path / "web" / "all.tgz"


def test_a_set_is_fetched_once_and_checked(published, tmp_path):
    folder = prepare_pictures("photos", tmp_path / "data")
    assert [path.name for path in folder.iterdir()] == ["all.tgz"]
    assert (folder / "all.tgz").read_bytes() == published.read_bytes()
    published.unlink()
    assert prepare_pictures("photos", tmp_path / "data") == folder
    (folder / "all.tgz").write_bytes(b"damaged")
    with pytest.raises(UserError, match="not the expected"):
        prepare_pictures("photos", tmp_path / "data")


def test_the_names_of_classes_come_along(published, tmp_path, monkeypatch):
    monkeypatch.setattr(image_download, "_CLASS_NAMES", {"photos": ("hat", "ankle boot")})
    folder = prepare_pictures("photos", tmp_path / "data")
    assert (folder / "labels.txt").read_text() == "hat\nankle boot\n"


def test_nothing_is_kept_of_a_wrong_answer(published, tmp_path):
    published.write_bytes(b"something else")
    with pytest.raises(UserError, match="not the expected"):
        prepare_pictures("photos", tmp_path / "data")
    assert list((tmp_path / "data" / "photos").iterdir()) == []


def test_no_network_is_one_line_at_once(tmp_path, capsys, monkeypatch):
    source = Source("http://127.0.0.1:9/all.tgz", "0" * 64, "all.tgz")
    monkeypatch.setattr(image_download, "DOWNLOADS", {"photos": (source,)})
    began = time.monotonic()
    assert main(["data", "prepare", "photos", "--out", str(tmp_path)]) == 2
    assert time.monotonic() - began < 10
    message = capsys.readouterr().err
    assert "photos: there is no network" in message and "127.0.0.1:9/all.tgz" in message
    assert message.count("\n") == 1 and list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(image_download, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/all.tgz"
        monkeypatch.setattr(image_download, "DOWNLOADS", {"photos": (Source(url, "0" * 64, "all.tgz"),)})
        with pytest.raises(UserError, match="no network"):
            prepare_pictures("photos", tmp_path)


def test_names_that_nobody_knows_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["data", "prepare", "no_such_set"]) == 2
    assert "neither a file nor a set" in capsys.readouterr().err


def test_the_list_names_the_pictures(capsys):
    assert main(["data", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("chapter", "faces", "digits", *image_download.DOWNLOADS))
