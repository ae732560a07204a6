// Who is let go when more connections come than there are seats.
#include "sidecar/control/seats.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace essequence::sidecar;

namespace {

class Scripted final : public Guest {
 public:
  using Guest::Guest;
  bool rests() const override { return resting; }
  void let_go() override { gone = true; }

  bool resting = true;
  bool gone = false;
};

struct Room {
  explicit Room(std::size_t number) : seats(number) {}

  std::shared_ptr<Scripted> come(const std::string &who, bool administrator = false) {
    const auto guest = std::make_shared<Scripted>(who, administrator);
    entered = seats.enter(guest);
    return guest;
  }

  Seats seats;
  bool entered = false;
};

}  // namespace

TEST_CASE("who opens more than there are seats takes them from himself, the oldest first") {
  Room room(8);
  const auto other = room.come("other");
  std::vector<std::shared_ptr<Scripted>> flood;
  for (int i = 0; i < 100; ++i) flood.push_back(room.come("flood"));
  CHECK_FALSE(other->gone);
  for (int i = 0; i < 93; ++i) CHECK(flood[static_cast<std::size_t>(i)]->gone);
  for (int i = 93; i < 100; ++i) CHECK_FALSE(flood[static_cast<std::size_t>(i)]->gone);
  CHECK(room.seats.seated().size() == 8);
  CHECK(room.seats.holder_of_most() == "flood");
}

TEST_CASE("whoever has few seats keeps getting in, at the cost of who has many") {
  Room room(8);
  for (int i = 0; i < 8; ++i) room.come("flood");
  std::vector<std::shared_ptr<Scripted>> few;
  for (int i = 0; i < 3; ++i) few.push_back(room.come("few"));
  CHECK(room.entered);
  for (int i = 0; i < 8; ++i) room.come("flood");
  for (const auto &guest : few) CHECK_FALSE(guest->gone);
}

TEST_CASE("of those who have as many, it is who came first, whatever the name") {
  Room room(3);
  std::vector<std::shared_ptr<Scripted>> guests;
  for (const char *name : {"c", "a", "b", "d", "e"}) guests.push_back(room.come(name));
  CHECK(room.entered);
  CHECK(guests[0]->gone);
  CHECK(guests[1]->gone);
  for (std::size_t i = 2; i < 5; ++i) CHECK_FALSE(guests[i]->gone);
}

TEST_CASE("who is being answered keeps the seat, and nobody is let go for who has as many") {
  Room room(4);
  std::vector<std::shared_ptr<Scripted>> busy;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(room.come(i < 2 ? "a" : "b"));
    busy.back()->resting = false;
  }
  room.come("c");
  CHECK_FALSE(room.entered);
  busy[2]->resting = true;  // of b, who has two, as a has
  room.come("a");
  CHECK_FALSE(room.entered);
  room.come("c");
  CHECK(room.entered);
  CHECK(busy[2]->gone);
}

TEST_CASE("an administrator finds a seat where all are taken by the busy") {
  Room room(8);
  for (int i = 0; i < 8; ++i) room.come("flood")->resting = false;
  room.come("somebody");
  CHECK_FALSE(room.entered);
  const auto administrator = room.come("root", true);
  CHECK(room.entered);
  room.seats.leave(administrator);
  room.come("root", true);
  CHECK(room.entered);
}

TEST_CASE("a seat that was given up is free") {
  Room room(2);
  const auto first = room.come("a");
  const auto second = room.come("a");
  room.seats.leave(first);
  room.come("a");
  CHECK_FALSE(second->gone);
  CHECK(room.seats.let_one_go());
  CHECK(second->gone);
  room.seats.leave(second);  // as its connection does when it ends
  CHECK(room.seats.seated().size() == 1);
}
