"""What CTA and angiograms have in common: what is refused, what is compared, and when the initializer is asked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.terms import TERMS
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedImages, PreparedVolume
from DeepIterRegLib.preparation.skull.image import SkullImage
from DeepIterRegLib.registration.options import Options, options_from_json
from DeepIterRegLib.registration.what_is_shown import (
    CLEAR_SKULL,
    initializer_is_due,
    require_something_to_compare,
    require_vessels,
    shows_vessels,
    skull_trust,
)
from Testing.support.vessel_tree_case import CENTRE_MM, prepared_angiogram, prepared_volume

RUN = prepared_angiogram(np.eye(4))
VOLUME = prepared_volume()
NOTHING = VesselCloud.empty(1.0, CENTRE_MM)


def volume(vessels: bool = True, skull: bool = True) -> PreparedVolume:
    return replace(VOLUME, cloud=VOLUME.cloud if vessels else NOTHING, skull=VOLUME.cloud if skull else None)


def rotational() -> PreparedVolume:
    return replace(volume(skull=False), volume=replace(VOLUME.volume, kind="3dra"))


def view(vessels: bool = True, trust: float | None = 1.0) -> PreparedAngiogram:
    shape = RUN.vessels.shape
    image = None
    if trust is not None:
        image = SkullImage(np.zeros(shape, np.float32), False, np.ones(shape, bool), "noise", trust)
    return replace(RUN, vessels=RUN.vessels if vessels else np.zeros(shape, bool), skull=image)


def images(shown: PreparedVolume, *views: PreparedAngiogram) -> PreparedImages:
    return PreparedImages(shown, views)


def test_vessels_and_skull_are_shown_where_both_sides_show_them():
    assert shows_vessels(images(volume(), view(vessels=False), view()))
    assert not shows_vessels(images(volume(), view(vessels=False)))
    assert not shows_vessels(images(volume(vessels=False), view()))
    assert skull_trust(images(volume(), view(trust=0.2), view(trust=None), view(trust=0.7))) == 0.7
    assert skull_trust(images(volume(), view(trust=None))) == 0
    assert skull_trust(images(volume(skull=False), view())) == 0


@pytest.mark.parametrize(
    ("shown", "options"),
    [
        (images(volume(), view()), Options()),
        (images(volume(), view(trust=None)), Options()),
        (images(volume(vessels=False), view(vessels=False)), Options()),
        (images(volume(vessels=False), view()), Options(terms=("skull",))),
        (images(volume(skull=False), view()), Options(terms=("vessels",))),
        (images(volume(skull=False), view(trust=None)), Options(method="published")),
    ],
    ids=["both", "no skull", "no vessels", "skull wanted", "vessels wanted", "published"],
)
def test_what_has_something_in_common_is_registered(shown, options):
    require_something_to_compare(shown, options)


@pytest.mark.parametrize(
    ("shown", "options", "says"),
    [
        (images(volume(), view(vessels=False)), Options(method="published"), "The published method compares vessels"),
        (images(volume(), view(trust=None)), Options(terms=("skull",)), "do not both show what the terms ask for"),
        (images(volume(), view(vessels=False)), Options(terms=("vessels",)), "do not both show what the terms ask for"),
        (images(volume(vessels=False), view(trust=None)), Options(), "The CT shows no contrast, and the DSA no skull"),
        (images(volume(skull=False), view(vessels=False)), Options(), "X-ray shows no contrast, and the CTA no skull"),
        (images(rotational(), view(vessels=False)), Options(), "a rotational 3D angiogram no skull; give a run with"),
    ],
    ids=["published", "no skull", "no vessels", "plain CT", "no skull in the CTA", "3DRA and X-ray"],
)  # fmt: skip
def test_what_has_nothing_in_common_is_refused_in_a_sentence(shown, options, says):
    with pytest.raises(InputError) as caught:
        require_something_to_compare(shown, options)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("trust", "options", "due"),
    [
        (None, Options(), True),
        (CLEAR_SKULL - 0.01, Options(), True),
        (CLEAR_SKULL, Options(), False),
        (1.0, Options(initializer=True), True),
        (1.0, Options(terms=("vessels",)), True),
        (1.0, Options(method="published"), True),
    ],
    ids=["no skull", "a faint skull", "a clear skull", "asked for", "the vessels alone", "published"],
)
def test_the_initializer_is_asked_where_the_skull_is_not_clearly_seen(trust, options, due):
    assert initializer_is_due(images(volume(), view(trust=trust)), options) is due
    # It knows veins alone.
    assert not initializer_is_due(images(volume(), view(vessels=False, trust=trust)), options)
    assert not initializer_is_due(images(volume(vessels=False), view(trust=trust)), options)


def test_terms_are_both_unless_they_are_chosen_and_come_in_one_order():
    assert Options().terms == TERMS == ("vessels", "skull")
    assert Options(terms=("skull", "vessels", "skull")).terms == TERMS
    assert Options(terms=("skull",)).terms == ("skull",)
    assert Options(method="published", terms=("skull", "vessels")).terms == TERMS


@pytest.mark.parametrize("terms", [(), ("bones",), ("vessels", "bones"), ("",)])
def test_terms_that_there_are_not_are_refused(terms):
    with pytest.raises(InputError, match="choose vessels, skull or both"):
        Options(terms=terms)


def test_terms_are_chosen_for_the_default_method_alone():
    with pytest.raises(InputError, match="for the default method alone"):
        Options(method="published", terms=("skull",))


@pytest.mark.parametrize("terms", [("vessels",), ("skull",), TERMS])
def test_terms_survive_the_way_to_the_worker(terms):
    options = options_from_json(json.loads(json.dumps(Options(terms=terms).to_json())))
    assert options.terms == terms


def test_what_fills_is_asked_of_a_cta_alone() -> None:
    """A rotational angiogram shows one injection: on a real one the filled carotid was called empty."""
    require_vessels(PreparedImages(volume(), (view(),)))
    with pytest.raises(InputError, match="rotational angiogram shows the vessels of one injection alone"):
        require_vessels(PreparedImages(rotational(), (view(),)))
    with pytest.raises(InputError, match="do not both show vessels"):
        require_vessels(PreparedImages(volume(vessels=False), (view(),)))
