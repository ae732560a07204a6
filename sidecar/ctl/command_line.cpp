#include "sidecar/ctl/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <functional>
#include <limits>

#include "shmclient/src/name.hpp"
#include "sidecar/ctl/bench.hpp"
#include "sidecar/ctl/time_limit.hpp"
#include "sidecar/ctl/verbs.hpp"

namespace essequence::ctl {
namespace {

// An integer, exact and decimal: CLI11 itself would read 010 as 8 and bend what is too large.
template <class T>
CLI::Option *integer(CLI::App &app, const std::string &option, std::function<void(T)> store,
                     T lowest, T highest, const std::string &help) {
  const auto parse = [=](const std::string &text) {
    T value{};
    const auto end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || value < lowest || value > highest) {
      throw CLI::ValidationError(option, "an integer from " + std::to_string(lowest) + " to " +
                                             std::to_string(highest) + ", not '" + text + "'");
    }
    store(value);
  };
  return app.add_option_function<std::string>(option, parse, help)->type_name("N");
}

CLI::Option *id_option(CLI::App &app, const std::string &option, std::int64_t lowest,
                       std::function<void(std::int64_t)> store, const std::string &help) {
  return integer<std::int64_t>(app, option, std::move(store), lowest,
                               std::numeric_limits<std::int64_t>::max(), help);
}

CLI::Option *name_option(CLI::App &app, Arguments &typed) {
  const auto check = [](const std::string &name) { return shm::name_problem(name); };
  return app.add_option("NAME", typed.name, "name of the sequence")
      ->type_name("")
      ->check(CLI::Validator(check, ""));
}

void with_name(CLI::App &app, Arguments &typed) { name_option(app, typed)->required(); }

CLI::Option *seconds_option(CLI::App &app, const char *name, double &value, const char *means) {
  return app.add_option(name, value, means)->type_name("SECONDS")->capture_default_str();
}

void with_timeout(CLI::App &app, Arguments &typed) {
  seconds_option(app, "--timeout", typed.timeout, "to wait for an id")
      ->check(CLI::Range(0.0, kLongestTimeout).description(""));
}

void with_above(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  const auto store = [&](std::int64_t value) { typed.above_required = value; };
  id_option(app, "--above", 0, store, "later ids are above this one")->required();
}

void for_create(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  id_option(
      app, "--start", 1, [&](auto v) { typed.start = v; }, "the first id");
  integer<std::int64_t>(
      app, "--increment", [&](auto v) { typed.increment = v; }, 1, INT32_MAX, "from id to id");
  id_option(
      app, "--max", 1, [&](auto v) { typed.max = v; }, "no id is above this one");
  app.add_option("--order", typed.order, "ids increase per host, or in the whole cluster")
      ->type_name("host|cluster")
      ->check(CLI::IsMember({"host", "cluster"}).description(""));
  id_option(
      app, "--above", 0, [&](auto v) { typed.above = v; }, "start above this id");
  app.add_option("--above-field", typed.above_field, "start above the largest value there")
      ->type_name("INDEX/FIELD");
  app.add_flag("--from-start", typed.from_start, "begin a deleted sequence again at its start");
}

void for_next(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  integer<std::uint64_t>(
      app, "-n,--count", [&](auto v) { typed.count = v; }, 1,
      std::numeric_limits<std::uint64_t>::max(), "how many ids");
  with_timeout(app, typed);
}

void for_reset(CLI::App &app, Arguments &typed) {
  name_option(app, typed);
  app.add_flag("--all", typed.all, "all sequences that are open on this instance");
}

void for_trace(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  id_option(
      app, "ID", 1, [&](auto v) { typed.id = v; }, "the id to look for")
      ->type_name("")
      ->required();
}

void for_wait(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  with_timeout(app, typed);
}

void for_bench(CLI::App &app, Arguments &typed) {
  with_name(app, typed);
  integer<std::uint64_t>(
      app, "--ids", [&](auto v) { typed.ids = v; }, kFewestIds, kMostIds,
      "how many ids of the sequence to use up, at most; they are gaps afterwards")
      ->default_str(std::to_string(typed.ids));
  with_timeout(app, typed);
}

void for_burn(CLI::App &app, Arguments &typed) {
  app.add_flag("--all", typed.all, "the rings of all sequences");
}

void for_top(CLI::App &app, Arguments &typed) {
  seconds_option(app, "--interval", typed.interval, "from one look to the next")
      ->check(CLI::Range(0.1, 3600.0).description(""));
  app.add_flag("--once", typed.once, "print one table, as without a terminal");
}

// Keys of the sidecar's configuration, which says what they mean and accept.
constexpr std::pair<const char *, const char *> kClusterOptions[] = {
    {"--elasticsearch", "elasticsearch.hosts"},
    {"--index", "elasticsearch.index"},
    {"--username", "elasticsearch.username"},
    {"--password-file", "elasticsearch.password_file"},
    {"--api-key-file", "elasticsearch.api_key_file"},
    {"--ca-file", "elasticsearch.ca_file"},
    {"--ca-fingerprint", "elasticsearch.ca_fingerprint"},
    {"--cert-file", "elasticsearch.cert_file"},
    {"--key-file", "elasticsearch.key_file"},
};

void with_cluster(CLI::App &app, Arguments &typed) {
  app.add_option("--config", typed.config_file,
                 "the sidecar's file, where what is not given here is taken from")
      ->type_name("FILE");
  for (const auto &[flag, key] : kClusterOptions) {
    const auto option =
        std::find_if(sidecar::options().begin(), sidecar::options().end(),
                     [key = key](const auto &candidate) { return candidate.key == key; });
    const auto store = [&typed, flag = flag, option](const std::string &value) {
      sidecar::Config scratch;
      if (!option->set(scratch, value)) {
        throw CLI::ValidationError(flag, option->accepts + ", not '" + value + "'");
      }
      typed.settings.emplace_back(&*option, value);
    };
    app.add_option_function<std::string>(flag, store, option->help)
        ->type_name(sidecar::value_name(*option));
  }
}

void for_provision(CLI::App &app, Arguments &typed) {
  with_cluster(app, typed);
  app.add_option("--role", typed.role, "name of the sidecars' role")
      ->type_name("ROLE")
      ->capture_default_str();
  app.add_option("--take-over", typed.ancestor,
                 "the ancestor's, with documents {name, iid}, to go on from")
      ->type_name("INDEX");
}

void for_export(CLI::App &app, Arguments &typed) {
  with_cluster(app, typed);
  app.add_option("--state-dir", typed.state_dir, "of the local store, which is exported then")
      ->type_name("DIR");
}

void for_import(CLI::App &app, Arguments &typed) {
  with_cluster(app, typed);
  app.add_option("FILE", typed.file, "what export wrote (default: standard input)")->type_name("");
}

void nothing(CLI::App &, Arguments &) {}

struct Verb {
  const char *name;
  void (*options)(CLI::App &, Arguments &);
  Run run;
  const char *help;
};

constexpr Verb kVerbs[] = {
    {"status", nothing, status, "the sidecar and its source"},
    {"list", nothing, list, "all open sequences"},
    {"show", with_name, show, "one sequence in full"},
    {"create", for_create, create, "open a sequence, creating it if it is new"},
    {"next", for_next, next, "take ids, one a line"},
    {"reset", for_reset, reset, "begin anew at the start, in a new epoch"},
    {"raise", with_above, raise, "let later ids be above a given one"},
    {"unfence", with_above, unfence, "let a fenced sequence go on above a given id"},
    {"delete", with_name, remove, "remove a sequence"},
    {"trace", for_trace, trace, "what this host's journal knows of an id"},
    {"wait", for_wait, wait, "until a sequence is ready"},
    {"bench", for_bench, bench,
     "what a take costs here, beside a bare atomic counter (takes real ids of the sequence)"},
    {"burn", for_burn, burn, "throw away what is in the rings (after a restored machine image)"},
    {"top", for_top, top, "a live table, from shared memory: also of a sidecar that is dead"},
    {"doctor", nothing, doctor, "whether this host offers what is needed, and what to do if not"},
    {"metrics", nothing, metrics, "Prometheus text"},
    {"provision", for_provision, provision,
     "make index, alias and role in Elasticsearch, as its administrator"},
    {"export", for_export, export_all, "all sequences of an index or a local store, one a line"},
    {"import", for_import, import_all, "create exported sequences in an index"},
};

}  // namespace

void declare_command_line(CLI::App &app, Arguments &typed, Run &chosen) {
  app.description("The command line of essequenced, the sidecar that hands out integer ids.");
  app.set_version_flag("--version", ESSEQUENCE_VERSION_TEXT);
  app.add_option("--runtime-dir", typed.runtime_dir, "the sidecar's directory")
      ->type_name("DIR")
      ->capture_default_str()
      ->envname("ESSEQUENCE_RUNTIME_DIR");
  app.add_flag("--json", typed.json, "the sidecar's JSON instead of text for people");
  app.require_subcommand(1);
  app.fallthrough();
  for (const Verb &verb : kVerbs) {
    CLI::App *command = app.add_subcommand(verb.name, verb.help);
    verb.options(*command, typed);
    command->final_callback([&chosen, &verb] { chosen = verb.run; });
  }
}

}  // namespace essequence::ctl
