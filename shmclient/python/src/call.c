#include "call.h"

#include <essequence/waiting.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Thread_local Call *innermost;

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Python runs signal handlers in one thread, the process's first, or the one that forked. The
 * others must not take the interpreter's lock in here, between frames of the library: where the
 * interpreter is ending, Python ends a thread that does, by unwinding its stack. */
static int runs_signal_handlers(void) { return syscall(SYS_gettid) == getpid(); }

static int64_t patience(void *context) {
  Call *call = context;
  if (call->interrupted) return 0;
  const int64_t now = monotonic_ns(), timeout = call->timeout_ns;
  if (call->deadline_ns == 0) {
    call->deadline_ns = timeout < 0 || timeout > INT64_MAX - now ? INT64_MAX : now + timeout;
  }
  if (call->deadline_ns <= now) return 0;
  if (runs_signal_handlers()) {
    if (call->released != NULL) PyEval_RestoreThread(call->released);
    call->released = NULL;
    call->interrupted = PyErr_CheckSignals() != 0;
    if (call->interrupted) return 0;
  }
  if (call->released == NULL) call->released = PyEval_SaveThread();
  return call->deadline_ns - monotonic_ns();
}

void call_begin(Call *call, int64_t timeout_ns) {
  call->timeout_ns = timeout_ns;
  call->deadline_ns = 0;
  call->released = NULL;
  call->interrupted = 0;
  call->outer = innermost;
  innermost = call;
  essequence_set_patience(patience, call);
}

int call_end(Call *call) {
  innermost = call->outer;
  essequence_set_patience(innermost == NULL ? NULL : patience, innermost);
  if (call->released != NULL) PyEval_RestoreThread(call->released);
  return call->interrupted ? -1 : 0;
}

int timeout_from(PyObject *seconds, int64_t *timeout_ns) {
  if (seconds == Py_None) {
    *timeout_ns = -1;
    return 0;
  }
  const double number = PyFloat_AsDouble(seconds);
  if (number == -1.0 && PyErr_Occurred()) return -1;
  if (!(number >= 0)) {
    PyErr_Format(PyExc_ValueError, "timeout is %R; it is seconds from 0 on, or None for ever",
                 seconds);
    return -1;
  }
  *timeout_ns = number < 9e9 ? (int64_t)(number * 1e9) : -1; /* 9e9 s: three centuries */
  return 0;
}
