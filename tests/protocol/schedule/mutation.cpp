#include "tests/protocol/schedule/mutation.hpp"

#include <fstream>
#include <map>
#include <string_view>
#include <tuple>

namespace essequence::protocol {
namespace {

using Order = std::memory_order;
using Key = std::tuple<std::string_view, std::uint32_t, std::uint32_t, Operation>;

const Mutant *chosen = nullptr;
Blind blind_to = Blind::no;

struct Place {
  Order order;  // of a template, its last one
  std::string text;
};
std::map<Key, Place> &met() {
  static std::map<Key, Place> places;
  return places;
}

// Where `path` begins within the source tree; npos: it is not the product's.
std::size_t product_part(std::string_view path) {
  const std::size_t client = path.rfind("/shmclient/");
  return client != std::string_view::npos ? client : path.rfind("/sidecar/");
}

bool is_product(std::string_view path) { return product_part(path) != std::string_view::npos; }

std::string line_of(const std::source_location &where) {
  const std::string_view path = where.file_name();  // may be relative to who knows what
  std::ifstream file(SOURCE_TREE + std::string(path.substr(product_part(path))));
  std::string line;
  for (std::uint32_t number = 0; number < where.line(); ++number) std::getline(file, line);
  const std::size_t begin = line.find_first_not_of(' ');
  return begin == std::string::npos ? "" : line.substr(begin);
}

bool is_blinded(const std::string &text) {
  switch (blind_to) {
    case Blind::no:
      return false;
    case Blind::to_checksum:
      return text.find("checked(checksum ==") != std::string::npos;
    case Blind::to_sequence_number:
      return text.find("checked((sequence & 1) == 0)") != std::string::npos ||
             text.find("checked(record.sequence.load(relaxed) == sequence)") != std::string::npos;
  }
  return false;
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::vector<Fault> faults_of(Operation operation, Order order) {
  std::vector<Fault> faults;
  switch (operation) {
    case Operation::condition:
    case Operation::wait:
    case Operation::wake:
      return {Fault::left_out};
    case Operation::fence:
      faults.push_back(Fault::left_out);
      break;
    case Operation::modify:
      faults.push_back(Fault::torn);
      [[fallthrough]];
    case Operation::load:
    case Operation::store:
      if (order != Order::relaxed) faults.push_back(Fault::relaxed);
  }
  if (order == Order::seq_cst) faults.push_back(Fault::acq_rel);
  return faults;
}

}  // namespace

std::string Mutant::fault_text() const {
  switch (fault) {
    case Fault::none:
      break;
    case Fault::relaxed:
      return "relaxed";
    case Fault::acq_rel:
      return operation == Operation::load    ? "acquire"
             : operation == Operation::store ? "release"
                                             : "acq_rel";
    case Fault::left_out:
      return operation == Operation::condition ? "not checked"
             : operation == Operation::wait    ? "not compared"
                                               : "left out";
    case Fault::torn:
      return "torn";
  }
  return "";
}

Fault fault_at(const std::source_location &where, Operation operation, Order order) {
  if (!is_product(where.file_name())) return Fault::none;
  if (chosen == nullptr || operation == Operation::condition) {
    const Key key{name_of(where.file_name()), where.line(), where.column(), operation};
    auto found = met().find(key);
    if (found == met().end()) found = met().emplace(key, Place{order, line_of(where)}).first;
    if (operation == Operation::condition && is_blinded(found->second.text)) return Fault::left_out;
    if (chosen == nullptr) return Fault::none;
  }
  const bool here = chosen->line == where.line() && chosen->column == where.column() &&
                    chosen->operation == operation && chosen->file == name_of(where.file_name());
  return here ? chosen->fault : Fault::none;
}

Order weakened(Order order, Operation operation, Fault fault) {
  if (fault == Fault::relaxed) return Order::relaxed;
  if (fault != Fault::acq_rel) return order;
  return operation == Operation::load    ? Order::acquire
         : operation == Operation::store ? Order::release
                                         : Order::acq_rel;
}

std::vector<Mutant> all_mutants() {
  std::vector<Mutant> mutants;
  for (const auto &[key, met_at] : met()) {
    const auto &[file, line, column, operation] = key;
    for (const Fault fault : faults_of(operation, met_at.order)) {
      mutants.push_back({std::string(file), line, column, operation, fault, met_at.text});
    }
  }
  return mutants;
}

void choose(const Mutant *mutant) { chosen = mutant; }
void blind(Blind to) { blind_to = to; }

}  // namespace essequence::protocol
