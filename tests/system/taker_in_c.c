/* As taker.cpp, in C, on the C interface alone: takes in every way there is, a lease too, and
 * writes down what it took with its epoch where the take tells it. With --reset it resets the
 * sequence in the middle. Prints one line of JSON; exit status 1 if a take or the reset failed in
 * another way than the clock's or the sidecar's (TIMEOUT, UNAVAILABLE). */
#define _GNU_SOURCE
#include <errno.h>
#include <essequence/window.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/take_file.h"

typedef struct {
  const char *runtime_dir, *sequence, *out;
  double seconds, timeout, rate; /* rate 0: as many as it can */
  uint32_t run;
  int threads, reset;
} Job;

typedef struct {
  const Job *job;
  essequence_sequence *sequence;
  TakeFile *file;
  uint64_t taken, timeouts, unavailable, errors;
  char last_error[256];
} Thread;

/* What essequence::Lease does, and unlike it with the epoch told. */
typedef struct {
  essequence_run run;
  uint64_t ticket;
  uint32_t token, used;
} Lease;

static int is_over(const Lease *lease, const essequence_window *window) {
  return lease->used == lease->run.count ||
         __atomic_load_n(&window->token, __ATOMIC_RELAXED) != lease->token ||
         __atomic_load_n(__atomic_load_n(&window->cut, __ATOMIC_RELAXED), __ATOMIC_ACQUIRE) >
             lease->ticket;
}

static essequence_status lease_next(Lease *lease, essequence_sequence *sequence, uint32_t wanted,
                                    int64_t *id) {
  if (is_over(lease, essequence_get_window(sequence))) {
    memset(lease, 0, sizeof *lease);
    const essequence_status status =
        essequence_lease(sequence, wanted, &lease->run, &lease->ticket, &lease->token);
    if (status != ESSEQUENCE_OK) return status;
  }
  *id = lease->run.first + lease->run.increment * lease->used++;
  return ESSEQUENCE_OK;
}

static essequence_status take(Thread *thread, Lease *lease, unsigned turn) {
  essequence_run run = {0, 1, TAKE_UNTOLD, 1, 0};
  essequence_status status = ESSEQUENCE_OK;
  const int64_t begin = monotonic_ns();
  switch (turn % 4) {
    case 0:
      status = essequence_next(thread->sequence, &run.first);
      break;
    case 1:
      status = essequence_try_next(thread->sequence, &run.first);
      break;
    case 2:
      status = essequence_take(thread->sequence, thread->job->run, &run);
      break;
    default:
      status = lease_next(lease, thread->sequence, thread->job->run, &run.first);
      run.epoch = lease->run.epoch | TAKE_LEASED;
  }
  const int64_t end = monotonic_ns();
  if (status != ESSEQUENCE_OK) return status;
  for (uint32_t i = 0; i < run.count; ++i) {
    take_file_add(thread->file, run.epoch, run.first + run.increment * i, begin, end);
  }
  thread->taken += run.count;
  return ESSEQUENCE_OK;
}

static void count_failure(Thread *thread, essequence_status status) {
  snprintf(thread->last_error, sizeof thread->last_error, "%s: %s", essequence_status_text(status),
           essequence_last_error());
  if (status == ESSEQUENCE_TIMEOUT) {
    ++thread->timeouts;
  } else if (status == ESSEQUENCE_UNAVAILABLE) {
    ++thread->unavailable;
  } else {
    ++thread->errors;
    usleep(10000); /* these come at once */
  }
}

static void reset(Thread *thread) {
  const int64_t begin = monotonic_ns();
  const essequence_status status = essequence_reset(thread->sequence);
  if (status == ESSEQUENCE_OK) {
    take_file_add(thread->file, TAKE_UNTOLD | TAKE_RESET, 0, begin, monotonic_ns());
  } else {
    count_failure(thread, status);
  }
}

static void *take_all(void *context) {
  Thread *const thread = context;
  const Job *const job = thread->job;
  const int64_t begin = monotonic_ns();
  int to_reset = job->reset;
  Lease lease;
  memset(&lease, 0, sizeof lease);
  for (unsigned turn = 0;; ++turn) {
    const double now = (double)(monotonic_ns() - begin) / 1e9;
    if (now >= job->seconds) return NULL;
    if (to_reset && now >= job->seconds / 2) {
      reset(thread);
      to_reset = 0;
    }
    if (job->rate > 0 && (double)thread->taken > job->rate * now) {
      usleep(1000);
      continue;
    }
    const essequence_status status = take(thread, &lease, turn);
    if (status != ESSEQUENCE_OK) count_failure(thread, status);
  }
}

static Job job_of(int argc, char **argv) {
  static const struct option options[] = {{"runtime-dir", required_argument, NULL, 'd'},
                                          {"sequence", required_argument, NULL, 's'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"seconds", required_argument, NULL, 'S'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"threads", required_argument, NULL, 'T'},
                                          {"run", required_argument, NULL, 'n'},
                                          {"reset", no_argument, NULL, 'R'},
                                          {NULL, 0, NULL, 0}};
  Job job = {NULL, NULL, NULL, 10, 1, 0, 64, 1, 0};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    switch (option) {
      case 'd':
        job.runtime_dir = optarg;
        break;
      case 's':
        job.sequence = optarg;
        break;
      case 'o':
        job.out = optarg;
        break;
      case 'S':
        job.seconds = atof(optarg);
        break;
      case 't':
        job.timeout = atof(optarg);
        break;
      case 'r':
        job.rate = atof(optarg);
        break;
      case 'T':
        job.threads = atoi(optarg);
        break;
      case 'n':
        job.run = (uint32_t)atoi(optarg);
        break;
      case 'R':
        job.reset = 1;
        break;
      default:
        exit(64);
    }
  }
  if (job.runtime_dir == NULL || job.sequence == NULL || job.out == NULL || job.threads < 1 ||
      job.threads > 64) {
    fprintf(stderr, "taker_in_c: --runtime-dir, --sequence, --out, and 1 to 64 --threads\n");
    exit(64);
  }
  return job;
}

int main(int argc, char **argv) {
  const Job job = job_of(argc, argv);
  essequence_options options = {sizeof options, job.runtime_dir, (int64_t)(job.timeout * 1e9), 0};
  essequence_sequence *sequence = NULL;
  pthread_t threads[64];
  Thread all[64];
  memset(all, 0, sizeof all);
  if (essequence_open(job.sequence, &options, &sequence) != ESSEQUENCE_OK) {
    fprintf(stderr, "taker_in_c: %s\n", essequence_last_error());
    return 1;
  }
  for (int i = 0; i < job.threads; ++i) {
    char path[4096];
    snprintf(path, sizeof path, "%s.%d", job.out, i);
    all[i].job = &job;
    all[i].sequence = sequence;
    all[i].file = take_file_create(path, 1);
    if (all[i].file == NULL || pthread_create(&threads[i], NULL, take_all, &all[i]) != 0) {
      perror(path);
      return 1;
    }
  }
  Thread sum = {0};
  for (int i = 0; i < job.threads; ++i) {
    pthread_join(threads[i], NULL);
    take_file_close(all[i].file);
    sum.taken += all[i].taken;
    sum.timeouts += all[i].timeouts;
    sum.unavailable += all[i].unavailable;
    sum.errors += all[i].errors;
    if (all[i].errors > 0) fprintf(stderr, "taker_in_c: %s\n", all[i].last_error);
  }
  essequence_close(sequence);
  printf("{\"taken\": %llu, \"timeouts\": %llu, \"unavailable\": %llu, \"errors\": %llu}\n",
         (unsigned long long)sum.taken, (unsigned long long)sum.timeouts,
         (unsigned long long)sum.unavailable, (unsigned long long)sum.errors);
  return sum.errors == 0 ? 0 : 1;
}
