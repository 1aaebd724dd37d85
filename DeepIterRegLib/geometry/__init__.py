"""C-arm, rigid transforms, projection: the numerics of where things are. Frames: docs/DESIGN.md."""
