/* The extension essequence._essequence: what of the package is C. */
#include <Python.h>
#include <essequence/essequence.h>

#include "errors.h"
#include "sequence.h"

static int fill(PyObject *module) {
  if (add_errors(module) != 0 || add_sequence_type(module) != 0) return -1;
  return PyModule_AddStringConstant(module, "__version__", essequence_version());
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill},
#ifdef Py_GIL_DISABLED
                                   {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
                                   {0, NULL}};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_essequence", .m_slots = slots};

PyMODINIT_FUNC PyInit__essequence(void);
PyMODINIT_FUNC PyInit__essequence(void) { return PyModuleDef_Init(&definition); }
