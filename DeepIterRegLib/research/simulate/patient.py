"""A patient that never lived, whole: anatomy, CTA, angiographic runs, and the truth about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.research.simulate.anatomy import Anatomy, Head
from DeepIterRegLib.research.simulate.arteries.arteries import grow_arteries
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke, draw_stroke
from DeepIterRegLib.research.simulate.ct.ct_plan import VERTEX_MM, CtPlan
from DeepIterRegLib.research.simulate.disturbances import Difficulty, Disturbance, draw_disturbances
from DeepIterRegLib.research.simulate.hard_patient import HardPatient, draw_variety
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.head.head_tissue import GeneratedHead
from DeepIterRegLib.research.simulate.real_anatomy.real_arteries import read_arteries
from DeepIterRegLib.research.simulate.real_anatomy.real_skull import read_skull
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVeins
from DeepIterRegLib.research.simulate.veins.veins import grow_veins
from DeepIterRegLib.research.simulate.x_ray.dsa_run import XRayRun
from DeepIterRegLib.research.simulate.x_ray.positioning import draw_positioning
from DeepIterRegLib.research.simulate.x_ray.run_plan import BloodFlow, RunPlan
from DeepIterRegLib.research.simulate.x_ray.x_ray_run import expose

View = Literal["lateral", "frontal"]
TREATED_FRACTION = 0.5
"""The paper's runs were acquired before and after thrombectomy, which it does "not differentiate" nor count."""


@dataclass(frozen=True)
class PatientOptions:
    """What the caller decides; everything else is drawn from the seed."""

    views: tuple[View, ...] = ("lateral",)
    """One run each, the patient unmoved between them."""
    arteries: Path | None = None
    """Real arteries instead of generated ones: a BraVa tree (.swc), an IXI or TopBrain label map (.nii.gz), the latter
    with its veins, the folder of BodyParts3D."""
    skull: Path | None = None
    """A real head CT instead of the generated head."""
    detector_px: int = 1024
    """Rows and columns of the detector, whose size in mm is drawn."""
    ct_columns: int = 512
    """Rows and columns of the CTA, whose field in mm is drawn."""
    difficulty: Difficulty = "calibrated"
    """hard: with a random mix of disturbances."""
    disturbances: tuple[Disturbance, ...] = ()
    """These for certain, whatever else is drawn."""
    treated: bool | None = None
    """Whether the run comes after thrombectomy; None: half of them do."""


@dataclass(frozen=True, eq=False)
class SimulatedPatient:
    """A patient with everything that a real one keeps secret."""

    seed: int
    anatomy: Anatomy
    head_to_patient: FloatArray
    """(4, 4) the head's frame to the patient frame (RAS, mm) of the CTA."""
    stroke: Stroke | None
    treated: bool
    """True: the run was acquired after thrombectomy, and the occluded artery fills again."""
    injected: str
    """Name of the injected artery: "ICA right", "VA left", ..."""
    volume: Volume
    """The CTA."""
    runs: tuple[XRayRun, ...]
    """One per view, in the order of `views_of`."""
    pose: FloatArray
    """(4, 4) truth: patient frame (RAS, mm) to C-arm frame (mm), the same for all runs."""
    radiological_pose: FloatArray
    """(4, 4) where a registration starts."""
    artery_mask: BoolArray
    """(K, J, I) voxels of the CTA at least half filled by enhanced arteries."""
    vein_mask: BoolArray
    """(K, J, I) likewise by enhanced veins."""
    skull_vein_mask: BoolArray
    """(K, J, I) likewise by the large veins along the skull."""
    arrival_s: tuple[FloatArray, ...]
    """For each vessel of the anatomy (N,) when the contrast of the first run arrives at its points; inf: never."""
    defects: Mapping[str, Any] = field(default_factory=dict)
    """What was applied, as JSON: "cta": {...}, "lateral": {...}, "frontal": {...}."""


def simulate_patient(
    seed: int, options: PatientOptions | None = None, progress: Callable[[str, float], None] | None = None
) -> SimulatedPatient:
    """Generate patient `seed` (>= 0); equal arguments give equal patients.

    progress: called before each step with what it is, and the fraction of the time that is over. Raises InputError for
    real anatomy that cannot be read.
    """
    options = options or PatientOptions()
    chosen = disturbances_of(seed, options)
    views = views_of(seed, options)
    tell = progress or (lambda step, fraction: None)
    tell("Growing vessels", 0.0)
    anatomy = draw_anatomy(seed, options)
    stroke = draw_stroke(anatomy.vessels, stream(seed, "stroke"))
    circumstances = stream(seed, "circumstances")
    drawn = bool(circumstances.random() < TREATED_FRACTION)
    treated = drawn if options.treated is None else options.treated
    injected = _injected_artery(anatomy, stroke)

    plan = CtPlan.random(
        stream(seed, "ct plan"), columns=options.ct_columns, vertex_mm=VERTEX_MM * anatomy.head.shape.scale[2]
    )
    positioning = draw_positioning(
        seed, injected.endswith("left"), options.detector_px, plan.voxel_mm * plan.columns, plan.centre_mm[2]
    )
    x, y, z = positioning.centre_of_field_mm
    plan = replace(plan, centre_mm=(float(x), float(y), float(z)))
    hard = HardPatient.of(seed, chosen, anatomy, positioning)
    tell("Simulating the CTA", 0.05)
    scan = hard.scan(stroke, plan, lambda: stream(seed, "ct"))
    flow = BloodFlow.random(stream(seed, "blood flow"))
    runs = []
    for number, view in enumerate(views):
        tell("Simulating the DSA", 0.35 + 0.65 * number / len(views))
        plan_of_run = RunPlan.random(stream(seed, f"{view} plan"), flow)
        carm, plan_of_run, told = hard.field_of_view(view, plan_of_run)
        run = expose(
            hard.in_runs, stroke=stroke, treated=treated, injected=injected, plain_head=scan.plain_head,
            head_to_patient=positioning.head_to_patient, pose=positioning.pose, carm=carm,
            plan=plan_of_run, rng=stream(seed, view), objects=hard.objects, glare=hard.glare,
        )  # fmt: skip
        runs.append(replace(run, defects={**run.defects, **told}) if told else run)
    defects: dict[str, Any] = {
        "cta": scan.defects,
        **{view: run.defects for view, run in zip(views, runs, strict=True)},
    }
    return SimulatedPatient(
        seed=seed,
        anatomy=hard.in_ct,
        head_to_patient=positioning.head_to_patient,
        stroke=stroke,
        treated=treated,
        injected=injected,
        volume=scan.volume,
        runs=tuple(runs),
        pose=positioning.pose,
        radiological_pose=hard.radiological_pose(scan.volume),
        artery_mask=scan.artery_mask,
        vein_mask=scan.vein_mask,
        skull_vein_mask=scan.skull_vein_mask,
        arrival_s=runs[0].arrival_s,
        defects={**defects, **hard.told},
    )


def disturbances_of(seed: int, options: PatientOptions) -> frozenset[Disturbance]:
    """What makes patient `seed` harder than a calibrated one."""
    return draw_disturbances(seed, options.difficulty, options.disturbances)


def views_of(seed: int, options: PatientOptions) -> tuple[View, ...]:
    """The runs' views in their order: of some hard patients the frontal one comes first, or in place of the lateral."""
    if "frontal" not in disturbances_of(seed, options):
        return options.views
    others: tuple[View, ...] = tuple(view for view in options.views if view != "frontal")
    return ("frontal", *others)[: len(options.views)]


def draw_anatomy(seed: int, options: PatientOptions | None = None) -> Anatomy:
    """Head and vessels of patient `seed`, generated or, as far as the options name files, real."""
    options = options or PatientOptions()
    head: Head = (
        read_skull(options.skull, stream(seed, "head"))
        if options.skull
        else GeneratedHead(
            HeadShape.random(stream(seed, "head shape")), variety=draw_variety(seed, disturbances_of(seed, options))
        )
    )
    given: GivenVeins = {}
    if options.arteries:
        arteries, variants, given = read_arteries(options.arteries, head.shape, stream(seed, "arteries"))
    else:
        arteries, variants = grow_arteries(head.shape, stream(seed, "arteries"))
    veins, vein_variants = grow_veins(head.shape, stream(seed, "veins"), len(arteries), given)
    return Anatomy(head, (*arteries, *veins), {**variants, **vein_variants})


def _injected_artery(anatomy: Anatomy, stroke: Stroke) -> str:
    """The carotid of the stroke's side, or for a basilar occlusion the larger vertebral artery."""
    if stroke.site != "basilar":
        return f"ICA {stroke.side}"
    vertebrals = [vessel for vessel in anatomy.vessels if vessel.name in ("VA left", "VA right")]
    return max(vertebrals, key=lambda vessel: float(vessel.radii_mm.mean())).name
