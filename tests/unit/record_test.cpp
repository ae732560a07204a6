// Block records under a writer that never rests.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "shmclient/src/block.hpp"

using namespace essequence::shm;

TEST_CASE("a reader never sees a mixture of two blocks") {
  BlockRecord record{};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; i < 200000; ++i) {
      const std::uint64_t begin = kFirstTicket + i;
      write(record, {begin, begin + i, static_cast<std::int64_t>(i), 1, i, i}, 7);
    }
    done = true;
  });
  std::uint64_t whole = 0;
  bool last = false;
  while (!last) {
    last = done;
    if (const auto block = read(record, 7)) {
      const std::uint64_t i = block->number;
      REQUIRE(block->begin == kFirstTicket + i);
      REQUIRE(block->end == block->begin + i);
      REQUIRE(block->base == static_cast<std::int64_t>(i));
      REQUIRE(block->epoch == i);
      ++whole;
    }
  }
  writer.join();
  CHECK(whole > 0);
}

TEST_CASE("a record with any flipped bit is refused, and so is one of another sequence") {
  BlockRecord record{};
  write(record, {kFirstTicket, kFirstTicket + 10, 1, 1, 1, 0}, 7);
  REQUIRE(read(record, 7));
  CHECK_FALSE(read(record, 8));
  std::atomic<std::uint64_t> *const fields[] = {&record.begin,     &record.end,   &record.base,
                                                &record.increment, &record.epoch, &record.number,
                                                &record.checksum};
  for (auto *field : fields) {
    for (int bit = 0; bit < 64; ++bit) {
      field->fetch_xor(std::uint64_t{1} << bit);
      CHECK_FALSE(read(record, 7));
      field->fetch_xor(std::uint64_t{1} << bit);
    }
  }
}
