"""Headers that are no text are refused before ITK sees them: it would end the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.itk_files import read_image

VOXELS = np.arange(30 * 40 * 50, dtype=np.int16).reshape(30, 40, 50)


def written(path: Path) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path))
    return path


def refuse(path: Path) -> None:
    with pytest.raises(InputError, match=r"is truncated or damaged"):
        read_image(path, Field.CTA)


@pytest.mark.parametrize("dimensions", [b"99999999999999999999", b"-1", b"0", b"", b"3.5"])
def test_a_metaimage_without_a_sound_number_of_dimensions_is_refused(tmp_path: Path, dimensions: bytes) -> None:
    content = written(tmp_path / "a.mha").read_bytes()
    assert b"NDims = 3\n" in content
    (tmp_path / "a.mha").write_bytes(content.replace(b"NDims = 3\n", b"NDims = " + dimensions + b"\n"))
    refuse(tmp_path / "a.mha")


def test_an_nrrd_header_that_does_not_end_or_holds_voxels_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "a.nrrd").read_bytes()
    end = content.index(b"\n\n")
    for damaged in (
        content[: end - 40] + content[end + 2 :],
        content[:end],
        content[: end - 9] + b"\x01" + content[end:],
    ):
        (tmp_path / "a.nrrd").write_bytes(damaged)
        refuse(tmp_path / "a.nrrd")


@pytest.mark.parametrize("line", [b"# Bergstr\xf6m", b"content: K\xc3\xb6pfe", b"key:=\xb5m", b"# \xe9\ttab"])
@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
def test_people_s_text_in_an_nrrd_header_may_be_of_any_encoding(tmp_path: Path, name: str, line: bytes) -> None:
    content = written(tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content.replace(b"type:", line + b"\ntype:", 1))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(tmp_path / name, Field.CTA)), VOXELS)


def test_an_nrrd_header_with_windows_line_ends_is_read(tmp_path: Path) -> None:
    header, voxels = written(tmp_path / "a.nrrd").read_bytes().split(b"\n\n", 1)
    (tmp_path / "a.nrrd").write_bytes(header.replace(b"\n", b"\r\n") + b"\r\n\r\n" + voxels)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read_image(tmp_path / "a.nrrd", Field.CTA)), VOXELS)
