/* essequence._essequence.Sequence, the base of the package's Sequence. */
#ifndef ESSEQUENCE_PYTHON_SEQUENCE_H
#define ESSEQUENCE_PYTHON_SEQUENCE_H

#include <Python.h>

/* -1 with an exception set where that fails. */
int add_sequence_type(PyObject *module);

#endif
