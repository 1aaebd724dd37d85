"""One training sample: a head, a C-arm, a true pose, a wrong one, and the two vein images the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import rigid
from DeepIterRegLib.initializer.correction import correction_between
from DeepIterRegLib.initializer.window import PIXEL_MM, SIZE_PX, UNSEEN, Image, softened, window_of
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.research.simulate.x_ray.positioning import ISOCENTRE_Z_MM, OPERATOR_SD_MM, SIDE_ROOM_MM
from DeepIterRegLib.research.train.cta_veins import cta_veins
from DeepIterRegLib.research.train.dsa_veins import opacified_vessels
from DeepIterRegLib.research.train.mask_defects import mask_with_defects
from DeepIterRegLib.research.train.offsets import OffsetLaw, View, draw_offset
from DeepIterRegLib.research.train.vein_anatomy import TrainingAnatomy

LOSS_POINTS = 1024
"""Of the CTA's veins, for the overlap in the loss."""
FINER = 3
"""The fixed mask is drawn with pixels this much smaller than the network's, and averaged."""
FRONTAL_SHARE, OBLIQUE_SHARE = 0.25, 0.15
LATERAL_SD_DEG, FRONTAL_SD_DEG, OBLIQUE_SD_DEG = 4.0, 7.0, 15.0
FRONTAL_CRANIAL_DEG = 12.0
"""Frontal runs are tilted to bring the petrous bones onto the orbits."""
HEAD_SD_DEG = (5.0, 3.0, 4.0)
CENTRE_Z_MM = (-25.0, 16.0)
"""Mean and spread of the height of a CTA's centre: what a scan covers below the head differs between hospitals."""
CENTRE_Y_SD_MM = 14.0
STRETCH_SD = 0.03


@dataclass(frozen=True)
class SampleOptions:
    """What kind of samples."""

    offsets: OffsetLaw = "measured"
    cta_defects: float = 1.0
    """Amount, 0 to 1, of what goes wrong in the segmentation of a CTA."""
    dsa_defects: float = 1.0


@dataclass(frozen=True, eq=False)
class Sample:
    """What the network sees, what it should say, and what the loss needs."""

    moving: Image
    """(SIZE_PX, SIZE_PX) the CTA's veins at the wrong pose."""
    fixed: Image
    """(SIZE_PX, SIZE_PX) the DSA's veins: share of the pixel, or `UNSEEN`."""
    correction: npt.NDArray[np.float32]
    """(6,) from the wrong pose to the true one (`initializer.correction`)."""
    points_mm: npt.NDArray[np.float32]
    """(LOSS_POINTS, 3) evenly drawn from the CTA's veins, window frame at the wrong pose."""
    volume_mm3: float
    """That each of these points stands for."""
    source_mm: npt.NDArray[np.float32]
    """(3,) the X-ray source, window frame."""


def draw_sample(anatomy: TrainingAnatomy, rng: np.random.Generator, options: SampleOptions = SampleOptions()) -> Sample:
    """A sample of one anatomy; equal random numbers give equal samples."""
    sid_mm, sdd_mm = float(rng.uniform(690, 830)), float(rng.uniform(950, 1300))
    alpha_deg, beta_deg = _angles(rng)
    half_field_mm = float(rng.triangular(0.24, 0.32, 0.41)) * 512 * sid_mm / sdd_mm
    nominal = CArm.from_angles(alpha_deg, beta_deg, sid_mm + 1.0, sid_mm, 1.0, 8, 8)
    axes = np.stack([nominal.column_direction, nominal.row_direction, nominal.normal])

    # The head lies near the isocentre, as an operator puts it; the CTA's centre wherever the scanner's field had it.
    turned = Rotation.from_euler("xyz", np.radians(rng.normal(0, HEAD_SD_DEG))).as_matrix()
    middle_mm = np.array([0.0, 0.0, -ISOCENTRE_Z_MM]) + rng.normal(0, OPERATOR_SD_MM)
    centre_mm = _centre_mm(rng) if anatomy.scan is None else anatomy.scan.centre_mm
    truth = rigid(turned, middle_mm)
    centre_true_mm = turned @ centre_mm + middle_mm
    view = View(axes, axes @ (nominal.source_mm - centre_true_mm), sdd_mm)
    rotation, shift = draw_offset(options.offsets, view, rng)
    in_carm = axes.T @ rotation @ axes
    wrong = rigid(in_carm, centre_true_mm + axes.T @ shift - in_carm @ centre_true_mm) @ truth

    window = window_of(wrong, centre_mm, nominal)
    # An anatomy takes a hundred times longer to grow than to draw: stretched and mirrored it serves as many more.
    # A scanned one is as its source made it.
    stretch = random_stretch(rng) if anatomy.scan is None else np.ones(3)
    veins, volumes = cta_veins(anatomy, rng, options.cta_defects)
    points: FloatArray = veins * stretch
    moving = softened(_path_mm(points, volumes, window, wrong))
    fine = window_of(wrong, centre_mm, nominal, FINER)
    visible, visible_volumes = opacified_vessels(anatomy, rng, options.dsa_defects)
    path_mm = _path_mm(visible * stretch, visible_volumes, fine, truth)
    mask, seen = mask_with_defects(
        path_mm, _detector_in(fine, nominal, half_field_mm, rng), PIXEL_MM / FINER, rng, options.dsa_defects
    )
    wrong_centre = wrong[:3, :3] @ centre_mm + wrong[:3, 3]
    chosen = rng.choice(len(points), LOSS_POINTS, p=volumes / volumes.sum())
    return Sample(
        moving=moving,
        fixed=_averaged(mask, seen),
        correction=correction_between(wrong, truth, centre_mm, nominal).astype(np.float32),
        points_mm=((points[chosen] @ wrong[:3, :3].T + wrong[:3, 3] - wrong_centre) @ axes.T).astype(np.float32),
        volume_mm3=float(volumes.sum() / LOSS_POINTS),
        source_mm=(axes @ (nominal.source_mm - wrong_centre)).astype(np.float32),
    )


def random_stretch(rng: np.random.Generator) -> FloatArray:
    """(3,) factors along R, A, S that make another head of one; every second time they mirror it."""
    return rng.normal(1, STRETCH_SD, 3) * [rng.choice([-1.0, 1.0]), 1, 1]


def _centre_mm(rng: np.random.Generator) -> FloatArray:
    """(3,) where a CTA of a generated head has its centre, head's frame."""
    return np.array([rng.uniform(-SIDE_ROOM_MM, SIDE_ROOM_MM), rng.normal(0, CENTRE_Y_SD_MM), rng.normal(*CENTRE_Z_MM)])


def _angles(rng: np.random.Generator) -> tuple[float, float]:
    """Primary and secondary angle, degrees."""
    frontal, left, oblique = rng.random() < FRONTAL_SHARE, rng.random() < 0.5, rng.random() < OBLIQUE_SHARE
    sd_deg = OBLIQUE_SD_DEG if oblique else FRONTAL_SD_DEG if frontal else LATERAL_SD_DEG
    alpha, beta = rng.normal(0, sd_deg, 2)
    if frontal:
        return float(alpha), float(beta) + FRONTAL_CRANIAL_DEG
    return float(alpha) + (90.0 if left else -90.0), float(beta)


def _path_mm(points: FloatArray, volumes: FloatArray, window: CArm, pose: FloatArray) -> Image:
    cloud = VesselCloud(
        np.asarray(points, np.float32), np.asarray(volumes, np.float32), np.ones(len(points), bool), PIXEL_MM,
        np.zeros(3),
    )  # fmt: skip
    return splat_renderer(cloud, window, resample=False).render(pose[None])[0]


def _detector_in(window: CArm, carm: CArm, half_field_mm: float, rng: np.random.Generator) -> BoolArray:
    """Where the detector's square lies in the window; its middle is where the central ray goes, or a little beside."""
    scale = window.sdd_mm / carm.sid_mm
    first = window.detector_origin_mm - window.source_mm
    steps = np.arange(window.rows) * window.pixel_spacing_mm[0]
    beside = rng.normal(0, 3.0, 2)
    columns = np.abs(first @ window.column_direction + steps - beside[0]) <= half_field_mm * scale
    rows = np.abs(first @ window.row_direction + steps - beside[1]) <= half_field_mm * scale
    return np.outer(rows, columns)


def _averaged(mask: BoolArray, seen: BoolArray) -> Image:
    shape = (SIZE_PX, FINER, SIZE_PX, FINER)
    covered, known = ((image.reshape(shape)).mean(axis=(1, 3)) for image in (mask & seen, seen))
    return np.where(known < 0.5, UNSEEN, covered / np.maximum(known, 0.5)).astype(np.float32)
