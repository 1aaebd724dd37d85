"""Puts the disturbances of one patient into effect; without any of them everything is as it would be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.ct.ct_angiogram import CtScan, plain_head
from DeepIterRegLib.research.simulate.ct.ct_angiogram import scan as scan_ct
from DeepIterRegLib.research.simulate.ct.ct_plan import VERTEX_MM, CtPlan
from DeepIterRegLib.research.simulate.ct.ct_reformat import (
    BASE_CUT_MM,
    VERTEX_CUT_MM,
    cut,
    draw_thickness,
    noisy,
    slice_at,
    thickened,
)
from DeepIterRegLib.research.simulate.disturbances import Disturbance
from DeepIterRegLib.research.simulate.head.craniotomy import Craniotomy
from DeepIterRegLib.research.simulate.head.head_variety import HeadVariety
from DeepIterRegLib.research.simulate.head.posture import draw_postures
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.x_ray.beam_objects import BeamObject, headrest, leads, pins, table, tubes
from DeepIterRegLib.research.simulate.x_ray.field_of_view import narrowed
from DeepIterRegLib.research.simulate.x_ray.glare import Glare
from DeepIterRegLib.research.simulate.x_ray.implants import electrodes, shunt
from DeepIterRegLib.research.simulate.x_ray.own_grid import OwnGrid
from DeepIterRegLib.research.simulate.x_ray.positioning import Positioning
from DeepIterRegLib.research.simulate.x_ray.run_plan import RunPlan

FILLINGS = (6, 13)
"""More than the head's traits say."""
NEEDS_OWN_GRID: frozenset[Disturbance] = frozenset(("own_grid", "jaw", "neck", "craniotomy"))
"""What CTA and X-ray show differently cannot come from one volume."""


def draw_variety(seed: int, chosen: frozenset[Disturbance]) -> HeadVariety:
    """What the patient's head has beyond the average."""
    variety = HeadVariety.random(stream(seed, "hard skull")) if "rough_skull" in chosen else HeadVariety()
    if "metal" in chosen:
        variety = replace(variety, fillings=int(stream(seed, "hard metal").integers(*FILLINGS)))
    return variety


@dataclass(frozen=True, eq=False)
class HardPatient:
    """One patient's disturbances."""

    seed: int
    chosen: frozenset[Disturbance]
    in_ct: Anatomy
    in_runs: Anatomy
    """The same anatomy held differently, the same in all runs."""
    positioning: Positioning
    objects: tuple[BeamObject, ...] = ()
    glare: Glare | None = None
    told: dict[str, Any] = field(default_factory=dict)
    """For truth.json."""

    @classmethod
    def of(cls, seed: int, chosen: frozenset[Disturbance], anatomy: Anatomy, positioning: Positioning) -> HardPatient:
        ct_posture, run_posture = draw_postures(
            "jaw" in chosen, "neck" in chosen, stream(seed, "hard jaw"), stream(seed, "hard neck")
        )
        flap = Craniotomy.random(stream(seed, "hard craniotomy")) if "craniotomy" in chosen else None
        in_ct = anatomy.posed(ct_posture, flap if flap and flap.in_ct else None)
        in_runs = anatomy.posed(run_posture, flap if flap and not flap.in_ct else None)
        objects = draw_objects(seed, chosen, anatomy.head.shape.scale)
        glare = Glare.random(stream(seed, "hard glare")) if "glare" in chosen else None
        told: dict[str, Any] = {}
        if chosen:
            told = {"disturbances": sorted(chosen), "posture": {"cta": asdict(ct_posture), "runs": asdict(run_posture)}}
            told |= {"craniotomy": asdict(flap)} if flap else {}
            variety = draw_variety(seed, chosen)
            told |= {"skull": asdict(variety)} if variety != HeadVariety() else {}
        return cls(seed, chosen, in_ct, in_runs, positioning, objects, glare, told)

    def scan(self, stroke: Stroke | None, plan: CtPlan, rng: Callable[[], np.random.Generator]) -> CtScan:
        """The CTA, with the head that the runs show as its `plain_head`. rng: makes the CTA's stream from its start."""
        place = self.positioning.head_to_patient
        if "noisy_ct" in self.chosen:
            plan = noisy(plan, stream(self.seed, "hard noise"))
        thick = draw_thickness(plan, stream(self.seed, "hard slices")) if "thick_slices" in self.chosen else 1
        # Averaging takes the noise away that a thick slice shall have.
        fine = replace(plan, noise_hu=plan.noise_hu * np.sqrt(thick)) if thick > 1 else plan
        found = scan_ct(self.in_ct, stroke, place, fine, rng())
        if thick > 1:
            found = thickened(found, thick)
        found = self._cut(found)
        if self.chosen & NEEDS_OWN_GRID:
            scale = self.in_ct.head.shape.scale
            grid = OwnGrid.random(place, scale, min(plan.voxel_mm, plan.slice_mm), stream(self.seed, "hard grid"))
            head = plain_head(self.in_runs, stroke, place, grid.ijk_to_patient, grid.size_kji, plan, rng())
            found = replace(found, plain_head=head)
        return found

    def _cut(self, scan: CtScan) -> CtScan:
        """The scan without vertex or base."""
        place, scale_z = self.positioning.head_to_patient, self.in_ct.head.shape.scale[2]
        rng, last = stream(self.seed, "hard coverage"), len(scan.volume.voxels)
        if "no_vertex" in self.chosen:
            last = slice_at(scan, place, scale_z * (VERTEX_MM - float(rng.uniform(*VERTEX_CUT_MM))))
        first = slice_at(scan, place, scale_z * float(rng.uniform(*BASE_CUT_MM))) if "no_base" in self.chosen else 0
        return scan if (first, last) == (0, len(scan.volume.voxels)) else cut(scan, first, last)

    def radiological_pose(self, volume: Volume) -> FloatArray:
        """(4, 4) where a registration starts: the centre of what there is of the CTA lies on the isocentre."""
        if self.chosen & {"no_vertex", "no_base"}:
            return radiological_pose(volume.centre_mm)
        return self.positioning.radiological_pose

    def field_of_view(self, view: str, plan: RunPlan) -> tuple[CArm, RunPlan, dict[str, Any]]:
        """The C-arm and the plan of a run, and for truth.json what of the head it shows."""
        carm = self.positioning.carms[view]
        kind: Literal["zoomed", "collimated"]
        for kind in ("zoomed", "collimated"):
            if kind in self.chosen:
                head_to_carm = self.positioning.pose @ self.positioning.head_to_patient
                scale, rng = self.in_ct.head.shape.scale, stream(self.seed, f"hard {view} field")
                found = narrowed(kind, carm, plan.shutter, head_to_carm, scale, rng)
                plan = replace(plan, shutter=found.shutter)
                return found.carm, plan, {"head_seen": round(found.seen, 3)}
        return carm, plan, {}


def draw_objects(
    seed: int, chosen: frozenset[Disturbance], scale: tuple[float, float, float]
) -> tuple[BeamObject, ...]:
    """What is in the beam beside the head. scale: the person's over the template's."""
    makers: dict[Disturbance, Callable[[np.random.Generator], BeamObject]] = {
        "headrest": headrest,
        "table": table,
        "leads": leads,
        "pins": lambda rng: pins(rng, scale),
        "tubes": tubes,
        "shunt": shunt,
        "electrodes": electrodes,
    }
    return tuple(make(stream(seed, f"hard {name}")) for name, make in makers.items() if name in chosen)
