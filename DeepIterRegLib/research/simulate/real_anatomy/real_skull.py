"""A real head CT in a simulated patient: what `--skull` gives instead of the generated head."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.paths import existing_path
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.research.simulate.head.craniotomy import Craniotomy
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_tissue import parallel
from DeepIterRegLib.research.simulate.head.inner_table import find_inner_table, fit_table
from DeepIterRegLib.research.simulate.head.lattice import Lattice
from DeepIterRegLib.research.simulate.head.posture import Posture
from DeepIterRegLib.research.simulate.real_anatomy.real_shape import real_shape

OPTION = "--skull"
RIGHT = f"give a CT of a whole adult head without contrast (NRRD, NIfTI or a DICOM folder) with {OPTION} PATH"
AIR_HU = -1000.0
EMPTY_HU = -850.0
"""Below it there is nothing but air, noise of the air, and foam."""
STEP_HU = 16.0
"""Steps of the values of the Visible Human's CT: dithered, so that smoothing takes them away."""
SOFT_HU = (-200.0, 200.0)
SMOOTH_MM = 0.8
TEXTURE_HU, TEXTURE_MM = 2.5, 1.6
"""Of soft tissue after smoothing: what fixed brain in coarse steps has lost."""
REACH_MM = (115.0, 145.0, 400.0)
"""How far a head reaches sideways, forwards and backwards, up and down; arms and table lie farther out."""
ODD_FIT_MM = 6.0
BENT_LATTICE_MM = 3.0
"""A posture is computed at nodes so far apart."""


@dataclass(frozen=True, eq=False)
class RealHead:
    """A head CT and where the template's anatomy lies in it; implements `anatomy.Head`."""

    shape: HeadShape
    voxels: npt.NDArray[np.float32]
    """(K, J, I) HU without contrast."""
    head_to_ijk: FloatArray
    """(4, 4) head frame (RAS, mm) to voxel indices (i, j, k)."""
    table_error_mm: tuple[float, float]
    """Median and 95th percentile of the distance between the shape's inner table and the real one."""
    posture: Posture = field(default_factory=Posture)

    def posed(self, posture: Posture, craniotomy: Craniotomy | None = None) -> RealHead:
        """The same head, held differently. A CT knows no bones by name: the jaw's border stretches, no flap is cut."""
        return replace(self, posture=posture)

    def hu(
        self, ijk_to_head: FloatArray, size_kji: tuple[int, int, int], rng: np.random.Generator
    ) -> npt.NDArray[np.float32]:
        """(K, J, I) HU on another grid, trilinear; sideways of the CT is air, below it the lowest slice goes on.

        Nothing is drawn: `rng` is there for heads that are.
        """
        import SimpleITK as sitk

        matrix = self.head_to_ijk @ ijk_to_head
        if self.posture != Posture():
            return self._bent(ijk_to_head, size_kji)
        transform = sitk.AffineTransform(matrix[:3, :3].ravel().tolist(), matrix[:3, 3].tolist())
        k, j, i = size_kji
        image = sitk.GetImageFromArray(self.voxels)
        out = sitk.Resample(
            image, (i, j, k), transform, sitk.sitkLinear, (0.0,) * 3, (1.0,) * 3, np.eye(3).ravel().tolist(), AIR_HU,
            sitk.sitkFloat32,
        )  # fmt: skip
        return np.asarray(sitk.GetArrayFromImage(out), dtype=np.float32)

    def _bent(self, ijk_to_head: FloatArray, size_kji: tuple[int, int, int]) -> npt.NDArray[np.float32]:
        """As `hu`, each voxel looked up where its tissue lies in the CT's posture."""
        lattice = Lattice.about(BENT_LATTICE_MM, size_kji, ijk_to_head)
        at_rest = self.posture.tissue_at_rest(lattice.points_mm(ijk_to_head))
        places = (at_rest @ self.head_to_ijk[:3, :3].T + self.head_to_ijk[:3, 3]).astype(np.float32)
        hu = np.empty(size_kji, dtype=np.float32)

        def one_slab(first: int) -> None:
            box = (
                slice(first, min(first + lattice.steps[0], size_kji[0])),
                slice(0, size_kji[1]),
                slice(0, size_kji[2]),
            )
            at = [lattice.finer(np.ascontiguousarray(places[..., axis]), box) for axis in (2, 1, 0)]
            hu[box] = ndimage.map_coordinates(self.voxels, at, order=1, cval=AIR_HU)

        parallel(one_slab, range(0, size_kji[0], lattice.steps[0]))
        return hu


def read_skull(path: str | os.PathLike[str], rng: np.random.Generator) -> RealHead:
    """The head of a CT without contrast (NRRD, NIfTI, DICOM folder). rng: draws the texture of soft tissue.

    Raises InputError for what is no CT of a head with a closed cranial cavity.
    """
    found = existing_path(path, Field.SKULL)
    volume = _read(found)
    hu: npt.NDArray[np.float32] = volume.voxels.astype(np.float32)
    table = find_inner_table(hu, volume.ijk_to_ras)
    fit = None if table is None else fit_table(table)
    if table is None or fit is None:
        raise InputError(f"{found.name} shows no closed cranial cavity; {RIGHT}.")
    distance = np.abs(fit.distance_mm[fit.used])
    if np.median(distance) > ODD_FIT_MM:
        raise InputError(
            f"The skull in {found.name} does not have the shape of an adult's head ({np.median(distance):.0f} mm off);"
            f" {RIGHT}."
        )
    shape = real_shape(table, fit)
    head = (table.points_mm[fit.used] - fit.head_to_scan[:3, 3]) @ fit.head_to_scan[:3, :3]
    left = np.abs(_table_distance(shape, head))
    error = float(np.median(left)), float(np.percentile(left, 95))
    head_to_ijk: FloatArray = np.linalg.inv(volume.ijk_to_ras) @ fit.head_to_scan
    hu, head_to_ijk = _cropped(hu, head_to_ijk)
    voxels, head_to_ijk = _with_more_neck(_textured(hu, volume.spacing_mm, rng), head_to_ijk)
    return RealHead(shape, voxels, head_to_ijk, error)


def _read(path: Path) -> Volume:
    try:
        return read_volume(path, "cta")
    except InputError as error:
        # The reader's advice is for a CTA to be registered; what it found wrong holds here too.
        wrong = str(error).split(";")[0].replace(", given for the CTA,", "")
        raise InputError(f"{wrong}; {RIGHT}.") from error


def _table_distance(shape: HeadShape, points: FloatArray) -> FloatArray:
    """(N,) mm along the ray between points of the head and the shape's inner table."""
    from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE

    on_table = shape.from_template(TEMPLATE.on_table(shape.to_template(points), 0.0))
    return np.linalg.norm(on_table - points, axis=1)


def _cropped(hu: npt.NDArray[np.float32], head_to_ijk: FloatArray) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """What lies within `REACH_MM` of the head's middle, and the matrix that goes with it."""
    corners = np.array(np.meshgrid(*[[-reach, reach] for reach in REACH_MM])).reshape(3, -1).T
    ijk = corners @ head_to_ijk[:3, :3].T + head_to_ijk[:3, 3]
    first = np.clip(np.floor(ijk.min(axis=0)), 0, None).astype(int)
    last = np.ceil(ijk.max(axis=0)).astype(int) + 1
    moved = head_to_ijk.copy()
    moved[:3, 3] -= first
    return hu[first[2] : last[2], first[1] : last[1], first[0] : last[0]], moved


def _textured(hu: npt.NDArray[np.float32], spacing_mm: FloatArray, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Air without noise and headrest; soft tissue without steps and with some grain; bone as it is."""
    sigma = (SMOOTH_MM / spacing_mm)[::-1]
    soft = (hu > SOFT_HU[0]) & (hu < SOFT_HU[1])
    dithered = hu + STEP_HU * (rng.random(hu.shape, dtype=np.float32) - np.float32(0.5))
    weight = ndimage.gaussian_filter(soft.astype(np.float32), sigma)
    smooth = ndimage.gaussian_filter(np.where(soft, dithered, 0), sigma) / np.maximum(weight, 1e-3)
    grain = ndimage.gaussian_filter(rng.standard_normal(hu.shape, dtype=np.float32), (TEXTURE_MM / spacing_mm)[::-1])
    smooth += grain * np.float32(TEXTURE_HU / max(float(grain.std()), 1e-6))
    return np.where(soft, smooth, np.where(hu < EMPTY_HU, np.float32(AIR_HU), hu)).astype(np.float32)


MORE_NECK_MM = 60.0
"""A simulated scan may begin lower than the CT; what lies below is the lowest slice again."""


def _with_more_neck(
    voxels: npt.NDArray[np.float32], head_to_ijk: FloatArray
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """The volume with its lowest slice repeated, and the matrix that goes with it."""
    axis = int(np.argmax(np.abs(head_to_ijk[:3, 2])))
    rises = head_to_ijk[axis, 2] > 0
    count = round(MORE_NECK_MM * abs(head_to_ijk[axis, 2]))
    pad = [(0, 0)] * 3
    pad[2 - axis] = (count, 0) if rises else (0, count)
    moved = head_to_ijk.copy()
    if rises:
        moved[axis, 3] += count
    return np.pad(voxels, pad, mode="edge"), moved
