"""What files or images were read as, as text: the command's page, and the panel's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from DeepIterRegLib.registration.inspect import Fact, Inspection, versions

READ_AS = {
    "cta": "read as the CTA",
    "vessels": "read as the CTA (without its bones)",
    "3dra": "read as the CTA (a rotational 3D angiogram, vessels alone)",
    "dsa": "read as the DSA",
    "x-ray": "read as the DSA (an X-ray of the head without contrast)",
    "transform": "read as a starting pose",
    "c-arm": "read as a C-arm",
}


TRIED_AS = {"cta": "the CTA", "dsa": "the DSA", "transform": "a starting pose", "c-arm": "a C-arm"}


def page_lines(found: Sequence[Inspection]) -> Iterator[str]:
    """The page as text."""
    yield ", ".join(f"{name} {number}" for name, number in versions().items())
    for one in found:
        yield ""
        yield f"{one.name}: {READ_AS[one.read_as] if one.read_as else 'not read'}"
        for refusal in one.refused:
            yield f"  as {TRIED_AS[refusal.tried_as]}: {refusal.sentence}"
        if one.series:
            yield "  Series"
        for series in one.series:
            taken = ", taken" if series.taken else ", not taken"
            others = f" and {series.others} other images" if series.others else ""
            yield f"    series {series.number}: {series.slices} slices{others}{taken}"
        yield from _section("Geometry", one.geometry)
        yield from _section("Images", one.pixels)
        yield from _section("Assumed", one.assumed)
        if one.said:
            yield "  Said while reading"
        for sentence in one.said:
            yield f"    {sentence}"
        yield from _section("Tags that were read", one.tags)


def _section(title: str, facts: Iterable[Fact]) -> Iterator[str]:
    facts = list(facts)
    if not facts:
        return
    yield f"  {title}"
    wide = max(len(fact.name) for fact in facts)
    values = min(max(len(fact.value) for fact in facts), 30)
    for fact in facts:
        source = f"  [{fact.source}]" if fact.source else ""
        yield f"    {fact.name:{wide}}  {fact.value:{values}}{source}".rstrip()
