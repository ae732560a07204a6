#include "errors.h"

#include <string.h>

enum { kLongestName = 64 };

/* NOT_FOUND is the class NotFound. */
static void class_name(const char *status, char name[kLongestName]) {
  int begins_word = 1;
  size_t length = 0;
  for (; *status != '\0' && length + 1 < kLongestName; ++status) {
    if (*status != '_') name[length++] = (char)(begins_word ? *status : *status + ('a' - 'A'));
    begins_word = *status == '_';
  }
  name[length] = '\0';
}

static PyObject *add_class(PyObject *module, const char *name, const char *status, const char *doc,
                           PyObject *base) {
  char qualified[kLongestName + sizeof "essequence."];
  PyOS_snprintf(qualified, sizeof qualified, "essequence.%s", name);
  PyObject *attributes = Py_BuildValue("{ss}", "status", status);
  if (attributes == NULL) return NULL;
  PyObject *added = PyErr_NewExceptionWithDoc(qualified, doc, base, attributes);
  Py_DECREF(attributes);
  if (added != NULL && PyObject_SetAttrString(module, name, added) != 0) Py_CLEAR(added);
  return added;
}

/* The library's own list tells which there are: one that is newer may have more of them. */
int add_errors(PyObject *module) {
  PyObject *base = add_class(module, "Error", "", "A call failed; `status` is the library's word.",
                             PyExc_Exception);
  if (base == NULL) return -1;
  int outcome = 0;
  for (int status = ESSEQUENCE_OK + 1; outcome == 0; ++status) {
    const char *text = essequence_status_text((essequence_status)status);
    if (strcmp(text, "UNKNOWN") == 0) break;
    char name[kLongestName];
    class_name(text, name);
    PyObject *added = add_class(module, name, text, NULL, base);
    outcome = added == NULL ? -1 : 0;
    Py_XDECREF(added);
  }
  Py_DECREF(base);
  return outcome;
}

int raise_status(essequence_status status, const char *words) {
  char name[kLongestName];
  class_name(essequence_status_text(status), name);
  /* Before an import, whose hooks may use the library and so change the words. The library cuts
   * what is long: maybe within a character. */
  PyObject *text = PyUnicode_DecodeUTF8(words, (Py_ssize_t)strlen(words), "replace");
  /* Found by name, so that each interpreter of the process raises its own. */
  PyObject *module = PyImport_ImportModule("essequence._essequence");
  PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, name);
  if (type != NULL && text != NULL) PyErr_SetObject(type, text);
  Py_XDECREF(text);
  Py_XDECREF(type);
  Py_XDECREF(module);
  return -1;
}
