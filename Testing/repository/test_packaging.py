"""The packaged extension is complete: every file is listed, and what gets installed is imported, opened and used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

import pytest
from PIL import Image

from DeepIterRegLib.geometry.carm_presets import PRESETS_FILE
from DeepIterRegLib.initializer.checkpoint import DEFAULT_CHECKPOINT, read_checkpoint
from Testing.tools.cmake_lists import FOLDERS, ROOT, files_of, listed_in, with_lists

MODULES = "lib/Slicer/qt-scripted-modules"
"""Where the stand-in for Slicer installs; a real Slicer adds its version."""
STAND_IN = ROOT / "Testing" / "slicer_stand_in"
MAXIMUM_MB = 100
"""Of a clone, with its history, in Slicer's catalogue."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_listed_and_every_listed_file_exists(folder: str) -> None:
    lists = listed_in((ROOT / folder / "CMakeLists.txt").read_text(encoding="utf-8"))
    listed = sorted(lists["SCRIPTS"] + lists["RESOURCES"])
    assert listed == files_of(ROOT / folder), f"{folder}/CMakeLists.txt is out of date: run `make cmake-lists`"
    assert all(name.endswith(".py") for name in lists["SCRIPTS"])
    assert not any(name.endswith(".py") for name in lists["RESOURCES"])


def test_every_file_that_is_not_python_is_in_the_python_package_too() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]["DeepIterRegLib"]
    data = [name for name in files_of(ROOT / "DeepIterRegLib") if not name.endswith(".py")]
    missing = [name for name in data if not any(PurePosixPath(name).match(pattern) for pattern in patterns)]
    assert not missing, "add a pattern to package-data in pyproject.toml"


@pytest.mark.parametrize("shared", [DEFAULT_CHECKPOINT, PRESETS_FILE], ids=lambda path: path.name)
def test_shared_files_are_in_the_python_package_beside_the_library(shared: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folder = shared.parent.relative_to(ROOT)
    package = ".".join(folder.parts)
    assert package in settings["packages"]["find"]["include"]
    for name in (shared.name, *files_of(ROOT / folder)):
        assert any(PurePosixPath(name).match(pattern) for pattern in settings["package-data"][package]), name


def test_lists_are_rewritten_in_place(tmp_path: Path) -> None:
    for name in ("a.py", "sub/b.py", "sub/c.json", "sub/__pycache__/b.pyc", ".hidden", "CMakeLists.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    before = "# kept\nset(X_PYTHON_SCRIPTS\n  gone.py\n  )\nset(X_PYTHON_RESOURCES\n  )\nmacro(${X_PYTHON_SCRIPTS})\n"
    after = with_lists(before, files_of(tmp_path))
    assert listed_in(after) == {"SCRIPTS": ["a.py", "sub/b.py"], "RESOURCES": ["sub/c.json"]}
    assert after.startswith("# kept\n")
    assert after.endswith("macro(${X_PYTHON_SCRIPTS})\n")
    assert with_lists(after, files_of(tmp_path)) == after


def metadata() -> dict[str, str]:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return dict(re.findall(r'^set\((EXTENSION_\w+) "([^"\n]*)"\)$', text, flags=re.MULTILINE))


def test_extension_says_what_the_catalogue_asks() -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.search(r"^project\(DeepIterReg\)$", text, flags=re.MULTILINE)
    values = metadata()
    assert set(values) == {
        f"EXTENSION_{name}"
        for name in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS")
    }
    assert all(values.values())
    assert values["EXTENSION_CATEGORY"] == "Registration"
    assert values["EXTENSION_DEPENDS"] == "NA", "a registration needs no other extension"
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")


def test_catalogue_entry_agrees_with_what_cmake_says() -> None:
    entry = json.loads((ROOT / "DeepIterReg.json").read_text(encoding="utf-8"))
    values = metadata()
    assert set(entry) == {
        *("$schema", "build_dependencies", "build_subdirectory", "category", "scm_revision", "scm_url", "tier")
    }
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/Slicer/Slicer/main/Schemas/[\w.-]+\.json#", entry["$schema"]
    )
    # The packager of extensions without compiled code skips those that have any.
    assert entry["build_dependencies"] == []
    assert entry["category"] == values["EXTENSION_CATEGORY"]
    assert entry["scm_url"] == values["EXTENSION_HOMEPAGE"]
    assert entry["scm_url"].startswith("https://")
    assert "slicer" in entry["scm_url"].rpartition("/")[2].lower(), "the catalogue's script wants it in the name"
    assert isinstance(entry["tier"], int)
    owner_and_name = entry["scm_url"].removeprefix("https://github.com/")
    for url in f"{values['EXTENSION_ICONURL']} {values['EXTENSION_SCREENSHOTURLS']}".split():
        assert url.startswith(f"https://raw.githubusercontent.com/{owner_and_name}/{entry['scm_revision']}/")


def test_clone_is_below_the_catalogues_limit() -> None:
    """Checkout and history together; an unpacked repository counts for more than what a clone gets."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"not a git checkout, or an old git: {done.stderr}")
        return done.stdout

    files = [ROOT / name for name in git("ls-files", "-z").split("\0") if name]
    checkout = sum(path.stat().st_size for path in files if path.is_file())
    history = int(git("rev-list", "--disk-usage", "--objects", "HEAD"))
    assert checkout + history < MAXIMUM_MB * 1e6


def test_icon_and_screenshots_of_the_catalogue_are_images_of_this_repository() -> None:
    values = metadata()
    for url in f"{values['EXTENSION_ICONURL']} {values['EXTENSION_SCREENSHOTURLS']}".split():
        path = ROOT / url.split("/main/", 1)[1]
        with Image.open(path) as image:
            image.verify()
    with Image.open(ROOT / values["EXTENSION_ICONURL"].split("/main/", 1)[1]) as icon:
        assert icon.size == (128, 128)


def test_module_and_catalogue_show_the_same_icon() -> None:
    """They are installed to the same place."""
    icon = Path("Resources", "Icons", "DeepIterReg.png")
    assert (ROOT / icon).read_bytes() == (ROOT / "DeepIterReg" / icon).read_bytes()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Slicer's macros would install, made by CMake from a copy of the tree."""
    if shutil.which("cmake") is None or shutil.which("cc") is None:
        pytest.skip("CMake and a C compiler are not installed")
    folder = tmp_path_factory.mktemp("package")
    # In a folder with a space, and with the files' own CMakeLists.txt only: no __pycache__ to hide behind.
    source = folder / "the source"
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "output")
    for name in (*FOLDERS, "Resources"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    shutil.copy(ROOT / "CMakeLists.txt", source)
    configure: list[str | Path] = [
        "cmake",
        "-S",
        source,
        "-B",
        folder / "build",
        f"-DSlicer_DIR={STAND_IN}",
        f"-DSlicer_LAUNCHER_EXECUTABLE={sys.executable};{STAND_IN / 'launcher.py'}",
        "-DBUILD_TESTING=ON",
    ]
    install: list[str | Path] = ["cmake", "--install", folder / "build", "--prefix", folder / "installed"]
    install += ["--component", "RuntimeLibraries"]
    for command in (configure, install):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "installed" / MODULES


def test_package_holds_the_module_the_library_and_the_resources(package: Path) -> None:
    assert sorted(files_of(package / "DeepIterRegLib")) == files_of(ROOT / "DeepIterRegLib")
    for name in files_of(ROOT / "DeepIterReg"):
        assert (package / name).read_bytes() == (ROOT / "DeepIterReg" / name).read_bytes()
    assert (package / "Resources" / "Icons" / "DeepIterReg.png").is_file()


def test_every_module_of_the_packaged_library_can_be_imported(package: Path) -> None:
    names = sorted(
        ".".join(Path("DeepIterRegLib", name).with_suffix("").parts).removesuffix(".__init__")
        for name in files_of(ROOT / "DeepIterRegLib")
        if name.endswith(".py") and not name.endswith("__main__.py")
    )
    code = (
        "import importlib, sys\n"
        f"sys.path.insert(0, {str(package)!r})\n"
        f"for name in {names!r}:\n"
        "    try:\n"
        "        module = importlib.import_module(name)\n"
        "    except ModuleNotFoundError as error:\n"
        # What a Slicer or a plain Python may lack; a module of ours must be there.
        "        if (error.name or '').split('.')[0] in ('DeepIterRegLib', 'DeepIterReg'): raise\n"
        "        continue\n"
        f"    assert module.__file__.startswith({str(package)!r}), module.__file__\n"
        "print('imported', len(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-c", code], cwd=package, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("imported")


LOADED = """
import sys, types
# The repository may be installed here, editable; Slicer's Python does not have it.
sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "_EditableFinder"]
sys.path.insert(0, {folder!r})
sys.modules["Testing"] = testing = types.ModuleType("Testing")
testing.__path__ = [{testing!r}]
import slicer
from Testing.qt_adapter import installed
with installed(slicer.vtkMRMLScene()):
    import DeepIterReg, DeepIterRegLib
print(DeepIterReg.__file__, DeepIterRegLib.__file__, *sys.path, sep="\\n")
"""


@pytest.mark.parametrize("from_source", [True, False], ids=["source", "package"])
def test_module_finds_the_library_where_slicer_has_put_one_folder_on_the_path(package: Path, from_source: bool) -> None:
    """The module's own one from source; in a package the folder that the library is in as well."""
    folder, beside = (ROOT / "DeepIterReg", ROOT) if from_source else (package, package)
    code = LOADED.format(folder=str(folder), testing=str(ROOT / "Testing"))
    with_qt_or_skip()
    done = subprocess.run(
        [sys.executable, "-B", "-I", "-c", code], cwd=package, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    module, library, *path = done.stdout.splitlines()
    assert module == str(folder / "DeepIterReg.py")
    assert library == str(beside / "DeepIterRegLib" / "__init__.py")
    assert path[0] == str(folder)
    assert (str(ROOT) in path) == from_source


def with_qt_or_skip() -> None:
    pytest.importorskip("slicer")
    for name in ("QtWidgets", "QtUiTools", "QtTest"):
        pytest.importorskip(f"PySide6.{name}", exc_type=ImportError)


BEFORE = """
import json, sys, slicer, DeepIterReg
reports, tear_down = [], DeepIterReg.DeepIterRegTest.tearDown
def keep_report(test):
    node = slicer.mrmlScene.GetFirstNodeByName("Registration report")
    reports.extend([] if node is None else [json.loads(node.GetText())])
    tear_down(test)
DeepIterReg.DeepIterRegTest.tearDown = keep_report
"""
AFTER = """
files = {name: str(getattr(module, "__file__", None)) for name, module in sys.modules.items()}
print("FACTS" + json.dumps({"reports": reports, "files": files, "path": sys.path}))
"""


def test_packaged_extension_passes_its_own_test_with_what_a_bare_slicer_has(package: Path, tmp_path: Path) -> None:
    """The test that CMake gives to Slicer, of the installed tree: the panel opens, its worker registers a patient.

    Neither the panel nor its worker can import anything of the repository, or what a new Slicer may lack: no numba,
    no PyTorch, no safetensors.
    """
    with_qt_or_skip()
    build = package.parents[len(Path(MODULES).parts)] / "build"
    listed = subprocess.run(
        ["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True, check=True
    )
    (test,) = json.loads(listed.stdout)["tests"]
    assert test["name"] == "py_DeepIterReg"
    command = [word.replace(str(build / MODULES), str(package)) for word in test["command"]]
    assert str(package) in command, "Slicer is not told where the module is"
    code = command.index("--python-code") + 1
    command[code] = BEFORE + command[code] + AFTER
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"QT_QPA_PLATFORM": "offscreen", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DeepIterReg.DeepIterRegTest" in done.stderr, "Slicer ran another test"
    facts = json.loads(done.stdout.partition("FACTS")[2])

    (report,) = facts["reports"]
    # The head without contrast came with the sample data to the worker, so no network was asked; it is there.
    assert {term["seen_in"] for term in report["terms"]} == {"contrast", "mask frame"}
    (packaged,) = package.rglob(DEFAULT_CHECKPOINT.name)
    assert read_checkpoint(packaged).header.sha256 == read_checkpoint(DEFAULT_CHECKPOINT).header.sha256
    assert str(ROOT) not in facts["path"]
    ours = {name: file for name, file in facts["files"].items() if name.partition(".")[0].startswith("DeepIterReg")}
    assert {"DeepIterReg", "DeepIterRegLib.mrml.panel.widget"} <= set(ours)
    assert all(file.startswith(f"{package}{os.sep}") for file in ours.values())
    of_the_repository = {
        name
        for name, file in facts["files"].items()
        if file.startswith(f"{ROOT}{os.sep}") and "site-packages" not in file and name != "__main__"
    }
    assert all(name.startswith("Testing.") for name in of_the_repository)
