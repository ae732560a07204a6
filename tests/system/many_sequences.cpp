// A client process with many sequences, which it opens and takes from as it is told, one command a
// line on its standard input. Sequence number n is called s-n. Each command is answered by one line
// of JSON; it ends with its standard input.
//
//   open FROM TO                    → {"microseconds": [of each open]}
//   close                           → {}
//   ids ROUNDS                      → {"ids": [[of the first one], …]}, one of each in every round
//   pace BEGIN ROUNDS PERIOD        → {"takes", "waited", "longest_us"}
//
// "pace" takes one id of each of its sequences per PERIOD seconds, evenly spread, from BEGIN on (in
// seconds of CLOCK_MONOTONIC, so that many processes can begin together). "waited" counts the takes
// of more than a millisecond.
#include <algorithm>
#include <chrono>
#include <essequence/essequence.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;
using Microseconds = std::chrono::duration<double, std::micro>;
using Seconds = std::chrono::duration<double>;

constexpr Microseconds kWaited{1000};

class ManySequences {
 public:
  explicit ManySequences(std::string runtime_dir) {
    options_.runtime_dir = std::move(runtime_dir);
    options_.timeout = std::chrono::seconds(60);
  }

  Json open(std::uint32_t from, std::uint32_t to) {
    Json microseconds = Json::array();
    for (std::uint32_t number = from; number < to; ++number) {
      const std::string name = "s-" + std::to_string(number);
      const Clock::time_point begin = Clock::now();
      sequences_.emplace_back(name, options_);
      microseconds.push_back(Microseconds(Clock::now() - begin).count());
    }
    return {{"microseconds", microseconds}};
  }

  Json close() {
    sequences_.clear();
    return Json::object();
  }

  Json ids(std::uint32_t rounds) {
    std::vector<std::vector<std::int64_t>> ids(sequences_.size());
    for (std::uint32_t round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < sequences_.size(); ++i) ids[i].push_back(sequences_[i].next());
    }
    return {{"ids", ids}};
  }

  Json pace(Clock::time_point begin, std::uint32_t rounds, Seconds period) {
    std::uint64_t takes = 0, waited = 0;
    Microseconds longest{};
    for (std::uint32_t round = 0; round < rounds; ++round) {
      for (std::size_t i = 0; i < sequences_.size(); ++i) {
        const double place = static_cast<double>(i) / static_cast<double>(sequences_.size());
        std::this_thread::sleep_until(begin + (round + place) * period);
        const Clock::time_point asked = Clock::now();
        sequences_[i].next();
        const Microseconds took = Clock::now() - asked;
        ++takes;
        if (took > kWaited) ++waited;
        longest = std::max(longest, took);
      }
    }
    return {{"takes", takes}, {"waited", waited}, {"longest_us", longest.count()}};
  }

 private:
  essequence::Options options_;
  std::vector<essequence::Sequence> sequences_;
};

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: many_sequences RUNTIME_DIR\n";
    return 2;
  }
  ManySequences many(argv[1]);
  std::string command;
  while (std::cin >> command) {
    try {
      Json reply;
      std::uint32_t a = 0, b = 0;
      double begin = 0, period = 0;
      if (command == "open" && std::cin >> a >> b) {
        reply = many.open(a, b);
      } else if (command == "close") {
        reply = many.close();
      } else if (command == "ids" && std::cin >> a) {
        reply = many.ids(a);
      } else if (command == "pace" && std::cin >> begin >> a >> period) {
        const auto since_boot = std::chrono::duration_cast<Clock::duration>(Seconds(begin));
        reply = many.pace(Clock::time_point(since_boot), a, Seconds(period));
      } else {
        std::cerr << "no such command: " << command << '\n';
        return 2;
      }
      std::cout << reply.dump() << std::endl;
    } catch (const std::exception &error) {
      std::cerr << command << ": " << error.what() << '\n';
      return 1;
    }
  }
  return 0;
}
