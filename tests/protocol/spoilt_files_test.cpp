// What else can stand where a sidecar's files should be: cut short, empty, of another kind, a copy,
// another instance's, somebody else's, gone, or on a tmpfs that is full. Clients answer with a
// status, and the next sidecar makes new files or says why it cannot.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include "tests/protocol/hostile_ring.hpp"
#include "tests/unit/disk.hpp"

using namespace hostile;
namespace fs = std::filesystem;

namespace {

constexpr int kSkipped = -1;

// The status of `call`, made by a child that dies of an alarm should it hang, as the user `uid`.
int in_child(const std::function<int()> &call, uid_t uid = 0) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    if (uid != 0 && (setgid(uid) != 0 || setuid(uid) != 0)) _exit(99);
    _exit(call());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  INFO("ended by signal " << (WIFSIGNALED(status) ? WTERMSIG(status) : 0));
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status) == 99 ? kSkipped : WEXITSTATUS(status);
}

int open_status(const std::string &directory, uid_t uid = 0) {
  return in_child([&] { return Handle(directory, kNames[0]).status; }, uid);
}

// A client finds no ring, and a sidecar makes a new one.
void require_refused(const Ring &ring, std::initializer_list<int> accepted) {
  const int status = open_status(ring.directory.path);
  INFO("the client's status is " << status);
  REQUIRE(std::find(accepted.begin(), accepted.end(), status) != accepted.end());
  const sidecar::RingFile next(ring.directory.path);
  REQUIRE_FALSE(next.adopted());
  REQUIRE_FALSE(next.replaced_because().empty());
  REQUIRE(next.sequences() == 0);
}

std::string either_file() { return GENERATE(as<std::string>(), "/ring", "/tickets"); }

}  // namespace

TEST_CASE("files that are cut short, emptied or too long") {
  const Ring ring;
  const std::string path = ring.directory.path + either_file();
  const std::uintmax_t whole = fs::file_size(path);
  const std::uintmax_t size = GENERATE_COPY(
      as<std::uintmax_t>(), 0, 1, 7, 8, 31, 32, 255, 256, 300, sizeof(shm::RingHeader) - 1,
      sizeof(shm::RingHeader), 4095, 4096, 4097, shm::kCountersOffset, shm::kCountersOffset + 8,
      shm::kEntriesOffset, shm::kEntriesOffset + 1, whole - 1, whole + 1);
  fs::resize_file(path, size);
  require_refused(ring, {ESSEQUENCE_SYSTEM});
}

TEST_CASE("something of another kind in place of a file") {
  const Ring ring;
  const std::string path = ring.directory.path + either_file();
  const std::string kept = ring.directory.path + "/kept";
  fs::rename(path, kept);
  SECTION("nothing") { require_refused(ring, {ESSEQUENCE_UNAVAILABLE}); }
  SECTION("a pipe") {
    REQUIRE(mkfifo(path.c_str(), 0660) == 0);
    require_refused(ring, {ESSEQUENCE_SYSTEM});
  }
  SECTION("a link to the very file") {
    fs::create_symlink(kept, path);
    require_refused(ring, {ESSEQUENCE_SYSTEM});
  }
  SECTION("a link to nothing") {
    fs::create_symlink("/nonexistent", path);
    require_refused(ring, {ESSEQUENCE_SYSTEM});
  }
  SECTION("a socket") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const shm::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(bind(socket.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) == 0);
    require_refused(ring, {ESSEQUENCE_SYSTEM});
  }
  SECTION("a device") {
    if (mknod(path.c_str(), S_IFCHR | 0660, makedev(1, 5)) != 0) {  // /dev/zero
      WARN("devices cannot be made here: skipped");
      return;
    }
    require_refused(ring, {ESSEQUENCE_SYSTEM, ESSEQUENCE_DENIED});
  }
  SECTION("text") {
    essequence::testing::overwrite(path, std::string(8192, 'x'));
    require_refused(ring, {ESSEQUENCE_SYSTEM});
  }
  SECTION("a directory, which nobody replaces by mistake") {
    fs::create_directory(path);
    CHECK(open_status(ring.directory.path) == ESSEQUENCE_SYSTEM);
    CHECK_THROWS_WITH(sidecar::RingFile(ring.directory.path), Catch::Contains(path));
  }
}

TEST_CASE("a copy of a ring is nobody's") {
  const Ring ring;
  const RuntimeDirectory other;
  for (const char *file : {"/ring", "/tickets"}) {
    // Not all of it is there to be read: most is a hole.
    const std::string command =
        "cp --sparse=always " + ring.directory.path + file + " " + other.path;
    REQUIRE(std::system(command.c_str()) == 0);
  }
  CHECK(open_status(other.path) == ESSEQUENCE_SYSTEM);
  const sidecar::RingFile next(other.path);
  CHECK_FALSE(next.adopted());
  CHECK_THAT(next.replaced_because(), Catch::Contains("copies"));
  // And whoever is at the original is left alone.
  Handle living(ring.directory.path, kNames[0]);
  CHECK(living.take().size() == 8);
}

TEST_CASE("a client whose ring was replaced by a copy ends its wait at the deadline") {
  const Ring ring;
  const std::string path = ring.directory.path + "/ring";
  const int status = in_child([&] {
    Handle living(ring.directory.path, kNames[0]);
    REQUIRE(std::system(("cp --sparse=always " + path + " " + path + ".copy").c_str()) == 0);
    fs::rename(path + ".copy", path);
    essequence_status last = ESSEQUENCE_OK;
    std::int64_t id = 0;
    for (int i = 0; i < 100 && last == ESSEQUENCE_OK; ++i) {
      last = essequence_next(living.sequence, &id);
    }
    std::ifstream maps("/proc/self/maps");
    const auto mappings = std::count(std::istreambuf_iterator<char>(maps), {}, '\n');
    return mappings < 1000 ? int(last) : 100;  // it has not moved to the copy again and again
  });
  CHECK(status == ESSEQUENCE_SYSTEM);
}

TEST_CASE("files that are unlinked under a living client") {
  const Ring ring;
  Handle living(ring.directory.path, kNames[0]);
  fs::remove(ring.directory.path + "/ring");
  fs::remove(ring.directory.path + "/tickets");
  CHECK(open_status(ring.directory.path) == ESSEQUENCE_UNAVAILABLE);
  Ids ids;
  for (Ids more = living.take(); !more.empty(); more = living.take()) {
    ids.insert(ids.end(), more.begin(), more.end());
  }
  CHECK(std::int64_t(ids.size()) == end_of_ready(0) - first_ready(0));  // goes on while ids last
  require_new(ids, range(first_ready(0), end_of_ready(0)));
  sidecar::RingFile next(ring.directory.path);
  sidecar::Slot slot(next, next.append(kNames[0], blank_ledger()));
  publish(slot, kLater, kLaterCount);
  const Ids after = living.take();
  CHECK(after.size() == 8);
  require_new(after, range(kLater, kLater + std::int64_t{kLaterCount}));
}

TEST_CASE("one file of another instance") {
  const Ring ring, other;
  const std::string file = either_file();
  fs::rename(other.directory.path + file, ring.directory.path + file);
  Handle at_the_other(ring.directory.path, kNames[0]);
  CHECK(at_the_other.status == ESSEQUENCE_SYSTEM);
  const std::uint64_t counter = other.file.counter(0).next.load();
  const sidecar::RingFile next(ring.directory.path);
  CHECK_FALSE(next.adopted());
  // The other instance lives on with the file that was taken from it.
  CHECK(other.file.counter(0).next.load() == counter);
  CHECK(other.file.header().retired.load() == 0);
}

TEST_CASE("files of another owner and mode") {
  if (geteuid() != 0) {
    WARN("other users are to be had by root only: skipped");
    return;
  }
  constexpr uid_t kNobody = 65534;
  const Ring ring;
  const std::string &directory = ring.directory.path;
  const auto mode = [](const std::string &path, mode_t bits) {
    REQUIRE(chmod(path.c_str(), bits) == 0);
  };
  mode(directory, 0755);
  mode(directory + "/ring", 0644);
  mode(directory + "/tickets", 0666);
  const int all_may = open_status(directory, kNobody);
  if (all_may == kSkipped) {
    WARN("another user cannot be had here: skipped");
    return;
  }
  CHECK(all_may == ESSEQUENCE_OK);
  SECTION("a ring that is not to be read") {
    mode(directory + "/ring", 0640);
    CHECK(open_status(directory, kNobody) == ESSEQUENCE_DENIED);
  }
  SECTION("tickets that are not to be written") {
    mode(directory + "/tickets", 0664);
    CHECK(open_status(directory, kNobody) == ESSEQUENCE_DENIED);
  }
  SECTION("a directory that is not to be entered") {
    mode(directory, 0750);
    CHECK(open_status(directory, kNobody) == ESSEQUENCE_DENIED);
    const auto prepare = [&] {
      try {
        sidecar::prepare_runtime_directory(directory);
        return 0;
      } catch (const sidecar::RuntimeDirectoryError &) {
        return 1;
      }
    };
    CHECK(in_child(prepare, kNobody) == 1);
    CHECK(in_child(prepare) == 0);
  }
}

TEST_CASE("a full tmpfs is an error on creation and nobody's signal") {
  essequence::testing::SmallDisk disk;
  if (!disk.mounted()) {
    WARN("a tmpfs of its own cannot be mounted here: skipped");
    return;
  }
  SECTION("no room for the files") {
    disk.fill();
    CHECK(in_child([&] {
            try {
              const sidecar::RingFile ring(disk.path());
              return 0;
            } catch (const std::system_error &error) {
              return error.code() == std::errc::no_space_on_device ? 1 : 2;
            }
          }) == 1);
    disk.free();
    CHECK_FALSE(sidecar::RingFile(disk.path()).adopted());
  }
  SECTION("no room for the next sequence") {
    sidecar::RingFile ring(disk.path());
    const std::uint32_t room = GENERATE(as<std::uint32_t>(), 1, 2, 3, 64, 100);
    for (std::uint32_t number = 0; number < room; ++number) {
      sidecar::Slot slot(ring, ring.append("sequence-" + std::to_string(number), blank_ledger()));
      publish(slot, 1, 10);
    }
    disk.fill();
    std::uint32_t refused_at = room;
    // What was allocated with the last one's pages may still have room.
    CHECK_THROWS_WITH(
        [&] {
          for (;; ++refused_at) ring.append("late-" + std::to_string(refused_at), blank_ledger());
        }(),
        Catch::Contains("tmpfs full"));
    REQUIRE(refused_at < room + 64);
    CHECK(ring.sequences() == refused_at);
    CHECK_FALSE(ring.find("late-" + std::to_string(refused_at)));
    for (std::uint32_t number = 0; number < room; ++number) {
      CHECK(in_child([&] {
              Handle client(disk.path(), "sequence-" + std::to_string(number));
              return client.status == ESSEQUENCE_OK && client.take().size() == 8 ? 0 : 1;
            }) == 0);
    }
    CHECK(in_child([&] { return Handle(disk.path(), "unknown").status; }) ==
          ESSEQUENCE_UNAVAILABLE);
    CHECK(in_child([&] {  // a sidecar that takes over finds nothing that it cannot read
            const sidecar::RingFile next(disk.path());
            for (std::uint32_t number = 0; number < next.sequences(); ++number) {
              if (!sidecar::Slot(next, number).damage().empty()) return 2;
            }
            return next.adopted() && next.sequences() == refused_at ? 0 : 1;
          }) == 0);
    disk.free();
    CHECK(ring.append("late", blank_ledger()) == refused_at);
  }
}
