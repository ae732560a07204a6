// The C interface: checks arguments, and turns failures into a status and words.
#include <essequence/essequence.h>
#include <essequence/waiting.h>
#include <essequence/window.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/name.hpp"
#include "shmclient/src/patience.hpp"
#include "shmclient/src/sequence.hpp"

using essequence::shm::Failure;

namespace {

// This thread's last failure. A plain array: it needs neither memory nor a destructor.
thread_local char last_error[1024] = "";

essequence_status fail(essequence_status status, std::string_view words) {
  const std::size_t length = std::min(words.size(), sizeof last_error - 1);
  std::memcpy(last_error, words.data(), length);
  last_error[length] = '\0';
  return status;
}

// No exception leaves the library.
template <class Call>
essequence_status guarded(Call call) {
  try {
    call();
    return ESSEQUENCE_OK;
  } catch (const Failure &failure) {
    return fail(failure.status(), failure.what());
  } catch (const std::bad_alloc &) {
    return fail(ESSEQUENCE_SYSTEM, "out of memory");
  } catch (const std::exception &error) {
    return fail(ESSEQUENCE_SYSTEM, error.what());
  } catch (...) {
    return fail(ESSEQUENCE_SYSTEM, "unknown error");
  }
}

void require(bool holds, const char *words) {
  if (!holds) throw Failure(ESSEQUENCE_INVALID, words);
}

std::string runtime_dir_of(const essequence_options &options) {
  if (options.runtime_dir != nullptr && *options.runtime_dir != '\0') return options.runtime_dir;
  const char *from_environment = secure_getenv("ESSEQUENCE_RUNTIME_DIR");
  return from_environment != nullptr && *from_environment != '\0' ? from_environment
                                                                  : "/run/essequence";
}

}  // namespace

essequence_status essequence_open(const char *name, const essequence_options *options,
                                  essequence_sequence **sequence) {
  return guarded([&] {
    require(sequence != nullptr, "sequence is NULL");
    *sequence = nullptr;
    require(name != nullptr, "name is NULL");
    const std::string problem = essequence::shm::name_problem(name);
    require(problem.empty(), problem.c_str());
    essequence_options chosen{};
    if (options != nullptr) {
      // A newer caller's larger struct is fine: this version does not know the rest.
      require(options->size >= sizeof chosen,
              "options->size is smaller than sizeof(essequence_options)");
      chosen = *options;
    }
    *sequence = new essequence_sequence({name, runtime_dir_of(chosen), chosen.bulk_size},
                                        chosen.timeout_ns);
  });
}

essequence_status essequence_next(essequence_sequence *sequence, int64_t *id) {
  std::uintptr_t distance = 0;
  std::uint64_t ticket = 0;
  if (__builtin_expect(sequence == nullptr || id == nullptr, 0)) {
    return fail(ESSEQUENCE_INVALID, "sequence or id is NULL");
  }
  if (essequence_window_next(&sequence->window(), id, &distance, &ticket)) return ESSEQUENCE_OK;
  return essequence_resolve(sequence, distance, ticket, id);
}

essequence_status essequence_try_next(essequence_sequence *sequence, int64_t *id) {
  return guarded([&] {
    require(sequence != nullptr && id != nullptr, "sequence or id is NULL");
    const auto taken = sequence->take(1, false);
    *id = taken.block.id_of(taken.ticket);
  });
}

essequence_status essequence_take(essequence_sequence *sequence, uint32_t wanted,
                                  essequence_run *run) {
  std::uint64_t first_ticket = 0;
  std::uint32_t token = 0;
  return essequence_lease(sequence, wanted, run, &first_ticket, &token);
}

essequence_status essequence_lease(essequence_sequence *sequence, uint32_t wanted,
                                   essequence_run *run, uint64_t *first_ticket, uint32_t *token) {
  return guarded([&] {
    require(sequence != nullptr && run != nullptr && first_ticket != nullptr && token != nullptr,
            "sequence or run is NULL");
    require(wanted > 0, "wanted is 0; a take is of 1 id or more");
    const auto taken = sequence->take(wanted, true);
    *run = {taken.block.id_of(taken.ticket), taken.block.increment, taken.block.epoch, taken.count,
            0};
    *first_ticket = taken.ticket;
    *token = taken.token;
  });
}

essequence_status essequence_resolve(essequence_sequence *sequence, uintptr_t distance,
                                     uint64_t ticket, int64_t *id) {
  return guarded([&] {
    require(sequence != nullptr && id != nullptr, "sequence or id is NULL");
    *id = sequence->resolve(distance, ticket);
  });
}

essequence_window *essequence_get_window(essequence_sequence *sequence) {
  return sequence == nullptr ? nullptr : &sequence->window();
}

essequence_status essequence_reset(essequence_sequence *sequence) {
  return guarded([&] {
    require(sequence != nullptr, "sequence is NULL");
    sequence->reset();
  });
}

void essequence_set_patience(essequence_patience patience, void *context) {
  essequence::shm::set_patience(patience, context);
}

int essequence_on_request(essequence_sequence *sequence) {
  return sequence != nullptr && sequence->on_request() ? 1 : 0;
}

void essequence_close(essequence_sequence *sequence) { delete sequence; }

const char *essequence_status_text(essequence_status status) {
  switch (status) {
    case ESSEQUENCE_OK:
      return "OK";
    case ESSEQUENCE_TIMEOUT:
      return "TIMEOUT";
    case ESSEQUENCE_UNAVAILABLE:
      return "UNAVAILABLE";
    case ESSEQUENCE_EXHAUSTED:
      return "EXHAUSTED";
    case ESSEQUENCE_FENCED:
      return "FENCED";
    case ESSEQUENCE_DENIED:
      return "DENIED";
    case ESSEQUENCE_NOT_FOUND:
      return "NOT_FOUND";
    case ESSEQUENCE_INVALID:
      return "INVALID";
    case ESSEQUENCE_VERSION:
      return "VERSION";
    case ESSEQUENCE_SYSTEM:
      return "SYSTEM";
  }
  return "UNKNOWN";
}

const char *essequence_last_error(void) { return last_error; }

const char *essequence_version(void) { return ESSEQUENCE_VERSION_TEXT; }
