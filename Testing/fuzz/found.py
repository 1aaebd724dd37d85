"""Damage that once was a fault, as small as it could be made: kept, so that it never is one again."""

from __future__ import annotations

from Testing.fuzz.damage import Damage

FOUND = (
    # ITK ended the process at a parameter that is no number.
    Damage("transform .txt", "pose.txt", ((357, 20, b"NONE"),)),
    # ITK's message, which quotes the damage, is not UTF-8.
    Damage("transform .tfm", "pose.tfm", ((53, 6, b"\xff\xfe"),)),
    # HDF5 complained at the process's end, read where nothing is, took 2 GB.
    Damage("transform .h5", "pose.h5", ((2103, 16, b""),)),
    Damage("transform .h5", "pose.h5", ((6740, 1, b"\x08"), (3748, 0, b"\xe1\xc1"))),
    Damage("transform .h5 composite", "pose.h5", ((1917, 1, b"\x08"), (2350, 6154, b""), (954, 1, b"\x02"))),
    Damage("transform .h5 composite", "pose.h5", ((5668, 4, b"\0\0\7\0"), (8431, 0, b" \xf9\xa8\x95\x9b\x14\x11Dk\r"))),
    # Matlab's reader asked for all the memory there is.
    Damage("transform .mat", "pose.mat", ((100, 2, b"\x00@"), (7, 27, b"c\xc4\xf8\x16Y\x03\xae\x0f\x14\x18\x8ea\xa0"))),
    # Numbers so large that numpy warned of their product.
    Damage("transform .mat", "pose.mat", ((82, 19, b"\4k\xee?47xR\xc5z\xc3\xbf\xff\xac\x9dHyM\xc9"), (104, 1, b"K"))),
    # MINC's reader wrote to the terminal.
    Damage("transform .xfm", "pose.xfm", ((156, 17, b"NONE"),)),
    # ITK ended the process at a number of dimensions that is none.
    Damage("run MetaImage", "run.mha", ((27, 1, b"99999999999999999999"),)),
    # An image without voxels.
    Damage("run MetaImage", "run.mha", ((238, 2, b"0"), (148, 1, b"-9223372036854775808"))),
    # The NRRD reader ended the process at voxels in its header.
    Damage("run NRRD", "run.nrrd", ((241, 56, b""),)),
    # Axes so oblique that the straight grid about them had no end.
    Damage("MetaImage detached", "head.mhd", ((131, 1, b"99999999999999999999"),)),
    # ITK reserved the memory that a header announced.
    Damage("run NRRD", "run.nrrd", ((179, 1, b"2147483648"),)),
    # Numbers that are none, wherever a tag is read.
    Damage("XA", "run.dcm", ((588, 4, b"\x08\x00AVG_SUB "),)),
    Damage("XA", "run.dcm", ((996, 4, b"\x06\x00short "),)),
    Damage("XA", "run.dcm", ((630, 4, b"\x04\x00-0.0"),)),
    Damage("XA JPEG", "run.dcm", ((552, 4, b"\x06\x00double"),)),
    Damage("XA JPEG", "run.dcm", ((950, 4, b"\x08\x00AVG_SUB "),)),
    Damage("Enhanced XA", "run.dcm", ((828, 4, b"\x04\x001,5 "),)),
    # Several where there is one.
    Damage("XA", "run.dcm", ((896, 4, b"\x06\x0096\\80 "),)),
    Damage("XA", "run.dcm", ((864, 4, b"\x04\x00LOG "),)),
    # Value representations and lengths that pydicom does not know, in functional groups and elsewhere.
    Damage("Enhanced XA", "run.dcm", ((1220, 4, b"\x07\x00\x00\x00"),)),
    Damage("Enhanced XA", "run.dcm", ((766, 82, b"\x02\x00\x00\x000 "),)),
    Damage("Enhanced XA", "run.dcm", ((1626, 12, b""), (738, 264, b""))),
    Damage("Enhanced XA", "run.dcm", ((14178, 22, b""), (1114, 2, b"DT"))),
    Damage("XA", "run.dcm", ((896, 2, b"\x07\x00"),)),
    # A run of 32 000 frames took a minute to be refused, one of two thousand million had no end.
    Damage("XA RLE", "run.dcm", ((818, 4, b"\x06\x0032000 "),)),
    Damage("XA JPEG 2000", "run.dcm", ((812, 4, b"\n\x002147483648"),)),
    # A transfer syntax that is none was told with all its bytes.
    Damage("XA", "run.dcm", ((257, 8, b"\x00\x00\x80\xff\x1b[31"),)),
    # pydicom warned on the terminal.
    Damage("CT series", "IM00", ((646, 14, b"\x02\x00\x0f\x00"),)),
    Damage("CT series", "IM00", ((498, 34, b"\x06\x00-1024 "),)),
    Damage("CT series", "IM00", ((728, 4, b"\x0c\x00MONOCHROME2 "), (698, 4, b"\x02\x00\\\\"))),
    # A rescale slope that no whole number of 64 bits has room for.
    Damage("CT series", "IM00", ((752, 4, b"\x04\x001e30"),)),
    # A MetaImage whose voxels are nowhere: ITK divided by nothing.
    Damage("MetaImage packed", "head.mha", ((319, 39, b""),)),
    # An element of no known kind where it was only asked whether there is one.
    Damage(
        "XA JPEG 2000",
        "run.dcm",
        (
            (551, 17, bytes(17)),
            (476, 8, b"\x02\x001 "),
            (194, 40, b""),
            (282, 0, b"\x02\x00\x13\x00SH\x0e\x00PYDICOM 3.0.2 "),
        ),
    ),
)
