"""Imports go downwards only, and importing the library loads nothing heavy (docs/DESIGN.md, Layers)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from Testing.support.paths import ROOT

LIBRARY = ROOT / "DeepIterRegLib"

FOUNDATION = {"common", "__version__"}
"""What every layer may use: array types, the errors, writing a file as a whole, the version."""

BELOW: dict[str, set[str]] = {
    "common": set(),
    "confidence": {"geometry", "preparation", "refinement", "render", "similarity"},
    "filling": {"geometry", "preparation", "render"},
    "geometry": set(),
    "guidance": {"geometry", "preparation", "render"},
    "images": {"geometry"},
    "preparation": {"geometry", "images", "similarity"},
    "review": set(),
    "similarity": set(),
    "render": {"geometry", "preparation"},
    "initializer": {"geometry", "preparation", "render", "similarity", "registration"},
    "refinement": {"filling", "geometry", "preparation", "registration", "render", "similarity"},
}
"""Which layers each lower layer may use."""

TOP = {"mrml", "cli", "worker", "research"}
"""Layers that the registration itself knows nothing of."""

HEAVY = {
    "torch", "monai", "tensorboard", "numba", "diffdrr", "nanodrr", "torchio", "kornia", "roma", "dask", "distributed",
    "trimesh",
}  # fmt: skip
"""Slow to import and not everywhere installed: loaded by the function that needs them."""

DISPLAY = {"matplotlib", "rich"}
"""Not in Slicer; for the commands and experiments, which run outside it."""

FILE_SCOPE = {
    "render/splat_torch.py": {"torch"},
    "render/splat_numba.py": {"numba"},
    "render/diffdrr.py": {"torch", "diffdrr"},
    "initializer/network.py": {"torch"},
    "research/train/loss.py": {"roma"},
}
"""The modules that are about one heavy package, and are themselves imported by functions only."""

MOST_MODULES = 45
"""In one folder."""

SLICER = {"slicer", "qt", "ctk", "vtk", "vtkmodules"}


class Import(NamedTuple):
    name: str
    """Absolute, dotted; for `from a import b` it is `a.b`."""
    line: int
    at_file_scope: bool


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import at any depth; what runs when the module is imported counts as file scope, type checking does not."""

    def visit(node: ast.AST, at_file_scope: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, child.lineno, at_file_scope) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                above = path.relative_to(ROOT).parts[: -child.level] if child.level else ()
                source = ".".join([*above, child.module] if child.module else above)
                for alias in child.names:
                    yield Import(f"{source}.{alias.name}", child.lineno, at_file_scope)
            else:
                runs = not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                types_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                yield from visit(child, at_file_scope and runs and not types_only)

    return tuple(visit(tree_of(path), at_file_scope=True))


def layer_of(path: Path) -> str:
    relative = path.relative_to(LIBRARY)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def package_of(found: Import) -> str:
    return found.name.split(".")[0]


MODULES = sorted(LIBRARY.rglob("*.py"))
EVERYTHING = [*MODULES, *sorted((ROOT / "DeepIterReg").rglob("*.py")), *sorted((ROOT / "Testing").rglob("*.py"))]


def imports(paths: Iterable[Path]) -> Iterator[tuple[Path, Import]]:
    for path in paths:
        for found in imports_of(path):
            yield path, found


def listed(wrong: Iterable[tuple[Path, Import]]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{found.line} {found.name}" for path, found in wrong]


def layer_used(found: Import) -> str | None:
    """The layer of ours that an import reaches into; None for other packages and for the foundation."""
    if not found.name.startswith("DeepIterRegLib."):
        return None
    layer = found.name.split(".")[1]
    return None if layer in FOUNDATION else layer


def test_each_layer_uses_only_those_below_it() -> None:
    wrong = (
        (path, found)
        for path, found in imports(MODULES)
        if (layer := layer_of(path)) in BELOW and layer_used(found) not in {None, layer, *BELOW[layer]}
    )
    assert not listed(wrong)


def test_method_knows_nothing_of_nodes_commands_and_experiments() -> None:
    method = [path for path in MODULES if layer_of(path) not in TOP]
    assert not listed((path, found) for path, found in imports(method) if layer_used(found) in TOP)


RESEARCH_BY_NAME = {
    "DeepIterRegLib/cli/main.py", "DeepIterRegLib/worker/sample.py", "DeepIterRegLib/mrml/self_test.py",
}  # fmt: skip
"""The command's list of subcommands, Slicer's Sample Data, and the panel's test of itself."""


def test_nothing_of_the_product_imports_what_is_made_for_research() -> None:
    product = [path for path in MODULES if layer_of(path) != "research"]
    product += sorted((ROOT / "DeepIterReg").rglob("*.py"))
    assert not listed(
        (path, found) for path, found in imports(product) if found.name.startswith("DeepIterRegLib.research")
    )
    named = {
        path.relative_to(ROOT).as_posix()
        for path in product
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and str(node.value).startswith("DeepIterRegLib.research")
    }
    assert named == RESEARCH_BY_NAME


def test_only_the_scene_layer_and_the_module_know_slicer() -> None:
    rest = [path for path in MODULES if layer_of(path) != "mrml"]
    assert not listed((path, found) for path, found in imports(rest) if package_of(found) in SLICER)


def test_renderers_know_clouds_and_not_how_they_are_made() -> None:
    render = [path for path in MODULES if layer_of(path) == "render"]
    used = {found.name for _, found in imports(render) if layer_used(found) == "preparation"}
    assert used == {"DeepIterRegLib.preparation.cloud.VesselCloud"}


def test_heavy_packages_are_imported_by_the_function_that_needs_them() -> None:
    def allowed(path: Path) -> set[str]:
        display = DISPLAY if layer_of(path) in {"cli", "research"} else set()
        training = {"torch"} if path.is_relative_to(LIBRARY / "research" / "train") else set()
        return display | training | FILE_SCOPE.get(path.relative_to(LIBRARY).as_posix(), set())

    wrong = (
        (path, found)
        for path, found in imports(MODULES)
        if found.at_file_scope and package_of(found) in (HEAVY | DISPLAY) - allowed(path)
    )
    assert not listed(wrong)


def test_what_breaks_slicer_is_never_imported() -> None:
    """torchvision crashes Slicer 5.12 on Ubuntu, and pyvista brings a second VTK."""
    assert not listed(
        (path, found) for path, found in imports(EVERYTHING) if package_of(found) in {"torchvision", "pyvista"}
    )


def test_no_file_can_run_code_by_being_read() -> None:
    """No pickle in any guise: not numpy's, and of torch's files the weights only."""
    unsafe = {"pickle", "dill", "joblib", "shelve", "marshal"}
    assert not listed((path, found) for path, found in imports(MODULES) if package_of(found) in unsafe)
    for path in MODULES:
        for call in ast.walk(tree_of(path)):
            if isinstance(call, ast.Call):
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                assert options.get("allow_pickle", "False") == "False", f"{path.name}:{call.lineno}"
                if ast.unparse(call.func) == "torch.load":
                    assert options.get("weights_only") == "True", f"{path.name}:{call.lineno}"


def test_importing_the_library_loads_no_heavy_package() -> None:
    code = "import sys; from DeepIterRegLib import register; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & (HEAVY | DISPLAY | SLICER)


def test_no_folder_of_the_library_holds_more_than_a_reader_can_look_through() -> None:
    counts = Counter(path.parent for path in MODULES)
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_imports_are_found_at_every_depth(tmp_path: Path) -> None:
    source = tmp_path / "example.py"
    source.write_text(
        "import a.b\ntry:\n    from c import d\nexcept ImportError:\n    pass\n"
        "def f():\n    import e\nif TYPE_CHECKING:\n    import g\n"
    )
    assert list(imports_of(source)) == [
        Import("a.b", 1, True),
        Import("c.d", 3, True),
        Import("e", 7, False),
        Import("g", 9, False),
    ]
