"""What several sections say.

The library's errors name the command line's options; a person in front of the panel knows its fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

FIELD_OF_OPTION = {
    "--primary-angle": "LAO/RAO",
    "--secondary-angle": "CRA/CAU",
    "--sdd": "Source to detector",
    "--sid": "Source to isocentre",
    "--pixel-spacing": "Pixel size",
    "--cta-vessels": "CTA vessels",
    "--cta-veins": "CTA veins",
    "--dsa-vessels": "DSA vessels",
    "--dsa-veins": "DSA veins",
    "--cta": "CTA",
    "--dsa": "DSA",
    "--initial-transform": "Adjust by hand",
}


ONLY_A_COMMANDS = ", or the whole geometry with --carm FILE"


def in_the_panels_words(message: str) -> str:
    """An error's sentence with the panel's fields in place of the command line's options."""
    message = message.replace(ONLY_A_COMMANDS, "")
    pattern = "|".join(sorted(map(re.escape, FIELD_OF_OPTION), key=len, reverse=True))
    return re.sub(rf"({pattern})( (DEG|MM|PATH|FILE))?\b", lambda match: f'"{FIELD_OF_OPTION[match[1]]}"', message)


def saved_message(paths: Sequence[Path], translate: Callable[[str], str]) -> str:
    """What was written into a folder, by its own name: the way to it is long, and the user has just chosen it."""
    _ = translate
    folder = paths[0].parent
    return _("Saved {names} in {folder}.").format(
        names=", ".join(path.name for path in paths), folder=folder.name or str(folder)
    )
