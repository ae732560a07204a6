// Reads what takers wrote and looks for a broken promise:
//   - an id that was returned twice within an epoch, by any thread of any process on any host;
//   - a thread whose ids do not increase within an epoch, or whose epochs fall;
//   - where the files of a host hold times: a take that began after another one on the same host
//     had ended, and returned a smaller id or an older epoch;
//   - with --after NS EPOCH: a take on that host that began after that moment and returned an
//     older epoch; the same for a reset that a taker noted;
//   - with --dense FIRST LAST: an epoch that is not exactly these ids.
// Ids of leases are not ordered with others; all else holds for them too.
//
// A take by `next` does not tell its epoch. It lies between the epochs of the takes on its host
// that had ended when it began and of those that began when it had ended. Where these are not the
// same, an id is a repeat if there are not enough epochs for all takes that returned it.
//
// Prints one line of JSON; says what is broken on stderr and ends with status 1.
//
//   id_checker [--dense FIRST LAST] FILE... [--host [--after NS EPOCH]... FILE...]...
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/system/id_set.hpp"
#include "tests/system/takes.hpp"

namespace {

struct Problems {
  std::uint64_t count = 0;
  template <class... Parts>
  void add(const char *format, Parts... parts) {
    if (++count > 20) return;  // the first ones tell the story
    std::fprintf(stderr, format, parts...);
    std::fputc('\n', stderr);
  }
};

struct Reset {
  std::int64_t at_ns;
  std::uint32_t epoch;
};

struct Host {
  std::vector<Takes> takes;
  std::vector<Reset> resets;
};

long long printed(std::int64_t id) { return id; }

std::pair<std::uint32_t, std::int64_t> place(const Take &take) {
  return {take.epochs.first, take.id};
}

// Visits the takes of a host in the order in which they began: ended(file, i) for those that had
// ended by then, then begun(file, i). Backwards in time, what ends is what begins.
template <class Begun, class Ended>
void in_time(const Host &host, bool backwards, Begun begun, Ended ended) {
  struct Head {
    std::int64_t begin, end;
    std::size_t file, step;
  };
  const auto index = [&](std::size_t file, std::size_t step) {
    return backwards ? host.takes[file].size() - 1 - step : step;
  };
  const auto head = [&](std::size_t file, std::size_t step) {
    const Take take = host.takes[file][index(file, step)];
    return backwards ? Head{-take.end_ns, -take.begin_ns, file, step}
                     : Head{take.begin_ns, take.end_ns, file, step};
  };
  // A thread's takes stay in their order where a run gave them the same times.
  const auto later_begin = [](const Head &a, const Head &b) { return a.begin > b.begin; };
  const auto later_end = [](const Head &a, const Head &b) { return a.end > b.end; };
  std::priority_queue<Head, std::vector<Head>, decltype(later_begin)> heads(later_begin);
  std::priority_queue<Head, std::vector<Head>, decltype(later_end)> open(later_end);
  for (std::size_t file = 0; file < host.takes.size(); ++file) {
    const Takes &takes = host.takes[file];
    if (takes.has_times() && takes.size() > 0) heads.push(head(file, 0));
  }
  while (!heads.empty()) {
    const Head now = heads.top();
    heads.pop();
    for (; !open.empty() && open.top().end < now.begin; open.pop()) {
      ended(open.top().file, index(open.top().file, open.top().step));
    }
    begun(now.file, index(now.file, now.step));
    open.push(now);
    if (now.step + 1 < host.takes[now.file].size()) heads.push(head(now.file, now.step + 1));
  }
}

// No take that did not tell its epoch is of a younger one than a take that began after its end.
void bound_from_above(Host &host) {
  std::uint32_t last = UINT32_MAX;  // until a take tells its epoch
  in_time(
      host, true,
      [&](std::size_t file, std::size_t i) {
        const Take take = host.takes[file][i];
        const bool older = take.reset && last != UINT32_MAX;
        if (!take.told) host.takes[file].narrow(i, {0, older ? last - 1 : last});
      },
      [&](std::size_t file, std::size_t i) {
        last = std::min(last, host.takes[file][i].epochs.last);
      });
}

// Nor of an older one than a take that had ended when it began; and a take that told its epoch, or
// whose epoch is certain, is behind all those.
void check_host_order(Host &host, Problems &problems) {
  std::uint32_t first = 1;
  std::optional<Take> largest;
  std::sort(host.resets.begin(), host.resets.end(),
            [](const Reset &a, const Reset &b) { return a.at_ns < b.at_ns; });
  std::size_t resets = 0;
  in_time(
      host, false,
      [&](std::size_t file, std::size_t i) {
        Take take = host.takes[file][i];
        for (; resets < host.resets.size() && host.resets[resets].at_ns < take.begin_ns; ++resets) {
          first = std::max(first, host.resets[resets].epoch);
        }
        if (!take.told) {
          take.epochs.first = take.reset ? first + 1 : first;
          if (take.reset) take.epochs.last = std::max(take.epochs.first, take.epochs.last);
          host.takes[file].narrow(i, take.epochs);
        }
        if (take.epochs.last < first) {
          problems.add("%s: id %lld of epoch %u was taken after epoch %u had begun",
                       host.takes[file].path(), printed(take.id), take.epochs.last, first);
        }
        if (take.ordered && largest && std::pair(take.epochs.last, take.id) < place(*largest)) {
          problems.add(
              "%s: id %lld of epoch %u, though a take that ended %lld ns before had %lld of %u",
              host.takes[file].path(), printed(take.id), take.epochs.last,
              printed(take.begin_ns - largest->end_ns), printed(largest->id),
              largest->epochs.first);
        }
      },
      [&](std::size_t file, std::size_t i) {
        const Take take = host.takes[file][i];
        first = std::max(first, take.epochs.first);
        if (take.ordered && take.epochs.certain() && (!largest || place(*largest) < place(take))) {
          largest = take;
        }
      });
}

void check_thread_order(const Takes &takes, Problems &problems) {
  std::optional<Take> last;
  for (std::size_t i = 0; i < takes.size(); ++i) {
    const Take take = takes[i];
    if (take.told && take.epochs.first == 0) {
      problems.add("%s: record %zu is empty and not the last", takes.path(), i);
    }
    if (!take.ordered || !take.epochs.certain()) continue;
    if (last && place(take) <= place(*last)) {
      problems.add("%s: id %lld of epoch %u comes after %lld of epoch %u", takes.path(),
                   printed(take.id), take.epochs.first, printed(last->id), last->epochs.first);
    }
    last = take;
  }
}

// Every id of each epoch once.
class Returned {
 public:
  void add(const Takes &takes, Problems &problems) {
    for (std::size_t i = 0; i < takes.size(); ++i) {
      const Take take = takes[i];
      if (take.reset) continue;
      ++ids_;
      if (!take.epochs.certain()) {
        uncertain_[take.id].push_back(take.epochs);
      } else if (!epochs_[take.epochs.first].insert(take.id)) {
        problems.add("%s: id %lld of epoch %u was returned before", takes.path(), printed(take.id),
                     take.epochs.first);
      }
    }
  }

  // Whether each take whose epoch is not certain can have one in which nobody else returned its id:
  // epoch by epoch, to the take whose last possible one comes first.
  void check_uncertain(Problems &problems) const {
    for (const auto &[id, takes] : uncertain_) {
      std::vector<Epochs> left = takes;
      std::uint32_t epoch = 0;
      while (!left.empty()) {
        std::uint32_t next = UINT32_MAX;
        for (const Epochs &epochs : left) next = std::min(next, epochs.first);
        epoch = std::max(epoch, next);
        while (is_returned(epoch, id)) ++epoch;
        auto chosen = left.end();
        for (auto take = left.begin(); take != left.end(); ++take) {
          if (take->first <= epoch && (chosen == left.end() || take->last < chosen->last)) {
            chosen = take;
          }
        }
        if (chosen->last < epoch) {
          problems.add("id %lld was returned more often than there were epochs from %u to %u",
                       printed(id), chosen->first, chosen->last);
        }
        left.erase(chosen);
        ++epoch;
      }
    }
  }

  std::uint64_t ids() const { return ids_; }
  std::uint64_t uncertain() const {
    std::uint64_t count = 0;
    for (const auto &[id, takes] : uncertain_) count += takes.size();
    return count;
  }
  const std::map<std::uint32_t, IdSet> &epochs() const { return epochs_; }

 private:
  bool is_returned(std::uint32_t epoch, std::int64_t id) const {
    const auto set = epochs_.find(epoch);
    return set != epochs_.end() && set->second.contains(id);
  }

  std::uint64_t ids_ = 0;
  std::map<std::uint32_t, IdSet> epochs_;
  std::map<std::int64_t, std::vector<Epochs>> uncertain_;
};

template <class Integer>
Integer number(std::string_view text) {
  Integer value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw std::runtime_error("not a number: " + std::string(text));
  }
  return value;
}

int run(const std::vector<std::string_view> &arguments) {
  std::vector<Host> hosts(1);
  std::optional<std::pair<std::int64_t, std::int64_t>> dense;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--host") {
      hosts.emplace_back();
    } else if (argument == "--dense") {
      dense = {number<std::int64_t>(arguments.at(i + 1)),
               number<std::int64_t>(arguments.at(i + 2))};
      i += 2;
    } else if (argument == "--after") {
      hosts.back().resets.push_back(
          {number<std::int64_t>(arguments.at(i + 1)), number<std::uint32_t>(arguments.at(i + 2))});
      i += 2;
    } else {
      hosts.back().takes.emplace_back(std::string(argument));
    }
  }

  Problems problems;
  Returned returned;
  for (Host &host : hosts) {
    bound_from_above(host);
    check_host_order(host, problems);
    for (const Takes &takes : host.takes) {
      check_thread_order(takes, problems);
      returned.add(takes, problems);
    }
  }
  returned.check_uncertain(problems);
  if (dense && returned.epochs().empty()) problems.add("%s", "no id at all");
  auto about_epochs = nlohmann::json::object();
  for (const auto &[epoch, set] : returned.epochs()) {
    if (dense &&
        (set.first() != dense->first || set.last() != dense->second || set.missing() > 0)) {
      problems.add("epoch %u: %llu of %lld..%lld are missing, and it should be %lld..%lld", epoch,
                   static_cast<unsigned long long>(set.missing()), printed(set.first()),
                   printed(set.last()), printed(dense->first), printed(dense->second));
    }
    about_epochs[std::to_string(epoch)] = {{"ids", set.size()},
                                           {"first", set.first()},
                                           {"last", set.last()},
                                           {"missing", set.missing()}};
  }
  std::puts(nlohmann::json{{"ids", returned.ids()},
                           {"problems", problems.count},
                           {"uncertain", returned.uncertain()},
                           {"epochs", about_epochs}}
                .dump()
                .c_str());
  return problems.count == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception &error) {
    std::fprintf(stderr, "id_checker: %s\n", error.what());
    return 2;
  }
}
