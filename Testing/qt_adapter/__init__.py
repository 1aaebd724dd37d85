"""Real Qt widgets for tests of the panel: PySide6 with PythonQt's calling style, and the outlines of Slicer around it.

Importing the package skips the test file where PySide6 or slicer-core is missing. How to use it:

    from Testing.qt_adapter import answering, installed, open_module

    with open_module() as opened:                         # DeepIterReg.py in a new scene; open_module(scene) in yours
        opened.ui.ctaSelector.setCurrentNode(cta)          # widgets of all forms by name, called as in Slicer
        opened.ui.registerButton.click()
        opened.process_events(until=lambda: opened.widget.panel.case is not None, timeout=20)
        opened.press("Shift+Left")                         # a key, to the panel
        opened.scroll(opened.ui.rightSlider)               # the mouse wheel, over a widget
        opened.screenshot("Testing/output/panel.png")      # all sections open
        with answering(lambda dialog: dialog.buttons()[0].click()):   # what the user does in a dialog
            opened.ui.saveSceneButton.click()
    with installed(scene) as around:                       # without the module: qt, ctk and slicer.* can be imported
        form = slicer.util.loadUI(path); ui = slicer.util.childWidgetVariables(form); form.setMRMLScene(around.scene)

`slicer.util` is Slicer's own, from slicer-core. Exceptions in signal handlers, timers and VTK's observers, which Slicer
only prints, are raised by `process_events` and when the block ends; `handler_errors.recorded` has them. A dialog that
nobody answers fails instead of waiting. `scene` is a real vtkMRMLScene, `slicer.app` is in testing mode, and QSettings
lie in a folder that goes.

PythonQt's rules (PythonQtInstanceWrapper.cpp, PythonQtClassInfo.cpp, PythonQtSignalReceiver.cpp), all kept here:

* An attribute is, in this order: a Qt property, a method or signal, an enumerator, a dynamic property, a child of that
  objectName. So a property hides its getter: `label.text` is a string and `label.text()` fails. `name` is objectName.
  `QTimer.singleShot` is the static method; the property has setSingleShot and isSingleShot.
* Assigning works for writable properties and existing dynamic ones. Anything else raises AttributeError: no new
  attributes on Qt's objects (on instances of classes derived in Python there are).
* `connect("signal(types)", f)` wants the C++ signature. f gets as many of the signal's arguments as it has parameters,
  *those with default values counted*: `connect("clicked(bool)", lambda row=3: ...)` is called with row=False.
  `signal.connect(f)` takes the first overload. `disconnect` returns whether there was anything to disconnect.
* Enumerators are integers found in the class (`qt.Qt.Horizontal`), never in the enumeration's name.
* Of a widget written in C++ without generated wrappers (CTK, qMRML), Python sees properties, signals, slots and
  Q_INVOKABLE methods: `button.collapsed = True`, not `button.setCollapsed(True)`.
* Lists come back as tuples. `exec_` and `exec` are the same. QFileDialog.getSaveFileName returns the path alone.
* An object made without a parent goes with the last Python reference to it: keep timers and shortcuts.

Stricter than PythonQt: an unknown signal raises (there: a warning), a property takes no value of another type (there:
a string property takes any object, an integer one cuts a float), numpy's scalars that are no Python numbers raise, and
a form with an unknown class, property, signal or slot, or a name used twice, does not load.
"""

from Testing.qt_adapter import available as _available  # noqa: F401  (first: it skips)
from Testing.qt_adapter.application import application
from Testing.qt_adapter.around import installed
from Testing.qt_adapter.modal import answering
from Testing.qt_adapter.opened_module import OpenedModule, grab, open_module

__all__ = ["OpenedModule", "answering", "application", "grab", "installed", "open_module"]
