"""Renderers: vessel trees to the images a C-arm would make of them, with pose gradients. See docs/rendering.md."""
