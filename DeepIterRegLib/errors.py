"""Errors whose message is one sentence for the person who can act on it."""

from __future__ import annotations


class InputError(ValueError):
    """The input cannot be registered.

    The message is one sentence: what is wrong, in which file or tag, what to do about it. The command line prints it
    and exits with code 2, the Slicer panel shows it as it stands; nothing has been written when it is raised.
    """


class RegistrationCancelled(Exception):
    """The caller asked to stop; the scene and the previous result are as they were."""
