"""The stand-ins for PythonQt, CTK and Slicer's widgets: as strict as the real ones, and of the same behaviour."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Union

import numpy as np
import pytest

from Testing.qt_adapter import answering, application, grab, handler_errors, installed, open_module, processes

FORM = """<ui version="4.0"><class>Form</class><widget class="qMRMLWidget" name="Form">
 <layout class="QVBoxLayout"><item><widget class="ctkCollapsibleButton" name="partButton">
  <property name="text"><string>Part</string></property>
  <layout class="QFormLayout">
   <item row="0" column="0"><widget class="QLabel" name="label"><property name="text"><string>CTA:</string></property>
   </widget></item>
   <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="selector">
    <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
    <property name="noneEnabled"><bool>true</bool></property>
    <property name="SlicerParameterName" stdset="0"><string>cta</string></property></widget></item>
   <item row="1" column="1"><widget class="QDoubleSpinBox" name="box">
    <property name="minimum"><double>-5</double></property>
    <property name="SlicerParameterName" stdset="0"><string>angle</string></property></widget></item>
   <item row="2" column="1"><widget class="ctkSliderWidget" name="slider">
    <property name="suffix"><string> mm</string></property></widget></item>
  </layout></widget></item>
  <item><widget class="QPushButton" name="button"><property name="text"><string>Go</string></property></widget></item>
 </layout></widget>
 <customwidgets>
  <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>a</header></customwidget>
  <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>a</header></customwidget>
  <customwidget><class>ctkSliderWidget</class><extends>QWidget</extends><header>a</header></customwidget>
  <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>a</header></customwidget>
 </customwidgets>
 <connections><connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
  <receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections></ui>"""


@pytest.fixture
def around() -> Iterator[Any]:
    """qt, ctk, slicer and a scene."""
    with installed() as found:
        yield found


@pytest.fixture
def form(around: Any, tmp_path: Path) -> Any:
    return load(around, FORM, tmp_path)


@pytest.fixture
def ui(around: Any, form: Any) -> Any:
    return around.slicer.util.childWidgetVariables(form)


def load(around: Any, text: str, folder: Path) -> Any:
    path = folder / "Form.ui"
    path.write_text(text, encoding="utf-8")
    return around.slicer.util.loadUI(str(path))


def add_volume(around: Any, name: str = "CTA") -> Any:
    return around.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)


# PythonQt's attributes


def test_property_hides_its_getter(around: Any) -> None:
    label = around.qt.QLabel("a")
    assert label.text == "a"
    with pytest.raises(TypeError, match="not callable"):
        label.text()
    assert label.wordWrap is False
    label.wordWrap = True
    assert label.wordWrap is True
    label.setText("b")
    assert label.text == "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("txt", "no such property"),
        ("text", 3),
        ("text", None),
        ("enabled", 1),
        ("setText", "a method"),
        ("clicked", "a signal"),
        ("iconSize", (3, 4)),
        ("maximumWidth", 2.5),
        ("maximumWidth", np.int64(2)),
        ("underMouse", True),
        ("normalGeometry", None),
    ],
)
def test_what_cannot_be_assigned_raises(around: Any, name: str, value: Any) -> None:
    button = around.qt.QPushButton("a")
    with pytest.raises((AttributeError, TypeError)):
        setattr(button, name, value)
    assert button.text == "a"
    assert button.enabled


def test_unknown_attribute_raises(around: Any) -> None:
    with pytest.raises(AttributeError, match="no attribute named 'txt'"):
        _ = around.qt.QPushButton("a").txt
    with pytest.raises(AttributeError):
        _ = around.qt.QNothing
    with pytest.raises(AttributeError):
        _ = around.ctk.ctkNothing
    with pytest.raises(AttributeError):
        around.qt.QPushButton.text = "of all buttons"


def test_enumerators_are_integers_of_the_class(around: Any) -> None:
    qt = around.qt
    assert qt.Qt.Vertical == 2
    assert qt.QProcess.NotRunning == 0
    slider = qt.QSlider(qt.Qt.Horizontal)
    assert slider.orientation == qt.Qt.Horizontal
    slider.orientation = qt.Qt.Vertical
    assert slider.orientation == qt.Qt.Vertical
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert label.alignment & qt.Qt.AlignRight
    with pytest.raises(AttributeError, match="does not accept"):
        slider.orientation = qt.Qt.AlignRight
    with pytest.raises(AttributeError):
        _ = qt.Qt.Orientation.Horizontal


def test_object_is_found_again_as_itself(around: Any, form: Any, ui: Any) -> None:
    qt = around.qt
    assert ui.button.parent() is form
    assert isinstance(ui.button, qt.QWidget)
    assert type(ui.button) is qt.QPushButton
    assert ui.button.name == ui.button.objectName == "button"
    assert form.button == ui.button
    assert isinstance(form.children(), tuple)
    assert (ui.partButton.className(), ui.partButton.inherits("QAbstractButton")) == ("ctkCollapsibleButton", True)
    assert isinstance(ui.selector, around.slicer.qMRMLNodeComboBox)
    assert {child.name for child in form.findChildren(qt.QPushButton)} == {"button"}


def test_dynamic_property_is_an_attribute_once_it_exists(ui: Any) -> None:
    assert ui.selector.SlicerParameterName == ui.selector.property("SlicerParameterName") == "cta"
    assert ui.button.property("SlicerParameterName") is None
    with pytest.raises(AttributeError):
        ui.button.SlicerParameterName = "cta"
    ui.button.setProperty("SlicerParameterName", "cta")
    ui.button.SlicerParameterName = "dsa"
    assert ui.button.SlicerParameterName == "dsa"


def test_deleted_object_raises(around: Any) -> None:
    label = around.qt.QLabel("a")
    assert label
    label.delete()
    assert not label
    with pytest.raises(ValueError, match="destroyed"):
        _ = label.text


def test_methods_take_what_qt_takes(around: Any) -> None:
    box = around.qt.QSpinBox()
    with pytest.raises(TypeError):
        box.setValue("3")
    with pytest.raises(TypeError, match="PythonQt"):
        box.setValue(np.int64(3))
    with pytest.raises(TypeError):
        box.setValue(value=3)
    box.setValue(3)
    assert box.value == 3
    assert around.qt.QColor(255, 0, 0).name() == "#ff0000"
    assert around.qt.QColor("red") == around.qt.QColor(255, 0, 0)


# Signals


def test_signal_is_named_by_its_signature(around: Any) -> None:
    button = around.qt.QPushButton()
    for wrong in ("click()", "clicked(int)", "clicked", "currentIndexChanged(int)"):
        with pytest.raises(AttributeError, match="no signal"):
            button.connect(wrong, print)
    with pytest.raises(TypeError):
        button.connect("clicked()", "not a function")


def test_function_gets_as_many_arguments_as_it_has_parameters(around: Any) -> None:
    button = around.qt.QPushButton()
    got: list[Any] = []
    button.checkable = True
    button.connect("clicked(bool)", lambda: got.append("none"))
    button.connect("clicked(bool)", lambda checked=3: got.append(checked))
    button.connect("clicked()", lambda checked=4: got.append(checked))
    button.connect("clicked(bool)", lambda *arguments: got.append(arguments))
    button.clicked.connect(lambda checked: got.append(("attribute", checked)))
    button.click()
    assert got == ["none", True, 4, (True,), ("attribute", True)]


def test_disconnecting_takes_one_function_off(around: Any) -> None:
    button, got = around.qt.QPushButton(), []
    first, second = lambda: got.append(1), lambda: got.append(2)
    button.connect("clicked()", first)
    button.connect("clicked()", second)
    assert button.disconnect("clicked()", first)
    assert not button.disconnect("clicked()", first)
    button.click()
    assert got == [2]
    assert button.disconnect("clicked()")
    button.click()
    assert got == [2]


def test_blocked_signals_are_silent(ui: Any) -> None:
    got: list[float] = []
    ui.slider.connect("valueChanged(double)", got.append)
    assert ui.slider.blockSignals(True) is False
    ui.slider.value = 5.0
    assert ui.slider.blockSignals(False) is True
    ui.slider.value = 6.0
    assert got == [6.0]


def test_signal_reaches_a_slot(around: Any, ui: Any) -> None:
    ui.button.checkable = True
    ui.button.connect("toggled(bool)", ui.box, "setDisabled(bool)")
    ui.button.checked = True
    assert not ui.box.enabled
    with pytest.raises(AttributeError, match="no slot"):
        ui.button.connect("toggled(bool)", ui.box, "setNothing(bool)")


def fail(*_: Any) -> None:
    raise KeyError("in a handler")


def test_exception_in_a_handler_ends_the_block() -> None:
    def click() -> None:
        with installed() as around:
            button = around.qt.QPushButton()
            button.connect("clicked()", fail)
            button.click()

    with pytest.raises(KeyError, match="in a handler"):
        click()
    assert not handler_errors.recorded


def test_exception_in_an_observer_ends_the_block() -> None:
    def change() -> None:
        with installed() as around:
            volume = add_volume(around)
            volume.AddObserver("ModifiedEvent", fail)
            volume.Modified()

    with pytest.raises(KeyError, match="in a handler"):
        change()


# Qt's own objects


def wait_until(condition: Any) -> None:
    import time

    end = time.monotonic() + 10
    while not condition():
        application().processEvents()
        assert time.monotonic() < end
        time.sleep(0.002)


def test_process_is_read_as_it_writes(around: Any) -> None:
    qt, lines = around.qt, []
    process = qt.QProcess()
    process.connect("readyReadStandardOutput()", lambda: lines.append(process.readAllStandardOutput().data()))
    ended = []
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ended.append((code, status)))
    process.start(sys.executable, ["-c", "print(input()); raise SystemExit(3)"])
    assert process.waitForStarted()
    assert process.state() == qt.QProcess.Running
    process.write(b"hello\n")
    wait_until(lambda: ended)
    assert b"".join(lines).strip() == b"hello"
    assert ended == [(3, qt.QProcess.NormalExit)]
    assert process.state() == qt.QProcess.NotRunning


def test_process_that_is_left_running_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_S", 0.05)
    started = []

    def start() -> None:
        with installed() as around:
            started.append(around.qt.QProcess())
            started[0].start(sys.executable, ["-c", "input()"])
            assert started[0].waitForStarted()

    with pytest.raises(AssertionError, match="Still running"):
        start()
    assert started[0].state() == 0


def test_timer_runs_and_goes_with_its_last_reference(around: Any) -> None:
    qt, ticks = around.qt, []
    timer, dropped = qt.QTimer(), qt.QTimer()
    for made, name in ((timer, "kept"), (dropped, "dropped")):
        made.setInterval(1)
        made.connect("timeout()", lambda *arguments, name=name: ticks.append(name))
        made.start()
    del dropped, made
    assert timer.active
    qt.QTimer.singleShot(5, lambda: ticks.append("once"))
    wait_until(lambda: "once" in ticks and "kept" in ticks)
    assert "dropped" not in ticks
    timer.stop()
    with pytest.raises(AttributeError):
        timer.singleShot = True
    timer.setSingleShot(True)
    assert timer.isSingleShot()


def test_settings_are_kept_for_the_tests_only(around: Any) -> None:
    settings = around.qt.QSettings()
    assert settings.value("DeepIterReg/nothing") is None
    settings.setValue("DeepIterReg/asked", "yes")
    assert around.qt.QSettings().value("DeepIterReg/asked") == "yes"
    assert "deepiterreg-settings-" in settings.fileName()
    settings.remove("DeepIterReg/asked")


def test_class_derived_in_python_overrides_and_has_attributes(around: Any) -> None:
    qt = around.qt
    base: Any = qt.QObject

    class Watcher(base):
        def __init__(self, parent: Any) -> None:
            super().__init__(parent)
            self.seen: list[Any] = []

        def eventFilter(self, watched: Any, event: Any) -> bool:
            if event.type() == qt.QEvent.MouseButtonPress:
                self.seen.append((watched, event.button()))
                return True
            return False

    button, clicks = qt.QPushButton(), []
    button.connect("clicked()", lambda: clicks.append(1))
    watcher = Watcher(button)
    button.installEventFilter(watcher)
    press(button)
    assert watcher.seen == [(button, qt.Qt.LeftButton)]
    assert not clicks
    button.removeEventFilter(watcher)
    press(button)
    assert clicks


def press(widget: Any) -> None:
    from PySide6 import QtCore, QtTest

    QtTest.QTest.mouseClick(widget._qt(), QtCore.Qt.MouseButton.LeftButton)


def test_dialog_needs_an_answer(around: Any) -> None:
    qt = around.qt
    box = qt.QMessageBox()
    box.text = "Install?"
    yes, no = box.addButton("Yes", qt.QMessageBox.AcceptRole), box.addButton("No", qt.QMessageBox.RejectRole)
    with pytest.raises(AssertionError, match="Install"):
        box.exec_()
    with pytest.raises(AssertionError, match="getSaveFileName"):
        qt.QFileDialog.getSaveFileName(None, "Save")
    with answering(lambda dialog: no.click()):
        box.exec_()
    assert box.clickedButton() == no
    assert box.clickedButton() != yes
    with answering(lambda name, *arguments: f"/tmp/{arguments[1]}.tfm"):
        assert qt.QFileDialog.getSaveFileName(None, "Save") == "/tmp/Save.tfm"


# Stand-ins


def test_collapsed_button_hides_its_contents_and_shows_them_again(around: Any, form: Any, ui: Any) -> None:
    form.show()
    ui.label.visible = False
    heights = []
    for collapsed in (False, True, False):
        ui.partButton.collapsed = collapsed
        application().processEvents()
        assert ui.partButton.checked is not collapsed
        assert (ui.selector.visible, ui.slider.visible) == (not collapsed, not collapsed)
        assert not ui.label.visible, "hidden on purpose"
        heights.append(form.sizeHint.height())
    assert heights[1] < heights[0] - 50
    assert heights[2] == heights[0]
    with pytest.raises(AttributeError):
        ui.partButton.setCollapsed(True)
    got: list[bool] = []
    ui.partButton.connect("contentsCollapsed(bool)", got.append)
    ui.partButton.click()
    assert got == [True]
    form.hide()


def test_slider_and_its_box_have_one_value(around: Any, ui: Any) -> None:
    slider = ui.slider
    got: list[float] = []
    slider.connect("valueChanged(double)", got.append)
    slider.minimum, slider.maximum, slider.decimals, slider.singleStep = -20.0, 20.0, 1, 0.5
    slider.value = 3.14
    assert slider.value == 3.1
    slider.value = 100
    assert slider.value == 20.0
    box, rail = slider._qt()._box, slider._qt()._slider
    assert rail.value() == rail.maximum()
    box.setValue(-20)
    assert rail.value() == rail.minimum()
    rail.setValue((rail.maximum() + rail.minimum()) // 2)
    assert abs(slider.value) < 0.05
    assert got == [3.1, 20.0, -20.0, 0.0]
    with pytest.raises(AttributeError):
        slider.setMinimum(0)


def test_slider_that_does_not_track_reports_when_it_is_let_go(ui: Any) -> None:
    slider = ui.slider
    got: list[float] = []
    on_the_way: list[float] = []
    slider.tracking = False
    slider.connect("valueChanged(double)", got.append)
    slider.connect("valueIsChanging(double)", on_the_way.append)
    rail = slider._qt()._slider
    rail.setSliderDown(True)
    rail.setValue(rail.maximum() // 2)
    assert (got, len(on_the_way)) == ([], 1)
    rail.setSliderDown(False)
    assert got == on_the_way


def test_double_spin_box_is_no_double_spin_box(around: Any) -> None:
    box = around.ctk.ctkDoubleSpinBox()
    got: list[float] = []
    box.connect("valueChanged(double)", got.append)
    box.maximum, box.suffix = 9.0, " mm"
    box.value = 5.0
    box.setValue(12.0)
    assert got == [5.0, 9.0]
    assert box.cleanText == "9.00"
    for name in ("specialValueText", "setMaximum", "keyboardTracking"):
        with pytest.raises(AttributeError):
            getattr(box, name)


def test_colour_button_asks_for_a_colour(around: Any) -> None:
    button, got = around.ctk.ctkColorPickerButton(), []
    button.connect("colorChanged(QColor)", lambda color: got.append(color.name()))
    assert button.color == around.qt.QColor(0, 0, 0)
    button.color = around.qt.QColor("red")
    button.setColor(around.qt.QColor("red"))
    with answering(lambda name, color: around.qt.QColor("blue")):
        button.click()
    assert got == ["#ff0000", "#0000ff"]
    with pytest.raises(AttributeError):
        button.color = "#00ff00"


def test_selector_follows_the_scene(around: Any, form: Any, ui: Any) -> None:
    selector = ui.selector
    got: list[Any] = []
    selector.connect("currentNodeChanged(vtkMRMLNode*)", got.append)
    assert not selector.enabled
    form.setMRMLScene(around.scene)
    assert selector.enabled
    first, second = add_volume(around, "a"), add_volume(around, "b")
    add = around.scene.AddNewNodeByClass
    add("vtkMRMLLinearTransformNode", "no volume")
    assert [selector.nodeFromIndex(index) for index in range(selector.nodeCount())] == [first, second]
    assert selector.currentNode() is None
    assert got == [None], "the scene came, nothing was selected yet"
    selector.setCurrentNode(second)
    assert (selector.currentNodeID, got) == (second.GetID(), [None, second])
    second.SetName("c")
    assert got[1:] == [second, second], "renaming counts as a change, as in Slicer"
    first.SetHideFromEditors(True)
    assert (selector.nodeCount(), selector.currentNode()) == (1, second)
    selector.showHidden = True
    assert selector.nodeCount() == 2
    around.scene.RemoveNode(second)
    assert selector.currentNode() is first, "the one beside it"
    around.scene.RemoveNode(first)
    assert selector.currentNode() is None
    assert got[-1] is None


def test_selector_without_none_shows_its_hint(around: Any, form: Any, ui: Any) -> None:
    form.setMRMLScene(around.scene)
    selector = ui.selector
    selector.noneEnabled = False
    volume = add_volume(around)
    assert selector.currentNode() is None
    selector.setCurrentNodeID(volume.GetID())
    around.scene.Clear()
    assert (selector.nodeCount(), selector.currentNodeID) == (0, "")


def test_selector_tells_kinds_of_nodes_apart(around: Any, form: Any, ui: Any) -> None:
    form.setMRMLScene(around.scene)
    selector, add = ui.selector, around.scene.AddNewNodeByClass
    volume = add_volume(around)
    label_map = add("vtkMRMLLabelMapVolumeNode", "labels")
    assert selector.nodeCount() == 2
    selector.hideChildNodeTypes = ["vtkMRMLLabelMapVolumeNode"]
    assert (selector.nodeCount(), selector.nodeFromIndex(0)) == (1, volume)
    selector.hideChildNodeTypes = []
    selector.showChildNodeTypes = False
    assert selector.nodeCount() == 1
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode", "vtkMRMLLabelMapVolumeNode"]
    assert selector.nodeCount() == 2
    selector.addAttribute("vtkMRMLScalarVolumeNode", "kind", "cta")
    assert (selector.nodeCount(), selector.nodeFromIndex(0)) == (1, label_map)
    volume.SetAttribute("kind", "cta")
    assert selector.nodeCount() == 2


def test_deleted_selector_lets_go_of_the_scene(around: Any, form: Any, ui: Any, capfd: Any) -> None:
    form.setMRMLScene(around.scene)
    volume = add_volume(around)
    form.delete()
    volume.SetName("b")
    add_volume(around)
    around.scene.Clear()
    assert capfd.readouterr().err == ""


def test_node_chosen_before_the_scene_is_current_after(around: Any, form: Any, ui: Any) -> None:
    volume = add_volume(around)
    ui.selector.setCurrentNode(volume)
    assert ui.selector.currentNode() is None
    form.setMRMLScene(around.scene)
    assert ui.selector.currentNode() is volume


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("nodeTypes", "nodeType"),
        ("<slot>setMRMLScene", "<slot>setScene"),
        ("<signal>mrmlSceneChanged", "<signal>sceneChanged"),
        ('class="ctkSliderWidget" name="slider"', 'class="ctkOtherSlider" name="slider"'),
        ("<class>ctkSliderWidget</class>", "<class>ctkAnything</class>"),
        ('name="button"', 'name="slider"'),
    ],
)
def test_form_that_names_what_is_not_there_does_not_load(around: Any, tmp_path: Path, right: str, wrong: str) -> None:
    assert right in FORM
    with pytest.raises((RuntimeError, AttributeError)):
        load(around, FORM.replace(right, wrong), tmp_path)


def test_picture_of_a_form_shows_its_text(around: Any, form: Any, ui: Any, tmp_path: Path) -> None:
    from PIL import Image

    form.show()
    pictures = []
    for text in ("Go", "Register"):
        ui.button.text = text
        grab(form._qt(), tmp_path / f"{text}.png", width=380)
        with Image.open(tmp_path / f"{text}.png") as image:
            pictures.append(np.asarray(image.convert("L"), dtype=int))
    form.hide()
    assert pictures[0].shape == pictures[1].shape
    assert pictures[0].shape[1] == 380
    assert (np.abs(pictures[0] - pictures[1]) > 50).sum() > 50, "letters, not empty boxes"


# Slicer's application


def test_modules_are_there_while_the_block_runs_only() -> None:
    import slicer

    with installed() as around:
        import ctk
        import qt
        from slicer.i18n import tr
        from slicer.util import VTKObservationMixin, settingsValue, tryWithErrorDisplay

        assert (qt, ctk) == (around.qt, around.ctk)
        assert tr("Register") == "Register"
        assert settingsValue("Developer/DeveloperMode", False) is False
        assert VTKObservationMixin
        with pytest.raises(KeyError), tryWithErrorDisplay("Failed"):
            fail()
        assert slicer.app.testingEnabled()
        assert slicer.app.applicationName == "Slicer"
        assert slicer.mrmlScene is around.scene
        assert slicer.util.mainWindow() is None
    assert not {"qt", "ctk", "slicer.i18n"} & set(sys.modules)
    assert not hasattr(slicer, "app")


def test_views_have_nodes_and_interactors(around: Any) -> None:
    manager = around.slicer.app.layoutManager()
    assert {"Red", "Yellow", "Green"} <= set(manager.sliceViewNames())
    red = manager.sliceWidget("Red")
    assert red.mrmlSliceNode() is around.scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    interactor = red.sliceView().interactor()
    assert interactor is manager.sliceWidget("Red").sliceView().interactor()
    got: list[tuple[int, int]] = []
    interactor.AddObserver("LeftButtonPressEvent", lambda caller, event: got.append(caller.GetEventPosition()))
    interactor.SetEventInformation(30, 40)
    interactor.InvokeEvent("LeftButtonPressEvent")
    assert got == [(30, 40)]
    assert manager.sliceWidget("Purple") is None
    volume = add_volume(around)
    around.slicer.util.setSliceViewerLayers(background=volume)
    assert red.mrmlSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()


def wrapped_class(around: Any, annotations: dict[str, Any], **defaults: Any) -> Any:
    from slicer.parameterNodeWrapper import parameterNodeWrapper

    return parameterNodeWrapper(type("Parameters", (), {"__annotations__": annotations, **defaults}))


def new_node(around: Any) -> Any:
    return around.scene.AddNewNodeByClass("vtkMRMLScriptedModuleNode", "parameters")


def test_parameters_are_kept_in_the_node(around: Any) -> None:
    volume_class = around.slicer.vtkMRMLScalarVolumeNode
    kinds = {"cta": volume_class, "angle": float, "count": int, "name": str, "shown": bool}
    cls = wrapped_class(around, kinds, angle=2.5)
    node, volume, changes = new_node(around), add_volume(around), []
    parameters = cls(node)
    assert (parameters.cta, parameters.angle, parameters.name, parameters.shown) == (None, 2.5, "", False)
    node.AddObserver("ModifiedEvent", lambda caller, event: changes.append(1))
    parameters.cta, parameters.angle, parameters.shown = volume, 4, True
    assert len(changes) == 3
    again = cls(node)
    assert (again.cta, again.angle, again.shown) == (volume, 4.0, True)
    assert (node.GetNodeReferenceID("cta"), node.GetParameter("angle")) == (volume.GetID(), "4")
    for name, value in (("angle", "4"), ("cta", new_node(around)), ("count", 2.5), ("name", None)):
        with pytest.raises(TypeError):
            setattr(parameters, name, value)


def test_widgets_and_parameters_follow_each_other_even_when_disconnected(around: Any, form: Any, ui: Any) -> None:
    form.setMRMLScene(around.scene)
    volume = add_volume(around)
    cls = wrapped_class(around, {"cta": around.slicer.vtkMRMLScalarVolumeNode, "angle": float})
    parameters = cls(new_node(around))
    parameters.angle = 3.0
    tag = parameters.connectGui(ui)
    assert ui.box.value == 3.0
    ui.selector.setCurrentNode(volume)
    assert parameters.cta is volume
    parameters.angle = 7.0
    assert ui.box.value == 7.0
    parameters.disconnectGui(tag)
    ui.box.value = 8.0
    assert parameters.angle == 8.0, "Slicer's disconnectGui does not disconnect"


def test_connecting_overrides_what_the_form_says(around: Any, form: Any, ui: Any) -> None:
    form.setMRMLScene(around.scene)
    slicer = around.slicer
    cls = wrapped_class(around, {"cta": slicer.vtkMRMLLabelMapVolumeNode, "angle": float})
    cls(new_node(around)).connectGui(ui)
    assert ui.box.minimum < -1e300, "no longer -5"
    assert ui.selector.nodeTypes == ("vtkMRMLLabelMapVolumeNode",)


def test_annotated_limits_hold(around: Any, form: Any, ui: Any) -> None:
    from slicer.parameterNodeWrapper import WithinRange

    slicer = around.slicer
    sequence: Any = slicer.vtkMRMLSequenceNode
    volume_class: Any = slicer.vtkMRMLScalarVolumeNode
    union = Union[sequence, volume_class, None]  # noqa: UP007
    cls = wrapped_class(around, {"cta": union, "angle": Annotated[float, WithinRange(-5, 5)]})
    form.setMRMLScene(around.scene)
    parameters = cls(new_node(around))
    parameters.connectGui(ui)
    assert (ui.box.minimum, ui.box.maximum) == (-5, 5)
    assert ui.selector.nodeTypes == ("vtkMRMLSequenceNode", "vtkMRMLScalarVolumeNode")
    with pytest.raises(ValueError, match="range"):
        parameters.angle = 6.0
    volume = add_volume(around)
    for node in (volume, None, around.scene.AddNewNodeByClass("vtkMRMLSequenceNode", "s"), volume):
        parameters.cta = node
        assert parameters.cta is node
        assert ui.selector.currentNode() is node


def test_abstract_node_class_cannot_be_connected(around: Any, form: Any, ui: Any) -> None:
    cls = wrapped_class(around, {"cta": around.slicer.vtkMRMLNode, "angle": float})
    with pytest.raises(TypeError, match="abstract"):
        cls(new_node(around)).connectGui(ui)
    with pytest.raises(TypeError, match="Union"):
        wrapped_class(around, {"cta": around.slicer.vtkMRMLSequenceNode | around.slicer.vtkMRMLScalarVolumeNode})


# The module


def test_module_opens_and_closes(tmp_path: Path) -> None:
    import slicer

    with open_module() as opened:
        assert opened.parent.isEntered
        assert slicer.modules.deepiterreg.title == "DeepIterReg"
        assert Path(slicer.util.modulePath("DeepIterReg")).name == "DeepIterReg.py"
        assert opened.ui.registerButton.text.startswith("Select a")
        collapsed = opened.ui.inputsButton.collapsed
        opened.screenshot(tmp_path / "panel.png")
        assert opened.ui.inputsButton.collapsed is collapsed
        assert (tmp_path / "panel.png").stat().st_size > 5000
        volume = opened.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CTA")
        opened.ui.ctaSelector.setCurrentNode(volume)
        opened.process_events()
        opened.exit()
        opened.enter()
        opened.scene.Clear()
        opened.process_events()
        assert opened.ui.ctaSelector.currentNode() is None
    assert "DeepIterReg" not in sys.modules
    assert not hasattr(slicer, "modules")


def test_waiting_for_what_never_comes_ends() -> None:
    with open_module() as opened:
        with pytest.raises(TimeoutError):
            opened.process_events(until=lambda: False, timeout=0.05)
        opened.process_events(seconds=0.01)


def test_key_reaches_a_shortcut_of_the_panel() -> None:
    with open_module() as opened:
        import qt

        pressed: list[str] = []
        shortcut = qt.QShortcut(opened.parent)
        shortcut.setKey(qt.QKeySequence("Shift+Left"))
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.connect("activated()", lambda: pressed.append("Shift+Left"))
        opened.press("Shift+Left")
        shortcut.enabled = False
        opened.press("Shift+Left")
        assert pressed == ["Shift+Left"]


def test_wheel_turns_what_does_not_guard_against_it() -> None:
    with open_module() as opened:
        import ctk

        slider = ctk.ctkSliderWidget(opened.parent)
        slider.show()
        opened.scroll(slider)
        assert slider.value > 0
        slider.enabled = False
        value = slider.value
        opened.scroll(slider)
        assert slider.value == value
