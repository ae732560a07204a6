#include "tests/protocol/schedule/mutation.hpp"

#include <cstring>
#include <map>
#include <string_view>
#include <tuple>

namespace essequence::protocol {
namespace {

using Order = std::memory_order;
using Key = std::tuple<std::string_view, std::uint32_t, std::uint32_t, Operation>;

const Mutant *chosen = nullptr;
// A line that several operations share by its column, a template by its last order.
std::map<Key, Order> &met() {
  static std::map<Key, Order> places;
  return places;
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_product(std::string_view path) {
  return path.find("/shmclient/") != std::string_view::npos ||
         path.find("/sidecar/") != std::string_view::npos;
}

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
  if (chosen == nullptr) {
    if (is_product(where.file_name())) {
      met()[{name_of(where.file_name()), where.line(), where.column(), operation}] = order;
    }
    return Fault::none;
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
  for (const auto &[key, order] : met()) {
    const auto &[file, line, column, operation] = key;
    for (const Fault fault : faults_of(operation, order)) {
      mutants.push_back({std::string(file), line, column, operation, fault});
    }
  }
  return mutants;
}

void choose(const Mutant *mutant) { chosen = mutant; }

}  // namespace essequence::protocol
