"""Label maps of arteries: which collection's a file is, told by its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.itk_files import affine_ras, read_image
from DeepIterRegLib.research.simulate.real_anatomy import ixi_arteries, topbrain
from DeepIterRegLib.research.simulate.real_anatomy.brava import TracedTree
from DeepIterRegLib.research.simulate.real_anatomy.label_voxels import LabelVoxels


def read_label_map(path: Path, option: str = "--arteries") -> TracedTree:
    """The vessels of one subject, RAS, mm, x from the midline.

    Labels up to 5 are IXI's, up to 40 TopBrain's. Raises InputError for what is no such label map.
    """
    import SimpleITK as sitk

    image = read_image(path, Field.ARTERIES)
    right = f"give an artery label map of IXI or TopBrain with {option} PATH"
    labels = sitk.GetArrayFromImage(image)
    if labels.ndim != 3 or (labels.dtype.kind == "f" and not (labels == np.round(labels)).all()):
        raise InputError(f"{path.name} is no 3D map of whole numbers; {right}.")
    if not labels.any():
        raise InputError(f"{path.name} is an empty label map; {right}.")
    if not ixi_arteries.MOST_LABEL < labels.max() <= topbrain.MOST_LABEL:
        return ixi_arteries.trace_ixi(labels.astype(np.int64), affine_ras(image), path.name, option)
    # Its sides are told apart, and mirrored, along one axis of the grid.
    image = sitk.DICOMOrient(image, "LPS")
    voxels = LabelVoxels.of(sitk.GetArrayViewFromImage(image), affine_ras(image))
    return topbrain.trace_topbrain(voxels, path.name, option)
