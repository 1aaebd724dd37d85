"""Files whose header announces what they cannot hold are refused before the memory is reserved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.header_checks import announced_size
from DeepIterRegLib.images.itk_files import read_image

VOXELS = np.zeros((30, 40, 50), np.int16)


def written(path: Path, packed: bool = False) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path), useCompression=packed)
    return path


def refuse(path: Path) -> None:
    with pytest.raises(InputError, match=r"is truncated or damaged"):
        read_image(path, Field.CTA)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.nhdr", "a.mhd", "a.nii.gz"])
def test_whole_files_are_read_however_well_they_pack(
    tmp_path: Path, name: str, packed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announced_size, "SMALL_BYTES", 0)
    assert read_image(written(tmp_path / name, packed), Field.CTA).GetSize() == (50, 40, 30)


@pytest.mark.parametrize(("name", "before"), [("a.nrrd", b"sizes: 50"), ("a.mha", b"DimSize = 50")])
def test_a_size_that_no_file_can_hold_is_refused(tmp_path: Path, name: str, before: bytes) -> None:
    content = written(tmp_path / name).read_bytes()
    assert before in content
    (tmp_path / name).write_bytes(content.replace(before, before + b"000000"))
    refuse(tmp_path / name)


def test_an_image_without_voxels_is_refused(tmp_path: Path) -> None:
    content = written(tmp_path / "a.mha").read_bytes()
    (tmp_path / "a.mha").write_bytes(content.replace(b"DimSize = 50", b"DimSize = 0"))
    refuse(tmp_path / "a.mha")
