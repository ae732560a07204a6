// A runtime directory of a test's own on tmpfs, removed with it.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

struct RuntimeDirectory {
  std::string path = "/dev/shm/essequence-test-XXXXXX";
  RuntimeDirectory() {
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  }
  ~RuntimeDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};
