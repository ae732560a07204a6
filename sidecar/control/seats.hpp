// Who stays when more connections come than there are seats. The newcomer gets the seat of the one
// that came first, among those of whoever holds the most seats: so who opens thousands takes them
// from himself, and whoever has few keeps getting in. (Not of the one that was silent longest: who
// floods is never silent.) A few seats more are for administrators, whom no group of others can
// lock out.
//
// Whoever is being answered keeps the seat: the answer may be the only word of what was changed.
//
// Thread rules: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace essequence::sidecar {

// One connection, as far as its seat goes.
class Guest {
 public:
  Guest(std::string who, bool administrator)
      : who_(std::move(who)), administrator_(administrator) {}
  virtual ~Guest() = default;
  const std::string &who() const { return who_; }  // "uid 33", or the address it comes from
  bool administrator() const { return administrator_; }

  virtual bool rests() const = 0;  // reads a request, writes an answer, or waits for either
  virtual void let_go() = 0;       // ends soon

 private:
  friend class Seats;
  const std::string who_;
  const bool administrator_;
  std::uint64_t arrival_ = 0;  // they are numbered as they come
};

class Seats {
 public:
  // And an eighth more for administrators.
  explicit Seats(std::size_t number) : number_(number) {}

  // Gives the newcomer a seat, and lets another one go where that takes it. False: there is none.
  bool enter(const std::shared_ptr<Guest> &newcomer);
  void leave(const std::shared_ptr<Guest> &guest);
  // Without a newcomer. False: nobody rests.
  bool let_one_go();

  bool full() const { return taken_ >= number_; }
  std::vector<std::shared_ptr<Guest>> seated() const;
  std::string holder_of_most() const;

 private:
  using Group = std::list<std::shared_ptr<Guest>>;  // as they came
  bool make_room_for(const std::string &who);
  std::size_t seats_of(const std::string &who) const;

  const std::size_t number_;
  std::size_t taken_ = 0;
  std::uint64_t arrivals_ = 0;
  std::map<std::string, Group> groups_;  // by who they are; none is empty
};

}  // namespace essequence::sidecar
