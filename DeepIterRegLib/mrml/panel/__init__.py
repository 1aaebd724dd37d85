"""The sections of the module's panel: each is a view on the scene, with its widgets in a .ui file of its own."""
