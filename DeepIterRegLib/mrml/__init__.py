"""The only code that knows MRML and Qt: Slicer's nodes in, Slicer's nodes out. Decisions: docs/mrml.md.

Everything here but the widget runs in plain Python on `pip install slicer-core`.
"""
