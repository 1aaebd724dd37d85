"""The options of the command by the fields of the library's errors."""

from __future__ import annotations

from collections.abc import Mapping

from DeepIterRegLib.common.errors import Field

OPTION_NAMES: Mapping[Field, str] = {
    Field.CTA: "--cta",
    Field.DSA: "--dsa",
    Field.VOLUME_KIND: "--volume-kind",
    Field.CTA_VESSELS: "--cta-vessels",
    Field.CTA_VEINS: "--cta-veins",
    Field.DSA_VESSELS: "--dsa-vessels",
    Field.DSA_VEINS: "--dsa-veins",
    Field.PRIMARY_ANGLE: "--primary-angle DEG",
    Field.SECONDARY_ANGLE: "--secondary-angle DEG",
    Field.SDD: "--sdd MM",
    Field.SID: "--sid MM",
    Field.PIXEL_SPACING: "--pixel-spacing MM",
    Field.CARM: "--carm FILE",
    Field.IMAGE_TURN: "--rotate DEG and --mirror",
    Field.PRESET: "--preset NAME",
    Field.INITIAL_POSE: "--initial-transform FILE",
    Field.REFERENCE_POSE: "the column reference_transform",
    Field.METHOD: "--method",
    Field.SIMILARITY: "--similarity NAME",
    Field.TERMS: "--terms",
    Field.INITIALIZER: "--checkpoint FILE",
    Field.DEVICE: "--device",
    Field.OUTPUT: "--output DIR",
    Field.ARTERIES: "--arteries PATH",
    Field.SKULL: "--skull PATH",
    Field.TARGETS: "--targets FILE",
}
"""With the letters that stand for a number or a file, where one types them. No command has an option for the rest."""
