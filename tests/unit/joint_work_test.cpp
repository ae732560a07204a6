// Who waits for the same work shares it, and nobody gets work that was begun before he asked.
#include "sidecar/refill/joint_work.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <stdexcept>

using namespace essequence::sidecar;
namespace asio = boost::asio;

namespace {

struct Workshop {
  asio::io_context loop;
  std::vector<std::vector<int>> done;  // the wishes of each work
  std::set<int> impossible;
  std::vector<int> answered, refused;
  int at_work = 0;
  JointWork<int> joint{[this](std::vector<int> wishes) { return work(std::move(wishes)); }};

  asio::awaitable<void> work(std::vector<int> wishes) {
    REQUIRE(++at_work == 1);
    for (int turns = 0; turns < 5; ++turns) co_await asio::post(loop, asio::use_awaitable);
    --at_work;
    done.push_back(wishes);
    for (const int wish : wishes) {
      if (impossible.count(wish) > 0) throw std::runtime_error("no");
    }
  }
  void ask(int wish) {
    asio::co_spawn(loop, joint.done(wish), [this, wish](std::exception_ptr failure) {
      (failure ? refused : answered).push_back(wish);
    });
  }
};

}  // namespace

TEST_CASE("those who come while a work is under way share the one after it") {
  Workshop shop;
  for (const int wish : {1, 2, 3, 4}) shop.ask(wish);
  shop.loop.run();
  CHECK(shop.done == std::vector<std::vector<int>>{{1}, {2, 3, 4}});
  CHECK(shop.answered == std::vector<int>{1, 2, 3, 4});

  shop.loop.restart();
  shop.ask(5);
  shop.loop.run();
  CHECK(shop.done.back() == std::vector<int>{5});
}

TEST_CASE("a work that fails fails for all who share it, and for nobody else") {
  Workshop shop;
  shop.impossible = {3};
  for (const int wish : {1, 2, 3}) shop.ask(wish);
  shop.loop.run();
  shop.loop.restart();
  shop.ask(4);
  shop.loop.run();
  CHECK(shop.answered == std::vector<int>{1, 4});
  CHECK(shop.refused == std::vector<int>{2, 3});
}
