/* Essequence: integer ids for data that lives in Elasticsearch.
 *
 * A sidecar on this host fetches blocks of ids and lays them into shared memory; every process
 * takes its next id from there with one atomic instruction. This is the C interface of the client
 * library.
 *
 * PROMISES. Within one epoch of a sequence no id is returned twice, by any process on any host.
 * Takes on one host that do not overlap in time return increasing ids. A take with ids in the ring
 * never waits.
 *
 * THREADS. A sequence may be used by any number of threads at once, except that close needs it for
 * itself. FORK. After fork() parent and child may both go on using a sequence; they never share an
 * id. SIGNALS. A take is not async-signal-safe. GUEST MANNERS. The library never exits, aborts,
 * prints, installs a signal handler, or starts a thread; no C++ exception leaves it.
 *
 * Compiles as C11 and as C++17.
 */
#ifndef ESSEQUENCE_ESSEQUENCE_H
#define ESSEQUENCE_ESSEQUENCE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ESSEQUENCE_API __attribute__((visibility("default")))
#else
#define ESSEQUENCE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* An open sequence; any number of threads may use it at once. */
typedef struct essequence_sequence essequence_sequence;

/* Ids ready: OK, always. With an empty ring VERSION, SYSTEM, FENCED, EXHAUSTED and NOT_FOUND come
 * at once, the others at the deadline. essequence_last_error() says more in words. */
typedef enum {
  ESSEQUENCE_OK = 0,
  ESSEQUENCE_TIMEOUT = 1,     /* no id within the timeout, though sidecar and source look well */
  ESSEQUENCE_UNAVAILABLE = 2, /* no id within the timeout: the sidecar is away, or its source is */
  ESSEQUENCE_EXHAUSTED = 3,   /* the sequence has reached its max; it has no further id */
  ESSEQUENCE_FENCED = 4,    /* stopped, because going on could repeat an id; an operator decides */
  ESSEQUENCE_DENIED = 5,    /* no permission on the directory, its files, or the request */
  ESSEQUENCE_NOT_FOUND = 6, /* no such sequence, and it may not be created; or it was deleted */
  ESSEQUENCE_INVALID = 7,   /* a bad name, a NULL, wanted 0, or options of an unknown size */
  ESSEQUENCE_VERSION = 8,   /* the ring has another layout than this library knows */
  ESSEQUENCE_SYSTEM = 9     /* the files are damaged, or a system call failed */
} essequence_status;

/* {sizeof(essequence_options)} and zeros are the defaults. */
typedef struct {
  size_t size;             /* sizeof(essequence_options) */
  const char *runtime_dir; /* NULL: $ESSEQUENCE_RUNTIME_DIR, else /run/essequence */
  int64_t timeout_ns;      /* of each take, open and reset; 0: 5 seconds, negative: for ever */
  uint64_t bulk_size;      /* the smallest block worth fetching for this sequence; 0: no wish */
} essequence_options;

/* first, first + increment, …: count ids of one epoch. */
typedef struct {
  int64_t first;
  int64_t increment;
  uint64_t epoch;
  uint32_t count;
  uint32_t reserved;
} essequence_run;

/* Opens `name` (UTF-8, 1–255 bytes, no control character, no '/', no leading '_', not "." or "..").
 * A sequence that is in the ring is found there, also with the sidecar away. An unknown one is
 * created through the control socket within the timeout. Does not wait for ids. `options` may be
 * NULL. On failure *sequence is NULL. */
ESSEQUENCE_API essequence_status essequence_open(const char *name,
                                                 const essequence_options *options,
                                                 essequence_sequence **sequence);

/* Takes the next id. Waits, within the timeout, only while the ring is empty. (Of a sequence whose
 * ids increase across all hosts, order = "cluster", nothing is ever in the ring: next and take ask
 * the sidecar each time, and it the source; try_next answers TIMEOUT.) */
ESSEQUENCE_API essequence_status essequence_next(essequence_sequence *sequence, int64_t *id);

/* Takes the next id if one is ready; else TIMEOUT at once (and the sidecar is asked for more). */
ESSEQUENCE_API essequence_status essequence_try_next(essequence_sequence *sequence, int64_t *id);

/* Takes a run of 1 ≤ count ≤ `wanted` ids of one block; it is shorter than wanted where the block
 * ends. Waits, within the timeout, only while the ring is empty. */
ESSEQUENCE_API essequence_status essequence_take(essequence_sequence *sequence, uint32_t wanted,
                                                 essequence_run *run);

/* Starts the sequence anew, through the control socket: when this has returned OK, every take on
 * this host that begins afterwards returns an id of the new epoch. DENIED unless the sidecar's
 * control.reset allows it. TIMEOUT: the outcome is not known. */
ESSEQUENCE_API essequence_status essequence_reset(essequence_sequence *sequence);

/* Frees the sequence; NULL is fine. No thread may be inside a call with it. */
ESSEQUENCE_API void essequence_close(essequence_sequence *sequence);

/* One word for a status, e.g. "FENCED". Static storage. */
ESSEQUENCE_API const char *essequence_status_text(essequence_status status);

/* This thread's last failure, in words; "" before the first. Valid until this thread's next call.
 */
ESSEQUENCE_API const char *essequence_last_error(void);

/* The library's version, e.g. "0.1.0". Static storage. */
ESSEQUENCE_API const char *essequence_version(void);

#ifdef __cplusplus
}
#endif
#endif
