/* A call into the library that may wait.
 *
 * The interpreter's lock is let go of when the library is about to wait, and only then. In the
 * thread that runs signal handlers the wait is interrupted to run them; one that raises ends it.
 */
#ifndef ESSEQUENCE_PYTHON_CALL_H
#define ESSEQUENCE_PYTHON_CALL_H

#include <Python.h>
#include <stdint.h>

typedef struct Call {
  int64_t timeout_ns;      /* from the first wait on */
  int64_t deadline_ns;     /* CLOCK_MONOTONIC; INT64_MAX: never; 0: it has not waited yet */
  PyThreadState *released; /* not NULL while this thread does without the interpreter's lock */
  int interrupted;         /* a signal handler raised an exception, which is set */
  struct Call *outer;      /* the call whose wait a signal handler interrupted to make this one */
} Call;

/* timeout_ns 0: it never waits; negative: for ever. */
void call_begin(Call *call, int64_t timeout_ns);

/* The interpreter's lock is held again. -1 with an exception set where a handler raised. */
int call_end(Call *call);

/* Seconds, or None for ever. -1 with an exception set where it is neither. */
int timeout_from(PyObject *seconds, int64_t *timeout_ns);

#endif
