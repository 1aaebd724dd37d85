"""What the Review section says when a comparison is finished."""

from __future__ import annotations

from collections.abc import Callable

from DeepIterRegLib.mrml.review.session import ReviewSession
from DeepIterRegLib.review.blind_comparison import SCALE


def result_text(session: ReviewSession, table_name: str, translate: Callable[[str], str] = str) -> str:
    """What was left and right, and what the reader said of it."""
    _ = translate
    lines = [_("Finished. The answers are in the table “{name}”.").format(name=table_name)]
    for number, answer in enumerate(session.answers, start=1):
        if answer.preferred is None:
            said = _("no difference")
        elif answer.choice in (1, len(SCALE)):
            said = _("“{name}” is definitely better").format(name=answer.preferred.name)
        else:
            said = _("“{name}” is better").format(name=answer.preferred.name)
        pair = _("{number}. “{left}” on the left, “{right}” on the right: {said}.")
        lines.append(pair.format(number=number, left=answer.left.name, right=answer.right.name, said=said))
    return "\n".join(lines)
