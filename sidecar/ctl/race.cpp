#include "sidecar/ctl/race.hpp"

#include <time.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <chrono>
#include <cmath>
#include <limits>
#include <new>

namespace essequence::ctl {
namespace {

using Clock = std::chrono::steady_clock;

std::int64_t now_ns() { return Clock::now().time_since_epoch().count(); }

// How long this thread has run.
std::int64_t ran_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// The takes of the lap that nobody has drawn yet; below zero when they are used up.
struct Supply {
  alignas(128) std::atomic<std::int64_t> left{0};
};

struct alignas(128) Times {
  std::int64_t begin, end, ran;
  double yardstick = 0;
};

boost::interprocess::mapped_region shared(std::size_t size) {
  return boost::interprocess::anonymous_shared_memory(std::max<std::size_t>(size, 1));
}

// In registers only, and as many at once as a core has units for: a hyperthread beside it shows.
double yardstick() {
  constexpr int kSteps = 20'000;
  std::uint64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
  const std::int64_t begin = now_ns();
  for (int step = 0; step < kSteps; ++step) {
    ++a, ++b, ++c, ++d, ++e, ++f;
    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  }
  return static_cast<double>(now_ns() - begin) / kSteps;
}

Times run_lap(Supply &supply, std::uint64_t chunk, const Way &way) {
  const auto most = static_cast<std::int64_t>(chunk);
  const std::int64_t ran = ran_ns(), begin = now_ns();
  for (;;) {
    const std::int64_t left = supply.left.fetch_sub(most, std::memory_order_relaxed);
    if (left <= 0) break;
    way(static_cast<std::uint64_t>(std::min(left, most)));
  }
  const std::int64_t end = now_ns();
  return {begin, end, ran_ns() - ran};
}

// The lap of takers with these times.
Lap lap_of(const Times *times, std::size_t takers) {
  Times all = *times;
  for (std::size_t i = 1; i < takers; ++i) {
    all.begin = std::min(all.begin, times[i].begin);
    all.end = std::max(all.end, times[i].end);
    all.ran += times[i].ran;
    all.yardstick = std::max(all.yardstick, times[i].yardstick);
  }
  return {static_cast<double>(all.end - all.begin) / 1e9, static_cast<double>(all.ran) / 1e9,
          all.yardstick};
}

}  // namespace

std::vector<std::vector<Lap>> race(const Course &course, std::size_t ways, const Ways &make) {
  const auto laps = static_cast<std::size_t>(course.laps) + 1;
  const auto takers = static_cast<std::size_t>(course.takers);
  const auto supply_memory = shared(sizeof(Supply));
  const auto times_memory = shared(ways * laps * takers * sizeof(Times));
  Supply &supply = *new (supply_memory.get_address()) Supply;
  auto *const times = static_cast<Times *>(times_memory.get_address());  // [lap][way][taker]

  together(course.kind, course.takers, [&](Member &member) {
    const std::vector<Way> made = make();
    for (std::size_t number = 0; number < laps; ++number) {
      for (std::size_t turn = 0; turn < ways; ++turn) {
        // There and back, so that none always comes first.
        const std::size_t way = number % 2 == 0 ? turn : ways - 1 - turn;
        if (member.number() == 0) supply.left = static_cast<std::int64_t>(course.takes);
        const double before = yardstick();
        member.meet();
        Times mine = run_lap(supply, course.chunk, made.at(way));
        mine.yardstick = std::max(before, yardstick());
        times[(number * ways + way) * takers + static_cast<std::size_t>(member.number())] = mine;
        member.meet();
      }
    }
  });

  std::vector<std::vector<Lap>> all(ways);
  for (std::size_t way = 0; way < ways; ++way) {
    for (std::size_t number = 1; number < laps; ++number) {
      all[way].push_back(lap_of(times + (number * ways + way) * takers, takers));
    }
  }
  return all;
}

std::vector<std::vector<std::uint32_t>> latencies(const Course &course, std::size_t ways,
                                                  const Ways &make) {
  const auto takers = static_cast<std::size_t>(course.takers);
  const std::size_t of_way = course.takes * takers;
  const auto memory = shared(ways * of_way * sizeof(std::uint32_t));
  auto *const samples = static_cast<std::uint32_t *>(memory.get_address());

  together(course.kind, course.takers, [&](Member &member) {
    const std::vector<Way> made = make();
    for (std::size_t way = 0; way < ways; ++way) {
      const Way &take = made.at(way);
      const auto before_mine = static_cast<std::size_t>(member.number()) * course.takes;
      std::uint32_t *const mine = samples + way * of_way + before_mine;
      std::fill(mine, mine + course.takes, 1);  // so that no page is touched first while it counts
      member.meet();
      for (std::uint64_t i = 0; i < course.takes; ++i) {
        const std::int64_t begin = now_ns();
        take(1);
        const std::int64_t elapsed = now_ns() - begin;
        mine[i] = static_cast<std::uint32_t>(
            std::min<std::int64_t>(elapsed, std::numeric_limits<std::uint32_t>::max()));
      }
      member.meet();
    }
  });

  std::vector<std::vector<std::uint32_t>> all;
  for (std::size_t way = 0; way < ways; ++way) {
    all.emplace_back(samples + way * of_way, samples + (way + 1) * of_way);
  }
  return all;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::vector<double> each(const std::vector<Lap> &laps, double Lap::*number) {
  std::vector<double> numbers;
  numbers.reserve(laps.size());
  for (const Lap &lap : laps) numbers.push_back(lap.*number);
  return numbers;
}

std::uint32_t percentile(std::vector<std::uint32_t> &values, double share) {
  const double rank = std::ceil(share * static_cast<double>(values.size()));
  const auto place = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(rank) - 1, 0,
                                                static_cast<std::ptrdiff_t>(values.size()) - 1);
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[static_cast<std::size_t>(place)];
}

}  // namespace essequence::ctl
