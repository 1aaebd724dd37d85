"""Slicer's main window as a picture: the module's panel on the left, the views of the layout on the right.

The panel is the real one on Qt's widgets; what the views show is drawn by Slicer's own slice logic and displayable
managers. Slicer's menus, tool bars and the views' controllers are left out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from DeepIterRegLib.mrml.views.layout import Arrangement, layout_node, layout_number
from Testing.qt_adapter import grab
from Testing.support.slice_view import Picture, ThreeDView, picture_of

PANEL_PX, WINDOW_PX, LEAST_HEIGHT_PX = 392, 1360, 560
BAR_PX, GAP_PX = 20, 3
PANEL_GROUND, VIEW_GROUND, MARK = (239, 239, 239), (60, 60, 60), (230, 110, 0)
BARS = {"Red": ("R", (243, 74, 51)), "Yellow": ("Y", (237, 213, 76)), "Green": ("G", (110, 176, 75)),
        "1": ("1", (122, 122, 210))}  # fmt: skip
"""Letter and colour of the bar above each view, Slicer's own."""
ROWS: dict[Arrangement, tuple[tuple[str, ...], ...]] = {"one": (("Red", "1"),), "two": (("Red", "Yellow", "1"),)}
FOUR_UP = (("Red", "1"), ("Green", "Yellow"))


def window(panel: Image.Image, scene: Any, width: int = WINDOW_PX) -> Image.Image:
    """The panel and the views of the layout that the scene is in, as high as the panel needs."""
    height = max(panel.height, LEAST_HEIGHT_PX)
    picture = Image.new("RGB", (width, height), PANEL_GROUND)
    picture.paste(panel, (0, 0))
    rows = view_rows(scene)
    for row, names in enumerate(rows):
        top, bottom = (height * edge // len(rows) for edge in (row, row + 1))
        for column, name in enumerate(names):
            left, right = (
                PANEL_PX + GAP_PX + (width - PANEL_PX - GAP_PX) * edge // len(names) for edge in (column, column + 1)
            )
            place = (left, top, right - GAP_PX * (column + 1 < len(names)), bottom - GAP_PX * (row + 1 < len(rows)))
            picture.paste(_view(scene, name, place[3] - place[1], place[2] - place[0]), place[:2])
    return picture


def view_rows(scene: Any) -> tuple[tuple[str, ...], ...]:
    """The names of the views on show, row by row."""
    node = layout_node(scene)
    number = None if node is None else node.GetViewArrangement()
    return next((rows for name, rows in ROWS.items() if number == layout_number(scene, name)), FOUR_UP)


def set_view_sizes(scene: Any, height: int, width: int = WINDOW_PX) -> None:
    """Give the slice views the size that `window` shows them in, as a main window does; their zoom is kept."""
    rows = view_rows(scene)
    for names in rows:
        for column, name in enumerate(names):
            if name != "1":
                left, right = ((width - PANEL_PX - GAP_PX) * edge // len(names) for edge in (column, column + 1))
                size = (
                    right - left - GAP_PX * (column + 1 < len(names)),
                    height // len(rows) - BAR_PX - GAP_PX * (len(rows) > 1),
                )
                resize(scene.GetSingletonNode(name, "vtkMRMLSliceNode"), *size)


def resize(node: Any, columns: int, rows: int) -> None:
    """The pixels of a view keep their size in mm."""
    before, field = node.GetDimensions(), node.GetFieldOfView()
    node.SetFieldOfView(field[0] * columns / before[0], field[1] * rows / before[1], field[2])
    node.SetDimensions(columns, rows, 1)


def panel_picture(opened: Any, sections: Sequence[str], marked: Sequence[str] = ()) -> Image.Image:
    """The panel with these sections open and a frame around these widgets, by their names."""
    from PySide6 import QtCore

    ui = opened.ui
    for name, button in vars(ui).items():
        if type(button).__name__ == "ctkCollapsibleButton":
            button.collapsed = name not in sections
    opened.process_events(0.1)
    whole = opened.parent._qt()
    picture = widget_picture(whole)
    draw = ImageDraw.Draw(picture)
    for name in marked:
        widget = getattr(ui, name)._qt()
        corner = widget.mapTo(whole, QtCore.QPoint(0, 0))
        box = (corner.x() - 3, corner.y() - 3, corner.x() + widget.width() + 2, corner.y() + widget.height() + 2)
        draw.rounded_rectangle(box, radius=5, outline=MARK, width=2)
    return picture


def widget_picture(widget: Any, width: int = PANEL_PX) -> Image.Image:
    """A PySide widget, as high as it needs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "widget.png"
        grab(widget, path, width)
        return Image.open(path).convert("RGB")


def dialog_picture(dialog: Any, title: str, width: int) -> Image.Image:
    """A PySide dialog in its frame."""
    dialog.setMinimumSize(width, dialog.sizeHint().height())
    content = widget_picture(dialog, width)
    picture = Image.new("RGB", (content.width + 2, content.height + BAR_PX + 1), VIEW_GROUND)
    ImageDraw.Draw(picture).text((8, 2), title, fill="white", font=ImageFont.load_default(13))
    picture.paste(content, (1, BAR_PX))
    return picture


def slice_picture(name: str) -> Picture:
    """(rows, columns, 3) what a slice view of the application shows, in its size, on the view's black ground."""
    import slicer
    from vtk.util.numpy_support import vtk_to_numpy

    logic = slicer.app.layoutManager().sliceWidget(name).sliceLogic()
    picture = picture_of(logic)
    # Where no volume is, the blend has some colour, and an alpha of 0.
    alpha = vtk_to_numpy(logic.GetBlend().GetOutput().GetPointData().GetScalars())[:, 3]
    picture[alpha.reshape(picture.shape[:2])[::-1] == 0] = 0
    return picture


def three_d_picture(scene: Any, rows: int, columns: int) -> Picture:
    """(rows, columns, 3) what the 3D view shows, drawn at twice the size: edges as smooth as on a screen."""
    view = ThreeDView(scene, 2 * rows, 2 * columns)
    for light in _renderer("1").GetLights():
        view.renderer.AddLight(light)
    try:
        large = view.image()
    finally:
        view.close()
    small: Picture = np.rint(large.reshape(rows, 2, columns, 2, 3).astype(float).mean(axis=(1, 3))).astype(np.uint8)
    return small


def tiles(pictures: Sequence[tuple[str, Picture]], columns: int) -> Image.Image:
    """Pictures of one size in rows, each under its title."""
    rows, width = pictures[0][1].shape[:2]
    title_px, step = 24, (width + 6, rows + 24 + 6)
    lines = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * step[0] - 6, lines * step[1] - 6), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (title, picture) in enumerate(pictures):
        left, top = number % columns * step[0], number // columns * step[1]
        draw.text((left + 2, top + 4), title, fill="black", font=ImageFont.load_default(15))
        sheet.paste(Image.fromarray(picture), (left, top + title_px))
    return sheet


def _view(scene: Any, name: str, height: int, width: int) -> Image.Image:
    """A view under its bar."""
    letter, colour = BARS[name]
    image = Image.new("RGB", (width, height), VIEW_GROUND)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, BAR_PX - 2), fill=colour)
    draw.text((8, 2), letter, fill="black" if letter == "Y" else "white", font=ImageFont.load_default(14))
    rows = height - BAR_PX
    if name == "1":
        shown = three_d_picture(scene, rows, width)
    else:
        resize(scene.GetSingletonNode(name, "vtkMRMLSliceNode"), width, rows)
        shown = slice_picture(name)
    image.paste(Image.fromarray(shown), (0, BAR_PX))
    _draw_captions(image, name)
    return image


def _draw_captions(image: Image.Image, name: str) -> None:
    """What the panel writes over a view, which is in the view's renderer and not in what the slice logic makes."""
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for actor in _renderer(name).GetActors2D():
        if not actor.GetVisibility() or not actor.IsA("vtkTextActor"):
            continue
        text, look = actor.GetInput(), actor.GetTextProperty()
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        size = right - left, bottom - top + 6
        x, y = actor.GetPosition()[0] * image.width, BAR_PX + (1 - actor.GetPosition()[1]) * (image.height - BAR_PX)
        x -= size[0] if look.GetJustification() == 2 else 0
        y -= size[1] / 2 if look.GetVerticalJustification() == 1 else 0
        ground, ink = (
            tuple(round(255 * part) for part in colour) for colour in (look.GetBackgroundColor(), look.GetColor())
        )
        draw.rectangle((x, y, x + size[0], y + size[1]), fill=ground)
        draw.text((x, y + 3 - top), text, fill=ink, font=font)


def _renderer(name: str) -> Any:
    """vtkRenderer that the application's view of that name has."""
    import slicer

    manager = slicer.app.layoutManager()
    view = manager.threeDWidget(0).threeDView() if name == "1" else manager.sliceWidget(name).sliceView()
    return view.renderWindow().GetRenderers().GetFirstRenderer()
