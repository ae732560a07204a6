// A text is made once for all who wait, never before it was asked for, and not held for ever.
#include "sidecar/control/joint_text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace essequence::sidecar;
namespace asio = boost::asio;

namespace {

struct Desk {
  explicit Desk(std::size_t most_held = 1000) : joint(most_held) {}

  void ask(std::chrono::milliseconds work = {}, const std::string &key = "") {
    auto make = [this, work, key] {
      std::this_thread::sleep_for(work);
      if (broken) throw std::runtime_error("no");
      return key + std::to_string(++made) + std::string(99, '.');
    };
    auto told = [this](std::exception_ptr failure, SharedText text) {
      if (failure) {
        ++failed;
      } else {
        got.push_back(std::move(text));
      }
    };
    asio::co_spawn(loop, joint.get(key, std::move(make), interruption), told);
  }
  void run() {
    loop.run();
    loop.restart();
  }

  asio::io_context loop;
  std::shared_ptr<Interruption> interruption = std::make_shared<Interruption>();
  JointText joint;
  int made = 0;
  int failed = 0;
  bool broken = false;
  std::vector<SharedText> got;
};

}  // namespace

TEST_CASE("who comes while a text is rested from shares the one that is made next") {
  Desk desk;
  for (int i = 0; i < 100; ++i) desk.ask(std::chrono::milliseconds(5));
  desk.run();
  CHECK(desk.got.size() == 100);
  CHECK(desk.made == 2);  // the first, which the others asked after; one for all the others
  CHECK(desk.got[1] == desk.got[99]);
}

TEST_CASE("who asks for something else gets that, after the same rest") {
  Desk desk;
  const auto work = std::chrono::milliseconds(5);
  for (int i = 0; i < 9; ++i) desk.ask(work, std::string(1, "abc"[i % 3]));
  const auto begun = std::chrono::steady_clock::now();
  desk.run();
  CHECK(std::chrono::steady_clock::now() - begun >= 13 * work);  // four texts, three rests
  CHECK(desk.got.size() == 9);
  CHECK(desk.made >= 4);  // the first, which the others asked after; one of each for the others
  std::map<char, int> got;
  for (const SharedText &text : desk.got) ++got[text->front()];
  CHECK(got == std::map<char, int>{{'a', 3}, {'b', 3}, {'c', 3}});
}

TEST_CASE("nobody gets a text that was begun before he asked") {
  Desk desk;
  for (int i = 1; i <= 3; ++i) {
    desk.ask();
    desk.run();
    CHECK(desk.made == i);
  }
}

TEST_CASE(
    "a text that nobody reads is gone, and of those that are read the oldest are taken back") {
  Desk desk(300);
  for (int i = 0; i < 2; ++i) {
    desk.ask();
    desk.run();
  }
  const std::weak_ptr<const std::string> unread = desk.got[1];
  desk.got.pop_back();
  CHECK(unread.expired());
  for (int i = 0; i < 4; ++i) {
    desk.ask();
    desk.run();
  }
  CHECK(desk.got.size() == 5);
  CHECK(desk.got[0]->empty());
  CHECK_FALSE(desk.got[4]->empty());
}

TEST_CASE("who meets a failure is told, and the next one is served") {
  Desk desk;
  desk.broken = true;
  desk.ask();
  desk.run();
  CHECK(desk.failed == 1);
  desk.broken = false;
  desk.ask();
  desk.run();
  CHECK(desk.got.size() == 1);
}

TEST_CASE("who waits can be let go") {
  Desk desk;
  desk.ask(std::chrono::hours(0));
  desk.run();
  const auto slow = std::chrono::milliseconds(20);
  desk.ask(slow);  // and its rest
  desk.run();
  desk.ask();
  desk.loop.poll();
  CHECK(desk.got.size() == 2);
  CHECK(desk.interruption->possible());
  desk.interruption->happen();
  desk.run();
  CHECK(desk.got.size() == 3);
  CHECK(desk.got.back() == nullptr);
  CHECK(desk.made == 2);
}
