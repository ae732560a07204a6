#define _GNU_SOURCE
#include "tests/system/take_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Small, because a killed taker leaves the rest of its last piece behind. */
enum { kPiece = 256 << 10 };

struct TakeFile {
  int file;
  int times;
  char *piece;
  off_t piece_begin;
  size_t used;
};

/* 0 or an error number. */
static int map_piece(TakeFile *file, off_t begin) {
  const int error = posix_fallocate(file->file, begin, kPiece);
  if (error != 0) return error;
  file->piece = mmap(NULL, kPiece, PROT_READ | PROT_WRITE, MAP_SHARED, file->file, begin);
  file->piece_begin = begin;
  file->used = 0;
  return file->piece == MAP_FAILED ? errno : 0;
}

TakeFile *take_file_create(const char *path, int times) {
  const TakeFileHeader header = {TAKE_FILE_MAGIC, times != 0};
  int error = ENOMEM;
  TakeFile *file = malloc(sizeof *file);
  if (file == NULL) return NULL;
  file->times = times != 0;
  file->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  error = file->file < 0 ? errno : map_piece(file, 0);
  if (error != 0) {
    if (file->file >= 0) close(file->file);
    free(file);
    errno = error;
    return NULL;
  }
  memcpy(file->piece, &header, sizeof header);
  file->used = times ? sizeof(TimedRecord) : sizeof header; /* aligns records to their size */
  return file;
}

void take_file_add(TakeFile *file, uint64_t epoch, int64_t id, int64_t begin_ns, int64_t end_ns) {
  TimedRecord *record = NULL;
  if (file->used == kPiece) {
    munmap(file->piece, kPiece);
    const int error = map_piece(file, file->piece_begin + kPiece);
    if (error != 0) {
      fprintf(stderr, "cannot grow the file of what was taken: %s\n", strerror(error));
      exit(1);
    }
  }
  record = (TimedRecord *)(void *)(file->piece + file->used);
  record->id = id;
  if (file->times) {
    record->begin_ns = begin_ns;
    record->end_ns = end_ns;
  }
  __atomic_store_n(&record->epoch, epoch, __ATOMIC_RELEASE);
  file->used += file->times ? sizeof(TimedRecord) : sizeof(Record);
}

void take_file_close(TakeFile *file) {
  if (file == NULL) return;
  munmap(file->piece, kPiece);
  /* The checker reads to the first empty record, so a failure here only wastes space. */
  if (ftruncate(file->file, file->piece_begin + (off_t)file->used) != 0) perror("ftruncate");
  close(file->file);
  free(file);
}

int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}
