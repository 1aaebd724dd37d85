"""The process beside Slicer that computes, so that the application never waits: `python -m DeepIterRegLib.worker`.

One JSON line per message; see docs/worker.md.
"""
