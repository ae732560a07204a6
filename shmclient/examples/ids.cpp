// Takes a thousand ids in C++.
//
//   c++ -std=c++17 ids.cpp $(pkg-config --cflags --libs essequence) -o ids && ./ids orders
#include <chrono>
#include <essequence/essequence.hpp>
#include <iostream>

int main(int argc, char **argv) {
  essequence::Options options;
  options.timeout = std::chrono::seconds(2);  // waits so long, no longer
  try {
    essequence::Sequence sequence(argc > 1 ? argv[1] : "orders", options);
    for (int i = 0; i < 1000; ++i) std::cout << sequence.next() << '\n';
  } catch (const essequence::Error &error) {
    std::cerr << error.what() << '\n';  // error.status() for programs
    return 1;
  }
}
