"""Write the files of each Slicer folder into its CMakeLists.txt: what is not listed there is missing from the package.

Run it as `make cmake-lists`. Python files go into the list named ..._SCRIPTS, all others into ..._RESOURCES.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("DeepIterReg", "DeepIterRegLib")
LIST = re.compile(r"^set\((?P<name>\w+_PYTHON_(?P<kind>SCRIPTS|RESOURCES))\n(?P<entries>[^)]*)\)", re.MULTILINE)


def files_of(folder: Path) -> list[str]:
    """Every file that belongs into the package, relative to the folder, sorted.

    Left out: what Python leaves behind, hidden files, and the CMake files themselves.
    """
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != "CMakeLists.txt"
        and path.suffix != ".pyc"
        and not any(part == "__pycache__" or part.startswith(".") for part in path.relative_to(folder).parts)
    )


def listed_in(cmake_lists: str) -> dict[str, list[str]]:
    """The entries of the two lists, by kind (SCRIPTS, RESOURCES)."""
    return {match["kind"]: match["entries"].split() for match in LIST.finditer(cmake_lists)}


def with_lists(cmake_lists: str, files: list[str]) -> str:
    """The text of a CMakeLists.txt with its two lists replaced."""
    wanted = {
        "SCRIPTS": [name for name in files if name.endswith(".py")],
        "RESOURCES": [name for name in files if not name.endswith(".py")],
    }

    def replaced(match: re.Match[str]) -> str:
        entries = "".join(f"  {name}\n" for name in wanted[match["kind"]])
        return f"set({match['name']}\n{entries}  )"

    return LIST.sub(replaced, cmake_lists)


def main() -> int:
    for folder in FOLDERS:
        path = ROOT / folder / "CMakeLists.txt"
        before = path.read_text(encoding="utf-8")
        after = with_lists(before, files_of(path.parent))
        if after != before:
            path.write_text(after, encoding="utf-8")
            print(f"{folder}/CMakeLists.txt: lists rewritten")
    return 0


if __name__ == "__main__":
    sys.exit(main())
