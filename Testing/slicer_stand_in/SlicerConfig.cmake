# Stands in for a Slicer build tree when test_packaging.py installs and tests the extension without Slicer. The macros do
# to files what Slicer's and CTK's do: copy what is listed below the build tree, keeping sub-folders, then install that
# tree. What is not listed, or is listed with a path out of its folder, is missing afterwards. A call with a keyword that
# Slicer does not know, or with a file that does not exist, is an error.

set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR ${Slicer_QTSCRIPTEDMODULES_LIB_DIR})
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake)
foreach(included Slicer_EXTENSION_GENERATE_CONFIG Slicer_EXTENSION_CPACK)
  set(${included} ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
endforeach()
if(NOT DEFINED Slicer_LAUNCHER_EXECUTABLE)
  set(Slicer_LAUNCHER_EXECUTABLE python3 ${CMAKE_CURRENT_LIST_DIR}/launcher.py)
endif()

function(stand_in_check_call name)
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${name}: unknown keywords \"${MY_UNPARSED_ARGUMENTS}\"")
  endif()
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
      message(FATAL_ERROR "${name}: there is no \"${file}\" in ${CMAKE_CURRENT_SOURCE_DIR}")
    endif()
  endforeach()
endfunction()

function(ctkMacroCompilePythonScript)
  cmake_parse_arguments(MY "NO_INSTALL_SUBDIR;GLOBAL_TARGET" "TARGET_NAME;DESTINATION_DIR;INSTALL_DIR" "SCRIPTS;RESOURCES" ${ARGN})
  stand_in_check_call(ctkMacroCompilePythonScript)
  foreach(file IN LISTS MY_SCRIPTS MY_RESOURCES)
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${file} ${MY_DESTINATION_DIR}/${file} COPYONLY)
  endforeach()
  set(installed ${MY_DESTINATION_DIR})
  if(MY_NO_INSTALL_SUBDIR)
    set(installed ${MY_DESTINATION_DIR}/)
  endif()
  install(DIRECTORY ${installed} DESTINATION ${MY_INSTALL_DIR} COMPONENT RuntimeLibraries)
endfunction()

function(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR;VERBOSE" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  stand_in_check_call(slicerMacroBuildScriptedModule)
  ctkMacroCompilePythonScript(
    TARGET_NAME ${MY_NAME}
    SCRIPTS "${MY_SCRIPTS}"
    RESOURCES "${MY_RESOURCES}"
    DESTINATION_DIR ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}
    INSTALL_DIR ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}
    NO_INSTALL_SUBDIR
    )
endfunction()

function(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  stand_in_check_call(slicer_add_python_unittest)
  get_filename_component(name ${MY_SCRIPT} NAME_WE)
  get_filename_component(folder ${MY_SCRIPT} PATH)
  if(folder STREQUAL "")
    set(folder ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  if(NOT EXISTS ${folder}/${name}.py)
    message(FATAL_ERROR "slicer_add_python_unittest: Slicer would not find \"${MY_SCRIPT}\"")
  endif()
  add_test(NAME py_${MY_TESTNAME_PREFIX}${name} COMMAND ${Slicer_LAUNCHER_EXECUTABLE} --no-splash --testing --ignore-slicerrc
    --python-code "import slicer.testing; slicer.testing.runUnitTest(['${CMAKE_CURRENT_BINARY_DIR}', '${folder}'], '${name}')"
    ${MY_SLICER_ARGS}
    )
endfunction()
