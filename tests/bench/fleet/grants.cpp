#include "tests/bench/fleet/grants.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>

#include "sidecar/journal/sqlite.hpp"

namespace essequence::fleet {

namespace sqlite = sidecar::sqlite;

Grants disjoint_grants(const std::vector<std::filesystem::path> &directories) {
  struct Block {
    std::string sequence;
    std::int64_t first, last;
    std::string journal;
  };
  std::vector<Block> blocks;
  for (const std::filesystem::path &directory : directories) {
    sqlite::Database journal(directory / "journal.db", "run the simulation again");
    sqlite::Statement rows(journal,
                           "SELECT name, first, last FROM blocks JOIN pins USING (sequence)");
    while (rows.step()) {
      blocks.push_back({rows.text(0), rows.integer(1), rows.integer(2), directory});
    }
  }
  std::sort(blocks.begin(), blocks.end(), [](const Block &a, const Block &b) {
    return std::tie(a.sequence, a.first) < std::tie(b.sequence, b.first);
  });
  Grants grants;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Block &block = blocks[i];
    grants.blocks += 1;
    grants.ids += block.last - block.first + 1;
    if (i == 0 || blocks[i - 1].sequence != block.sequence) continue;
    if (blocks[i - 1].last < block.first) continue;
    throw std::runtime_error("sequence \"" + block.sequence + "\": id " +
                             std::to_string(block.first) + " was granted to " +
                             blocks[i - 1].journal + " and to " + block.journal);
  }
  return grants;
}

}  // namespace essequence::fleet
