"""Only what lies in the upload folder is a file that was uploaded."""

from pathlib import Path

import pytest

from core.errors import BadRequest
from core.uploads import uploaded


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "uploads"
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"s")
    (folder / "link").symlink_to(tmp_path / "secret")
    return folder


def test_a_file_in_the_folder_is_taken_in_every_shape(folder: Path):
    path = folder / "a.wav"
    assert uploaded(str(path), folder) == uploaded({"path": str(path)}, folder) == uploaded(path, folder) == path


@pytest.mark.parametrize("named", ["../secret", "link", ".", "missing", "a.wav/../../secret", "/etc/passwd", "\udf3b"])
def test_everything_else_is_refused(folder: Path, named: str):
    with pytest.raises(BadRequest, match="not uploaded"):
        uploaded(str(folder / named), folder)


@pytest.mark.parametrize("value", [None, "", {}, {"path": None}, {"path": 5}, 5, [], "a\0b"])
def test_what_names_no_file_is_refused(folder: Path, value: object):
    with pytest.raises(BadRequest, match="Choose a file"):
        uploaded(value, folder)
