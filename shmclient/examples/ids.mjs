// Takes a thousand ids in Node, by the package koffi.
//
//   npm install koffi@3 && node ids.mjs orders
import koffi from 'koffi';

const library = koffi.load('libessequence.so.1');
koffi.opaque('essequence_sequence');
const Options = koffi.struct('essequence_options', {
  size: 'size_t', runtime_dir: 'const char *', timeout_ns: 'int64_t', bulk_size: 'uint64_t',
});
const open = library.func('int essequence_open(const char *name, const essequence_options *options,' +
                          ' _Out_ essequence_sequence **sequence)');
const next = library.func('int essequence_next(essequence_sequence *sequence, _Out_ int64_t *id)');
const close = library.func('void essequence_close(essequence_sequence *sequence)');
const statusText = library.func('const char *essequence_status_text(int status)');
const lastError = library.func('const char *essequence_last_error()');

function check(status) {
  if (status !== 0) throw new Error(`${statusText(status)}: ${lastError()}`);
}

// An empty ring holds up the event loop, for `timeoutMs` at most.
export class Sequence {
  #handle;

  constructor(name, timeoutMs) {
    const out = [null];
    check(open(name, { size: koffi.sizeof(Options), runtime_dir: null,
                       timeout_ns: timeoutMs * 1_000_000, bulk_size: 0 }, out));
    this.#handle = out[0];
  }

  // A number; beyond 2^53 a BigInt.
  next() {
    const out = [null];
    check(next(this.#handle, out));
    return out[0];
  }

  close() {
    close(this.#handle);
    this.#handle = null;  // which every call refuses, in words
  }
}

try {
  const sequence = new Sequence(process.argv[2] ?? 'orders', 2000);
  for (let i = 0; i < 1000; ++i) console.log(String(sequence.next()));
  sequence.close();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
