"""What CTA and angiograms show in common, and what follows from that for the way to register."""

from __future__ import annotations

from collections.abc import Sequence

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages
from DeepIterRegLib.registration.options import Options

CLEAR_SKULL = 0.5
"""Trust from which the skull's own search is taken to be enough without the initializer."""


def with_vessels(angiograms: Sequence[PreparedAngiogram]) -> tuple[PreparedAngiogram, ...]:
    """Those that show vessels: an X-ray beside a run has nothing to say to what compares vessels alone."""
    return tuple(run for run in angiograms if run.shows_vessels)


def shows_vessels(images: PreparedImages) -> bool:
    """Whether CTA and one of the angiograms show vessels."""
    return len(images.volume.cloud) > 0 and bool(with_vessels(images.angiograms))


def require_all_vessels(volume: Volume) -> None:
    """Raise InputError for a volume that does not show all vessels, whatever was injected: of a rotational angiogram it
    makes no sense to ask which of its vessels a run fills."""
    if volume.kind == "3dra":
        raise InputError(
            "A rotational angiogram shows the vessels of one injection alone, so it does not tell what a run leaves "
            "out; give a CT angiogram for {cta}.",
            field=Field.CTA,
        )


def require_vessels(images: PreparedImages) -> None:
    """Raise InputError where it makes no sense to ask which vessels the angiograms fill."""
    require_all_vessels(images.volume.volume)
    if not shows_vessels(images):
        raise InputError(
            "CTA and DSA do not both show vessels, so nothing can be said of what filled; give a CT angiogram for {cta}"
            " and a run with contrast for {dsa}.",
            field=Field.DSA,
        )


def skull_trust(images: PreparedImages) -> float:
    """How clearly CTA and the clearest of the angiograms show the skull, 0 (not at all) to 1."""
    if images.volume.skull is None:
        return 0.0
    return max((run.skull.trust for run in images.angiograms if run.skull is not None), default=0.0)


def require_something_to_compare(images: PreparedImages, options: Options) -> None:
    """Raise InputError where CTA and angiograms have nothing in common that the options want compared."""
    vessels, skull = shows_vessels(images), skull_trust(images) > 0
    if options.method == "published":
        if not vessels:
            raise InputError(
                "The published method compares vessels, and {cta} and {dsa} do not both show them; choose default.",
                field=Field.METHOD,
            )
        return
    if (vessels and "vessels" in options.terms) or (skull and "skull" in options.terms):
        return
    if vessels or skull:
        raise InputError(
            "CTA and DSA do not both show what {terms} ask for; compare vessels and skull, as far as there are any.",
            field=Field.TERMS,
        )
    if len(images.volume.cloud) == 0:
        raise InputError(
            "The CT shows no contrast, and the DSA no skull; give the run with its mask frame, or an X-ray of the head,"
            " for {dsa}, or a CT angiogram for {cta}.",
            field=Field.DSA,
        )
    if images.volume.volume.kind == "3dra":
        raise InputError(
            "The X-ray shows no contrast, and a rotational 3D angiogram no skull; give a run with filled vessels for"
            " {dsa}, or a CT of the head for {cta}.",
            field=Field.DSA,
        )
    raise InputError(
        "The X-ray shows no contrast, and the CTA no skull; give a run with filled vessels for {dsa}.", field=Field.DSA
    )


def vessels_decide(images: PreparedImages, options: Options) -> bool:
    """Whether no skull is clearly seen, or none is asked for."""
    return shows_vessels(images) and ("skull" not in options.terms or skull_trust(images) < CLEAR_SKULL)


def initializer_is_due(images: PreparedImages, options: Options) -> bool:
    """Whether the initializer's network shall look for the head; it knows veins alone."""
    if not shows_vessels(images):
        return False
    return options.initializer is not None or options.method == "published" or vessels_decide(images, options)
