// The runtime directory, what lies in it, and who may use it.
#include <grp.h>
#include <linux/magic.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shmclient/src/failure.hpp"
#include "sidecar/ctl/examination.hpp"

namespace essequence::ctl {
namespace {

// Of a runtime directory's tmpfs: a sequence takes some kilobytes, so thousands more still fit.
constexpr std::uint64_t kLittleSpace = 32 * kMebibyte;

std::string name_of_user(uid_t uid) {
  const passwd *const entry = getpwuid(uid);
  return entry == nullptr ? std::to_string(uid) : entry->pw_name;
}

std::string name_of_group(gid_t gid) {
  const group *const entry = getgrgid(gid);
  return entry == nullptr ? std::to_string(gid) : entry->gr_name;
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

std::string described(const struct stat &status) {
  return octal(status.st_mode) + " " + name_of_user(status.st_uid) + ":" +
         name_of_group(status.st_gid);
}

std::optional<Finding> runtime_dir(Examined &examined) {
  const std::string &directory = examined.runtime_dir;
  struct statfs file_system {};
  struct stat status {};
  if (statfs(directory.c_str(), &file_system) != 0 || stat(directory.c_str(), &status) != 0) {
    return fail(directory + ": " + std::strerror(errno),
                "start essequenced, or name its directory with --runtime-dir");
  }
  examined.directory = status;
  if (file_system.f_type != TMPFS_MAGIC) {
    return fail(directory + " is not on tmpfs",
                "name a directory under /run or /dev/shm as runtime_dir");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(directory + " is " + described(status),
                "others could replace the ring: chmod 0750 " + directory);
  }
  return ok(directory + " on tmpfs, " + described(status));
}

std::optional<Finding> space(Examined &examined) {
  struct statfs file_system {};
  if (!examined.directory) return std::nullopt;
  if (statfs(examined.runtime_dir.c_str(), &file_system) != 0) return std::nullopt;
  const std::uint64_t block = static_cast<std::uint64_t>(file_system.f_bsize);
  const std::uint64_t free = file_system.f_bavail * block;
  const std::string found = std::to_string(free / kMebibyte) + " of " +
                            std::to_string(file_system.f_blocks * block / kMebibyte) +
                            " MiB are free";
  if (free >= kLittleSpace) return ok(found);
  return warn(found, "soon no new sequence can be opened: mount that tmpfs with a larger size=");
}

struct OwnFile {
  const char *name;
  mode_t mode;
};
constexpr OwnFile kFiles[] = {{"ring", 0640}, {"tickets", 0660}, {"control.sock", 0660}};

std::optional<Finding> files(Examined &examined) {
  if (!examined.directory) return std::nullopt;
  const struct stat &directory = *examined.directory;
  for (const OwnFile &file : kFiles) {
    const std::string path = examined.runtime_dir + "/" + file.name;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      if (errno == EACCES) return std::nullopt;  // who asks is not in the group
      return fail(path + ": " + std::strerror(errno), "start essequenced");
    }
    if ((status.st_mode & 07777) != file.mode || status.st_gid != directory.st_gid ||
        status.st_uid != directory.st_uid) {
      return fail(path + " is " + described(status),
                  "chmod and chown it to " + octal(file.mode) + " " +
                      name_of_user(directory.st_uid) + ":" + name_of_group(directory.st_gid) +
                      ", as the directory, or restart essequenced");
    }
  }
  return ok("ring, tickets and control.sock are of " + name_of_user(directory.st_uid) + ":" +
            name_of_group(directory.st_gid));
}

bool holds(const std::vector<gid_t> &groups, gid_t gid) {
  return std::find(groups.begin(), groups.end(), gid) != groups.end();
}

// As the group database has them, which is what the next login gets.
std::vector<gid_t> groups_at_login(uid_t uid) {
  const passwd *const entry = getpwuid(uid);
  if (entry == nullptr) return {};
  int count = 4096;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (getgrouplist(entry->pw_name, entry->pw_gid, groups.data(), &count) < 0) return {};
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::optional<Finding> membership(Examined &examined) {
  if (!examined.directory) return std::nullopt;
  const struct stat &directory = *examined.directory;
  const std::string user = name_of_user(geteuid());
  const std::string group = name_of_group(directory.st_gid);
  std::vector<gid_t> own(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  if (getgroups(static_cast<int>(own.size()), own.data()) < 0) own.clear();
  own.push_back(getegid());
  if (holds(own, directory.st_gid)) return ok(user + " is in group " + group);
  if (geteuid() == directory.st_uid || geteuid() == 0) return ok(user + " needs no group");
  if (holds(groups_at_login(geteuid()), directory.st_gid)) {
    return fail(user + " is in group " + group + ", but not this process",
                "log in anew; a service is restarted");
  }
  return fail(user + " is not in group " + group, "usermod -aG " + group + " " + user);
}

std::optional<Finding> ring(Examined &examined) {
  if (!examined.directory) return std::nullopt;
  try {
    using shm::Attachment;
    examined.ring = std::make_unique<Attachment>(examined.runtime_dir, Attachment::Role::watcher);
  } catch (const shm::Failure &failure) {
    switch (failure.status()) {
      case ESSEQUENCE_DENIED:
        return fail(failure.what(),
                    "join the group; for a member of it: what do SELinux or "
                    "AppArmor log?");
      case ESSEQUENCE_UNAVAILABLE:
        return fail(failure.what(), "start essequenced");
      case ESSEQUENCE_VERSION:
        return fail(failure.what(), "install one version of all packages, restart essequenced");
      default:
        return fail(failure.what(), "restart essequenced, which makes a new ring");
    }
  }
  return ok("layout " + std::to_string(examined.ring->header().layout) + ", " +
            std::to_string(examined.ring->header().sequences.load()) + " sequences");
}

}  // namespace

const std::vector<Check> kFileChecks = {
    {"runtime directory", runtime_dir},
    {"space", space},
    {"group", membership},
    {"files", files},
    {"ring", ring},
};

}  // namespace essequence::ctl
