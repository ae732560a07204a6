// A ring as text: one line `ring OFFSET WORD` or `tickets OFFSET WORD`, in hexadecimal, for each
// 64-bit word that is not zero. Small, and a change of it can be read.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iomanip>
#include <ostream>
#include <stdexcept>
#include <string>

namespace recorded {

// The words of the file at `path`, whose holes are left unread.
inline void write_words(std::ostream &out, const std::string &file, const std::string &path) {
  const int fd = open(path.c_str(), O_RDONLY);
  std::uint64_t words[512];
  for (off_t at = lseek(fd, 0, SEEK_DATA); at >= 0; at = lseek(fd, at, SEEK_DATA)) {
    const ssize_t got = pread(fd, words, sizeof words, at);
    if (got <= 0) break;
    for (ssize_t i = 0; i < got / ssize_t{sizeof words[0]}; ++i) {
      if (words[i] == 0) continue;
      out << file << std::hex << ' ' << at + 8 * i << ' ' << words[i] << std::dec << '\n';
    }
    at += got;
  }
  close(fd);
}

// Writes the words of `recording` into the files of `directory`, which have these sizes.
inline void make_files(const std::string &recording, const std::string &directory,
                       std::uint64_t ring_size, std::uint64_t tickets_size) {
  const int ring = open((directory + "/ring").c_str(), O_RDWR | O_CREAT, 0640);
  const int tickets = open((directory + "/tickets").c_str(), O_RDWR | O_CREAT, 0660);
  const bool sized = ftruncate(ring, static_cast<off_t>(ring_size)) == 0 &&
                     ftruncate(tickets, static_cast<off_t>(tickets_size)) == 0;
  std::ifstream lines(recording);
  std::string file;
  std::uint64_t offset = 0, word = 0;
  std::size_t count = 0;
  for (; lines >> file >> std::hex >> offset >> word; ++count) {
    const ssize_t put =
        pwrite(file == "ring" ? ring : tickets, &word, sizeof word, static_cast<off_t>(offset));
    if (put != sizeof word) throw std::runtime_error("writing " + file);
  }
  close(ring);
  close(tickets);
  if (!sized || count == 0) throw std::runtime_error(recording + " cannot be made into a ring");
}

}  // namespace recorded
