// Takes an id in C++17.
#include <essequence/essequence.hpp>
#include <exception>
#include <iostream>
#include <string>

int main(int argc, char **argv) try {
  if (argc != 2) return 2;
  essequence::Options options;
  options.runtime_dir = argv[1];
  try {
    const essequence::Sequence bad("_bad", options);
    std::cerr << "a bad name was not refused\n";
    return 1;
  } catch (const essequence::Error &error) {
    if (error.status() != ESSEQUENCE_INVALID || std::string(error.what()).empty()) throw;
  }
  essequence::Sequence orders("orders", options);
  std::cout << orders.next() << '\n';
  return 0;
} catch (const std::exception &error) {
  std::cerr << error.what() << '\n';
  return 1;
}
