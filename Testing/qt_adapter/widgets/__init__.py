"""Stand-ins for the widgets of CTK and of Slicer that forms name. Written after their headers, not copied.

A stand-in lists in CALLABLE its own methods that C++ declares as slot or Q_INVOKABLE: Python sees no others. SIGNALS
maps C++ signatures to PySide's signals, because a vtkMRMLNode* means nothing to PySide.
"""

from __future__ import annotations

from Testing.qt_adapter.widgets.collapsible_button import ctkCollapsibleButton
from Testing.qt_adapter.widgets.color_picker_button import ctkColorPickerButton
from Testing.qt_adapter.widgets.double_spin_box import ctkDoubleSpinBox
from Testing.qt_adapter.widgets.mrml_widget import qMRMLWidget
from Testing.qt_adapter.widgets.node_combo_box import qMRMLNodeComboBox
from Testing.qt_adapter.widgets.slider_widget import ctkSliderWidget

STAND_INS = {
    cls.__name__: cls
    for cls in (
        ctkCollapsibleButton,
        ctkColorPickerButton,
        ctkDoubleSpinBox,
        ctkSliderWidget,
        qMRMLNodeComboBox,
        qMRMLWidget,
    )
}
