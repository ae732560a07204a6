#include "sidecar/daemon.hpp"

#include <malloc.h>
#include <sys/stat.h>

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <system_error>

#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/local/local_source.hpp"
#include "sidecar/control/control_server.hpp"
#include "sidecar/event.hpp"
#include "sidecar/journal/directory_lock.hpp"
#include "sidecar/log.hpp"
#include "sidecar/notices.hpp"
#include "sidecar/refill/instance.hpp"
#include "sidecar/ring/doorbell.hpp"

namespace essequence::sidecar {
namespace {

namespace asio = boost::asio;

void prepare_state_directory(const std::string &directory) {
  struct stat status {};
  if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    throw ConfigError("state_dir " + directory +
                      " cannot be made: " + std::generic_category().message(errno));
  }
  if (stat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != geteuid()) {
    throw ConfigError("state_dir " + directory + " is not a directory of uid " +
                      std::to_string(geteuid()) + ": chown it, or name another one");
  }
}

std::unique_ptr<Source> make_source(const Config &config, asio::io_context &loop,
                                    asio::thread_pool &storage) {
  if (config.source == "local") return std::make_unique<LocalSource>(config.state_dir, storage);
  return std::make_unique<ElasticsearchSource>(config.elasticsearch, loop);
}

// "12 sequences; elasticsearch is healthy; 1 fenced: orders"
std::string status_line(const Supply &supply, const std::vector<std::string> &fenced) {
  const SourceHealth source = supply.source_health();
  const std::string journal = supply.journal_failure();
  std::string line = std::to_string(supply.count()) + " sequences; " + supply.source_kind() +
                     (source.healthy ? " is healthy" : " is unhealthy: " + source.detail);
  if (!journal.empty()) line += "; the journal fails: " + journal;
  if (!fenced.empty()) line += "; " + std::to_string(fenced.size()) + " fenced: " + fenced.front();
  if (fenced.size() > 1) line += ", ...";
  return line;
}

class Daemon {
 public:
  Daemon(Config config, const std::function<Config()> &reread)
      : config_(std::move(config)),
        reread_(reread),
        runtime_lock_(config_.runtime_dir),
        state_lock_(config_.state_dir),
        journal_(config_.state_dir),
        ring_(config_.runtime_dir),
        source_(make_source(config_, loop_, storage_)),
        control_(loop_, instance_.emplace(loop_, storage_, *source_, journal_, ring_, config_),
                 config_, facts(), [this]() -> awaitable<void> {
                   reload();
                   co_return;
                 }) {
    if (ring_.adopted()) {
      spdlog::info("adopted the ring in {} with {} sequences", config_.runtime_dir,
                   ring_.sequences());
    } else if (!ring_.replaced_because().empty()) {
      spdlog::warn("replaced the ring in {}: {}", config_.runtime_dir, ring_.replaced_because());
    }
  }

  void run() {
    asio::signal_set signals(loop_, SIGTERM, SIGINT, SIGHUP);
    asio::co_spawn(loop_, listen_to(signals), asio::detached);
    asio::co_spawn(loop_, start(), rethrow());
    loop_.run();
    tell_kept_back(std::chrono::steady_clock::time_point::max());
    doorbell_.reset();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static DaemonFacts facts() {
    DaemonFacts facts;
    facts.version = ESSEQUENCE_VERSION_TEXT;
    facts.layout = shm::kLayout;
    facts.pid = getpid();
    return facts;
  }

  awaitable<void> start() {
    co_await instance_->start();
    ring_.header().sidecar_pid.store(static_cast<std::uint32_t>(getpid()));
    asio::co_spawn(loop_, instance_->beat([this] { tell_service_manager(); }), rethrow());
    asio::co_spawn(loop_, instance_->poll(), rethrow());
    asio::co_spawn(loop_, tidy(), rethrow());
    doorbell_ = std::make_unique<Doorbell>(ring_, [this](std::vector<std::uint32_t> numbers) {
      instance_->wanted(std::move(numbers));
    });
    control_.listen(config_.runtime_dir + "/control.sock");
    if (!config_.listen.empty()) control_.listen_read_only(config_.listen);
    notices_.ready();
    spdlog::info("essequenced {} serves {} from source {}", ESSEQUENCE_VERSION_TEXT,
                 config_.runtime_dir, config_.source);
  }

  // With each beat. It is the beat that feeds the watchdog, so that a loop that hangs is noticed.
  void tell_service_manager() {
    const auto now = std::chrono::steady_clock::now();
    notices_.alive(now);
    tell_kept_back(now);
    if (now < next_status_) return;
    // To look at all sequences takes longer the more there are.
    const auto pause = std::chrono::milliseconds(instance_->count());
    next_status_ = now + std::max<std::chrono::milliseconds>(std::chrono::seconds(1), pause);
    notices_.status(status_line(*instance_, instance_->fenced()));
  }

  // Gives back what a start, a long list or a busy hour needed and nobody needs any more.
  awaitable<void> tidy() {
    for (asio::steady_timer timer(loop_);;) {
      timer.expires_after(std::chrono::seconds(30));
      co_await timer.async_wait(asio::use_awaitable);
      ring_.unmap_unused();
      malloc_trim(0);
    }
  }

  awaitable<void> listen_to(asio::signal_set &signals) {
    for (;;) {
      const int signal = co_await signals.async_wait(asio::use_awaitable);
      if (signal != SIGHUP) break;
      try {
        reload();
      } catch (const std::exception &error) {
        spdlog::error("the configuration stays as it was: {}", error.what());
      }
    }
    notices_.stopping();
    control_.stop();
    co_await instance_->stop();
    loop_.stop();
  }

  // What a running sidecar can change: how it refills and who may reset. The rest is told.
  void reload() {
    const Notices::Reloading reloading;
    const Config read = reread_();
    if (read.source != config_.source || read.runtime_dir != config_.runtime_dir ||
        read.state_dir != config_.state_dir || read.listen != config_.listen ||
        read.elasticsearch != config_.elasticsearch) {
      spdlog::warn(
          "source, [elasticsearch], listen and the directories change with the next restart");
    }
    config_.log_level = read.log_level;
    config_.control = read.control;
    config_.defaults = read.defaults;
    config_.sequences = read.sequences;
    spdlog::set_level(spdlog::level::from_str(config_.log_level));
    instance_->reconfigure();
    control_.reconfigure(config_);
    spdlog::info("the configuration was read anew");
  }

  // A coroutine of the instance that ends by an exception ends the sidecar: the one fatal path.
  std::function<void(std::exception_ptr)> rethrow() {
    return [this](std::exception_ptr failure) {
      if (!failure) return;
      failure_ = failure;
      loop_.stop();
    };
  }

  Config config_;
  const std::function<Config()> &reread_;
  const DirectoryLock runtime_lock_;
  const DirectoryLock state_lock_;
  Journal journal_;
  RingFile ring_;
  std::optional<Instance> instance_;  // outlives the loop, whose coroutines hold its turns
  asio::io_context loop_{1};
  asio::thread_pool storage_{1};
  std::unique_ptr<Source> source_;  // before the loop goes, its requests end
  ControlServer control_;
  std::unique_ptr<Doorbell> doorbell_;
  Notices notices_;
  std::chrono::steady_clock::time_point next_status_{};
  std::exception_ptr failure_;
};

}  // namespace

void run_daemon(Config config, const std::function<Config()> &reread) {
  prepare_runtime_directory(config.runtime_dir);
  prepare_state_directory(config.state_dir);
  mallopt(M_ARENA_MAX, 1);        // else each thread keeps a heap of what it once needed
  std::signal(SIGPIPE, SIG_IGN);  // a peer that hung up is an error of that write, not our end
  Daemon(std::move(config), reread).run();
}

}  // namespace essequence::sidecar
