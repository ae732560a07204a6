/* essequence.Error, and one subclass for each status of the library. */
#ifndef ESSEQUENCE_PYTHON_ERRORS_H
#define ESSEQUENCE_PYTHON_ERRORS_H

#include <Python.h>
#include <essequence/essequence.h>

/* Makes the classes. -1 with an exception set where that fails. */
int add_errors(PyObject *module);

/* Raises the class of `status`; the words are UTF-8. Always -1. */
int raise_status(essequence_status status, const char *words);

#endif
