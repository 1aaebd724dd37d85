"""C-arm, rigid transforms and projection. Frames: docs/DESIGN.md."""
