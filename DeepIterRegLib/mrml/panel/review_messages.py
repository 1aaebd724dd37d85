"""What the Review section says when a comparison is finished."""

from __future__ import annotations

from collections.abc import Callable

from DeepIterRegLib.mrml.review.session import ReviewSession
from DeepIterRegLib.review.scale import is_definite


def result_text(session: ReviewSession, table_name: str, translate: Callable[[str], str] = str) -> str:
    """What was left and right, and what the reader said of it."""
    _ = translate
    lines = [_("Finished. The answers are in the table “{name}”.").format(name=table_name)]
    for number, answer in enumerate(session.answers, start=1):
        if answer.preferred is None:
            said = _("no difference")
        elif is_definite(answer.choice):
            said = _("“{name}” is definitely better").format(name=answer.preferred)
        else:
            said = _("“{name}” is better").format(name=answer.preferred)
        pair = _("{number}. “{left}” on the left, “{right}” on the right: {said}.")
        lines.append(pair.format(number=number, left=answer.left, right=answer.right, said=said))
    return "\n".join(lines)
