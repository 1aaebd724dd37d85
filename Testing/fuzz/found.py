"""Damage that once was a fault, as small as it could be made: kept, so that it never is one again."""

from __future__ import annotations

from Testing.fuzz.damage import Damage

FOUND = (
    # ITK ended the process at a parameter that is no number.
    Damage("transform .txt", "pose.txt", ((357, 20, b"NONE"),)),
    # HDF5 complained at the process's end, read where nothing is, took 2 GB.
    Damage("transform .h5", "pose.h5", ((2103, 16, b""),)),
    Damage("transform .h5", "pose.h5", ((6740, 1, b"\x08"), (3748, 0, b"\xe1\xc1"))),
    Damage("transform .h5 composite", "pose.h5", ((1917, 1, b"\x08"), (2350, 6154, b""), (954, 1, b"\x02"))),
    Damage("transform .h5 composite", "pose.h5", ((5668, 4, b"\0\0\7\0"), (8431, 0, b" \xf9\xa8\x95\x9b\x14\x11Dk\r"))),
    # Matlab's reader asked for all the memory there is.
    Damage("transform .mat", "pose.mat", ((100, 2, b"\x00@"), (7, 27, b"c\xc4\xf8\x16Y\x03\xae\x0f\x14\x18\x8ea\xa0"))),
    # Numbers so large that numpy warned of their product.
    Damage(
        "transform .mat", "pose.mat", ((55, 45, b"\0\0\0\1\0\0\0\0\0\0\0\6\0\0\0fixed\0\0\0\0\0\0\0$@\0\0\0\0\0\0"),)
    ),
    # MINC's reader wrote to the terminal.
    Damage("transform .xfm", "pose.xfm", ((156, 17, b"NONE"),)),
)
