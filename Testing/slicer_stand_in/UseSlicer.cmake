# Of what Slicer's file of this name does, what the extension's own files rely on: BUILD_TESTING, and add_test().
include(CTest)
