"""How one person's head differs from the template in which the anatomy is written down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM = 66.0, 82.0
TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM = 63.0, 75.0
"""Half axes of the template's inner table: an ellipsoid about the middle of the brain, flatter above than below."""


@dataclass(frozen=True)
class HeadShape:
    """A smooth map from a person's head (RAS, mm about the middle of the brain) to the template.

    The template is `skull.Skull` with the half axes above: anatomy is placed there and brought into the person with
    `from_template`, tissue is looked up there with `to_template`.
    """

    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Person over template along R, A, S."""
    wider_right: float = 0.0
    """Relative excess of the right half's width."""
    skew: float = 0.0
    """Plagiocephaly: how far the right half lies in front of the left, mm per mm of distance between them."""
    petalia: float = 0.0
    """Yakovlevian torque: relative excess of the right frontal and left occipital length, at the skull's side."""
    tilt: float = 0.0
    """How much higher the right half is, mm per mm."""
    vault_thickness_mm: float = 6.5

    @classmethod
    def random(cls, rng: np.random.Generator) -> HeadShape:
        """An adult's head.

        Spread of length and width about 3.5 % and of height about 3 % within one sex, a few percent between the sexes
        (anthropometric surveys of adults, e.g. Howells 1973, "Cranial Variation in Man": SD 5 to 6 mm of 180, 5 mm of
        140); half of it is a common size.
        Thickness of the vault 6.5 mm, SD 1 (Lynnerup 2001, Forensic Science International 117:45).
        """
        size = float(np.clip(rng.normal(1.0, 0.03), 0.92, 1.08))
        axes = size * np.clip(rng.normal(1.0, [0.025, 0.025, 0.025]), 0.94, 1.06)
        return cls(
            (float(axes[0]), float(axes[1]), float(axes[2])),
            wider_right=float(rng.normal(0, 0.012)),
            skew=float(rng.normal(0, 0.02)),
            petalia=float(abs(rng.normal(0, 0.02))),
            tilt=float(rng.normal(0, 0.008)),
            vault_thickness_mm=float(np.clip(rng.normal(6.5, 1.0), 4.5, 9.0)),
        )

    def to_template(self, points_mm: FloatArray) -> FloatArray:
        """(..., 3) points of the person's head -> (..., 3) points of the template; keeps the float type."""
        points = np.asarray(points_mm)
        x, y, z = (points[..., axis] / points.dtype.type(self.scale[axis]) for axis in range(3))
        sideways = x / TEMPLATE_HALF_WIDTH_MM
        return np.stack(
            [
                x * (1 - self.wider_right * np.tanh(x / 20)),
                y - self.skew * x - self.petalia * y * sideways,
                z - self.tilt * x,
            ],
            axis=-1,
        ).astype(points.dtype, copy=False)

    def from_template(self, points_mm: FloatArray) -> FloatArray:
        """(..., 3) points of the template -> (..., 3) points of the person's head, the inverse of `to_template`."""
        target = np.asarray(points_mm, dtype=np.float64)
        scale = np.array(self.scale)
        guess = target * scale
        # The map differs from its scaling by a few percent: each round gains more than a digit.
        for _ in range(12):
            guess = guess + (target - self.to_template(guess)) * scale
        return guess
