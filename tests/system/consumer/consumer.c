/* Takes an id in C11. */
#include <essequence/essequence.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  essequence_options options = {sizeof options, NULL, 0, 0};
  essequence_sequence *sequence = NULL;
  essequence_status status;
  int64_t id = 0;
  if (argc != 2) return 2;
  options.runtime_dir = argv[1];
  if (essequence_open("_bad", &options, &sequence) != ESSEQUENCE_INVALID || sequence != NULL ||
      strlen(essequence_last_error()) == 0) {
    fputs("a bad name was not refused with words\n", stderr);
    return 1;
  }
  status = essequence_open("orders", &options, &sequence);
  if (status == ESSEQUENCE_OK) status = essequence_next(sequence, &id);
  if (status != ESSEQUENCE_OK) {
    fprintf(stderr, "%s: %s\n", essequence_status_text(status), essequence_last_error());
    return 1;
  }
  printf("%" PRId64 "\n", id);
  essequence_close(sequence);
  return 0;
}
