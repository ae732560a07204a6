/* Takes a thousand ids in C.
 *
 *   cc ids.c $(pkg-config --cflags --libs essequence) -o ids && ./ids orders
 */
#include <essequence/essequence.h>
#include <inttypes.h>
#include <stdio.h>

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "orders";
  essequence_options options = {.size = sizeof options,
                                .timeout_ns = INT64_C(2000000000)}; /* waits 2 s, no longer */
  essequence_sequence *sequence = NULL;
  essequence_status status = essequence_open(name, &options, &sequence);

  for (int i = 0; i < 1000 && status == ESSEQUENCE_OK; ++i) {
    int64_t id = 0;
    status = essequence_next(sequence, &id);
    if (status == ESSEQUENCE_OK) printf("%" PRId64 "\n", id);
  }
  if (status != ESSEQUENCE_OK) {
    fprintf(stderr, "%s: %s\n", essequence_status_text(status), essequence_last_error());
  }
  essequence_close(sequence); /* NULL is fine */
  return status == ESSEQUENCE_OK ? 0 : 1;
}
