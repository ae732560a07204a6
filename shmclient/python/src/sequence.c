/* A sequence as Python sees it.
 *
 * THREAD SAFETY: any number of threads at once, with and without the interpreter's lock.
 *
 * INVARIANTS
 * 1. `window` is that of `opened`, or `nothing`, of which nobody is served: before the first take,
 *    and after close. So the fast path needs no look at either.
 * 2. `opened` changes once, from NULL, and is freed with the object: no call can be under way then,
 *    as each holds a reference.
 * 3. The other members do not change after __init__.
 */
#include "sequence.h"

#include <essequence/waiting.h>
#include <essequence/window.h>
#include <structmember.h>

#include "call.h"
#include "errors.h"

typedef struct {
  PyObject_HEAD essequence_window *window;
  essequence_sequence *opened;
  PyObject *transform; /* NULL: none */
  PyObject *name;
  PyObject *runtime_dir; /* None: the library's default */
  PyObject *encoded_name;
  PyObject *encoded_runtime_dir; /* NULL: the library's default */
  int64_t timeout_ns;            /* negative: for ever */
  unsigned long long bulk_size;
  int closed;
} Sequence;

static essequence_window nothing; /* all zero: what is claimed from it is nobody's id */

/* ---- the calls that may wait ---- */

static essequence_status open_now(Sequence *self) {
  if (__atomic_load_n(&self->opened, __ATOMIC_ACQUIRE) != NULL) return ESSEQUENCE_OK;
  const essequence_options options = {
      sizeof options,
      self->encoded_runtime_dir == NULL ? NULL : PyBytes_AsString(self->encoded_runtime_dir),
      -1, /* a Call has its own timeout */
      self->bulk_size};
  essequence_sequence *opened = NULL, *none = NULL;
  const char *name = self->encoded_name == NULL ? NULL : PyBytes_AsString(self->encoded_name);
  const essequence_status status = essequence_open(name, &options, &opened);
  if (status != ESSEQUENCE_OK) return status;
  if (__atomic_compare_exchange_n(&self->opened, &none, opened, 0, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE)) {
    /* Exchanged, not stored: who comes after a close sees it, and shuts the window again. */
    (void)__atomic_exchange_n(&self->window, essequence_get_window(opened), __ATOMIC_ACQ_REL);
    if (__atomic_load_n(&self->closed, __ATOMIC_RELAXED)) {
      __atomic_store_n(&self->window, &nothing, __ATOMIC_RELEASE);
    }
  } else {
    essequence_close(opened); /* another thread was faster */
  }
  return ESSEQUENCE_OK;
}

/* What a call has come to; -1 with an exception set where it is no id. */
static int ended(Call *call, essequence_status status) {
  if (call_end(call) != 0) return -1;
  return status == ESSEQUENCE_OK ? 0 : raise_status(status, essequence_last_error());
}

/* Also where the handler of a signal has raised while the sequence was opened, and it was opened
 * nevertheless: what is taken then would be lost with the exception. */
static int goes_on(const Call *call, essequence_status status) {
  return status == ESSEQUENCE_OK && !call->interrupted;
}

static int check_open(Sequence *self) {
  return __atomic_load_n(&self->closed, __ATOMIC_RELAXED)
             ? raise_status(ESSEQUENCE_INVALID, "the sequence is closed")
             : 0;
}

/* Behind the fast path, which claimed `ticket`: before a close, if from a ring's counter. */
static int resolve(Sequence *self, int64_t timeout_ns, uintptr_t distance, uint64_t ticket,
                   int64_t *id) {
  if (distance == 0 && check_open(self) != 0) return -1;
  Call call;
  call_begin(&call, timeout_ns);
  essequence_status status = open_now(self);
  if (goes_on(&call, status)) status = essequence_resolve(self->opened, distance, ticket, id);
  return ended(&call, status);
}

static int take_run(Sequence *self, int64_t timeout_ns, uint32_t wanted, essequence_run *run) {
  if (check_open(self) != 0) return -1;
  Call call;
  call_begin(&call, timeout_ns);
  essequence_status status = open_now(self);
  if (goes_on(&call, status)) status = essequence_take(self->opened, wanted, run);
  return ended(&call, status);
}

/* ---- taking ---- */

static PyObject *given(Sequence *self, int64_t id) {
  PyObject *number = PyLong_FromLongLong(id);
  if (self->transform == NULL || number == NULL) return number;
  PyObject *result = PyObject_CallFunctionObjArgs(self->transform, number, NULL);
  Py_DECREF(number);
  return result;
}

static PyObject *next_within_ns(Sequence *self, int64_t timeout_ns) {
  int64_t id = 0;
  uintptr_t distance = 0;
  uint64_t ticket = 0;
  /* Pairs with the release in open_now. */
  essequence_window *window = __atomic_load_n(&self->window, __ATOMIC_ACQUIRE);
  if (!essequence_window_next(window, &id, &distance, &ticket) &&
      resolve(self, timeout_ns, distance, ticket, &id) != 0) {
    return NULL;
  }
  return given(self, id);
}

static PyObject *sequence_iternext(PyObject *object) {
  Sequence *self = (Sequence *)object;
  return next_within_ns(self, self->timeout_ns);
}

static PyObject *sequence_next(PyObject *object, PyObject *unused) {
  (void)unused;
  return sequence_iternext(object);
}

static PyObject *sequence_next_within(PyObject *object, PyObject *timeout) {
  int64_t timeout_ns;
  if (timeout_from(timeout, &timeout_ns) != 0) return NULL;
  return next_within_ns((Sequence *)object, timeout_ns);
}

/* first, first + increment, …, so that no bound overflows: the last id lies below 2^63. */
static PyObject *range_of(const essequence_run *run) {
  const int64_t last = run->first + (int64_t)(run->count - 1) * run->increment;
  PyObject *start = PyLong_FromLongLong(run->first);
  PyObject *stop = PyLong_FromUnsignedLongLong((unsigned long long)last + 1);
  PyObject *step = PyLong_FromLongLong(run->increment);
  PyObject *range = NULL;
  if (start != NULL && stop != NULL && step != NULL) {
    range = PyObject_CallFunctionObjArgs((PyObject *)&PyRange_Type, start, stop, step, NULL);
  }
  Py_XDECREF(start);
  Py_XDECREF(stop);
  Py_XDECREF(step);
  return range;
}

static PyObject *sequence_take(PyObject *object, PyObject *args, PyObject *named) {
  Sequence *self = (Sequence *)object;
  static char *names[] = {"n", "timeout", NULL};
  long long wanted = 0;
  PyObject *timeout = NULL;
  int64_t timeout_ns = self->timeout_ns;
  if (!PyArg_ParseTupleAndKeywords(args, named, "L|O:take", names, &wanted, &timeout)) return NULL;
  if (timeout != NULL && timeout_from(timeout, &timeout_ns) != 0) return NULL;
  if (wanted < 0) wanted = 0; /* the library says what is wrong with that */
  essequence_run run;
  if (take_run(self, timeout_ns, wanted > UINT32_MAX ? UINT32_MAX : (uint32_t)wanted, &run) != 0) {
    return NULL;
  }
  return range_of(&run);
}

/* ---- the others ---- */

/* A call that takes nothing but a timeout. `then` NULL: it only opens. */
static PyObject *open_then(PyObject *object, PyObject *args, PyObject *named, const char *format,
                           essequence_status (*then)(essequence_sequence *)) {
  Sequence *self = (Sequence *)object;
  static char *names[] = {"timeout", NULL};
  PyObject *timeout = NULL;
  int64_t timeout_ns = self->timeout_ns;
  if (!PyArg_ParseTupleAndKeywords(args, named, format, names, &timeout)) return NULL;
  if (timeout != NULL && timeout_from(timeout, &timeout_ns) != 0) return NULL;
  if (check_open(self) != 0) return NULL;
  Call call;
  call_begin(&call, timeout_ns);
  essequence_status status = open_now(self);
  if (status == ESSEQUENCE_OK && then != NULL) status = then(self->opened);
  if (ended(&call, status) != 0) return NULL;
  Py_RETURN_NONE;
}

static PyObject *sequence_open(PyObject *object, PyObject *args, PyObject *named) {
  return open_then(object, args, named, "|O:open", NULL);
}

static PyObject *sequence_reset(PyObject *object, PyObject *args, PyObject *named) {
  return open_then(object, args, named, "|O:reset", essequence_reset);
}

static PyObject *sequence_close(PyObject *object, PyObject *unused) {
  (void)unused;
  Sequence *self = (Sequence *)object;
  __atomic_store_n(&self->closed, 1, __ATOMIC_RELAXED);
  (void)__atomic_exchange_n(&self->window, &nothing, __ATOMIC_ACQ_REL);
  Py_RETURN_NONE;
}

static PyObject *get_is_open(PyObject *object, void *unused) {
  (void)unused;
  return PyBool_FromLong(__atomic_load_n(&((Sequence *)object)->opened, __ATOMIC_ACQUIRE) != NULL);
}

static PyObject *get_on_request(PyObject *object, void *unused) {
  (void)unused;
  return PyBool_FromLong(
      essequence_on_request(__atomic_load_n(&((Sequence *)object)->opened, __ATOMIC_ACQUIRE)));
}

static PyObject *get_timeout(PyObject *object, void *unused) {
  (void)unused;
  const int64_t timeout_ns = ((Sequence *)object)->timeout_ns;
  if (timeout_ns < 0) Py_RETURN_NONE;
  return PyFloat_FromDouble((double)timeout_ns / 1e9);
}

/* ---- its life ---- */

static PyObject *sequence_new(PyTypeObject *type, PyObject *args, PyObject *named) {
  (void)args;
  (void)named;
  Sequence *self = (Sequence *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
  if (self != NULL) self->window = &nothing;
  return (PyObject *)self;
}

static int sequence_init(PyObject *object, PyObject *args, PyObject *named) {
  Sequence *self = (Sequence *)object;
  static char *names[] = {"name", "bulk_size", "transform", "es", "timeout", "runtime_dir", NULL};
  PyObject *name, *transform = Py_None, *es = Py_None, *timeout = NULL, *runtime_dir = Py_None;
  PyObject *bulk_size = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, named, "U|OOO$OO:Sequence", names, &name, &bulk_size,
                                   &transform, &es, &timeout, &runtime_dir)) {
    return -1;
  }
  if (self->name != NULL) {
    PyErr_SetString(PyExc_TypeError, "a Sequence is initialised once");
    return -1;
  }
  self->bulk_size = 10;
  self->timeout_ns = INT64_C(5000000000);
  if (bulk_size != NULL) self->bulk_size = PyLong_AsUnsignedLongLong(bulk_size);
  if (PyErr_Occurred()) return -1;
  if (timeout != NULL && timeout_from(timeout, &self->timeout_ns) != 0) return -1;
  if (runtime_dir != Py_None && !PyUnicode_FSConverter(runtime_dir, &self->encoded_runtime_dir)) {
    return -1;
  }
  self->encoded_name = PyUnicode_AsUTF8String(name);
  char *text;
  if (self->encoded_name == NULL || PyBytes_AsStringAndSize(self->encoded_name, &text, NULL) != 0) {
    return -1; /* also where a NUL would end the name early */
  }
  Py_INCREF(name);
  self->name = name;
  Py_INCREF(runtime_dir);
  self->runtime_dir = runtime_dir;
  if (transform != Py_None) {
    Py_INCREF(transform);
    self->transform = transform;
  }
  return es == Py_None ? 0 : PyObject_SetAttrString(object, "ES", es);
}

static int sequence_traverse(PyObject *object, visitproc visit, void *arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(((Sequence *)object)->transform);
  return 0;
}

static int sequence_clear(PyObject *object) {
  Py_CLEAR(((Sequence *)object)->transform);
  return 0;
}

static void sequence_dealloc(PyObject *object) {
  Sequence *self = (Sequence *)object;
  PyTypeObject *type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  sequence_clear(object);
  essequence_close(self->opened);
  Py_XDECREF(self->name);
  Py_XDECREF(self->runtime_dir);
  Py_XDECREF(self->encoded_name);
  Py_XDECREF(self->encoded_runtime_dir);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

#define WITH_NAMES(function) (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"next", sequence_next, METH_NOARGS,
     "The next id, as `transform` makes it. Waits, within the timeout, only while no id is ready."},
    {"next_within", sequence_next_within, METH_O,
     "As next(), with a timeout of its own: seconds, 0 not to wait, None for ever."},
    {"take", WITH_NAMES(sequence_take),
     "A range of 1 to n ids, as they are; waits only while none is ready."},
    {"open", WITH_NAMES(sequence_open),
     "Opens the sequence now; else the first take does. Creates a new one."},
    {"reset", WITH_NAMES(sequence_reset),
     "Starts the sequence anew, for everybody; later takes are of the new epoch."},
    {"close", sequence_close, METH_NOARGS, "Takes are over: they raise Invalid from now on."},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, "Sequence[T] is a type."},
    {NULL, NULL, 0, NULL}};

static PyMemberDef members[] = {
    {"name", T_OBJECT, offsetof(Sequence, name), READONLY, "The sequence's name."},
    {"bulk_size", T_ULONGLONG, offsetof(Sequence, bulk_size), READONLY,
     "The smallest block worth fetching for it."},
    {"transform", T_OBJECT, offsetof(Sequence, transform), READONLY,
     "What makes of an id what next() returns; or None."},
    {"runtime_dir", T_OBJECT, offsetof(Sequence, runtime_dir), READONLY,
     "The sidecar's directory; None: the default."},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef properties[] = {
    {"timeout", get_timeout, NULL, "Seconds that a call may wait; None: for ever.", NULL},
    {"_is_open", get_is_open, NULL, NULL, NULL},
    {"_on_request", get_on_request, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot slots[] = {{Py_tp_new, sequence_new},
                              {Py_tp_init, sequence_init},
                              {Py_tp_dealloc, sequence_dealloc},
                              {Py_tp_traverse, sequence_traverse},
                              {Py_tp_clear, sequence_clear},
                              {Py_tp_iter, PyObject_SelfIter},
                              {Py_tp_iternext, sequence_iternext},
                              {Py_tp_methods, methods},
                              {Py_tp_members, members},
                              {Py_tp_getset, properties},
                              {0, NULL}};

static PyType_Spec spec = {"essequence._essequence.Sequence", sizeof(Sequence), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};

int add_sequence_type(PyObject *module) {
  PyObject *type = PyType_FromSpec(&spec);
  if (type == NULL) return -1;
  const int outcome = PyObject_SetAttrString(module, "Sequence", type);
  Py_DECREF(type);
  return outcome;
}
