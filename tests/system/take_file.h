/* What a taker writes and the checker reads: one file per thread, every id it took in order.
 *
 *   TakeFileHeader | Record, Record, …
 *
 * Records are stored into a shared mapping, so that what was taken is in the file also after a
 * SIGKILL of the taker. A record counts if its epoch is not zero; the epoch is stored last. The
 * file grows in steps, and what lies behind the last record is zero. Compiles as C and as C++. */
#ifndef TESTS_SYSTEM_TAKE_FILE_H
#define TESTS_SYSTEM_TAKE_FILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TAKE_FILE_MAGIC UINT64_C(0x3153454b41545145) /* "EQTAKES1" */

typedef struct {
  uint64_t magic;
  uint64_t has_times; /* 1: TimedRecord, 0: Record */
} TakeFileHeader;

typedef struct {
  uint64_t epoch;
  int64_t id;
} Record;

typedef struct {
  uint64_t epoch;
  int64_t id;
  int64_t begin_ns; /* CLOCK_MONOTONIC just before and just after the take */
  int64_t end_ns;
} TimedRecord;

/* Flags in Record::epoch. */
#define TAKE_UNTOLD (UINT64_C(1) << 63) /* the take did not tell its epoch: the rest is zero */
#define TAKE_LEASED (UINT64_C(1) << 62) /* an id of a lease: not ordered with other takes */
#define TAKE_RESET (UINT64_C(1) << 61)  /* no id: this taker reset the sequence; always untold */
#define TAKE_FLAGS (TAKE_UNTOLD | TAKE_LEASED | TAKE_RESET)

typedef struct TakeFile TakeFile;

/* NULL and errno if it cannot be made. `times` 0: the times are not written. */
TakeFile *take_file_create(const char *path, int times);
/* Ends the program where the file cannot grow: what is not written down cannot be checked. */
void take_file_add(TakeFile *file, uint64_t epoch, int64_t id, int64_t begin_ns, int64_t end_ns);
void take_file_close(TakeFile *file); /* NULL is fine */

int64_t monotonic_ns(void);

#ifdef __cplusplus
}
#endif
#endif
