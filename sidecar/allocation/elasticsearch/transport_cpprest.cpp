#include <cpprest/http_client.h>
#include <pplx/threadpool.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <utility>

#include "sidecar/allocation/elasticsearch/credentials.hpp"
#include "sidecar/allocation/elasticsearch/tls.hpp"
#include "sidecar/allocation/elasticsearch/transport.hpp"

namespace essequence::sidecar::elasticsearch {
namespace {

namespace http = web::http;

// No reply of Elasticsearch that the sidecar asks for comes near it.
constexpr utility::size64_t kLargestReply = 64 << 20;

// How far a request has got. A body that was not handed over whole was not acted upon.
enum class Progress { unsent, sending, sent, abandoned };

// Cancelling takes no longer, unless a resolver hangs; what is then left ends with the process.
constexpr std::chrono::seconds kLongestCancelling{2};

struct Track {
  std::atomic<Progress> progress = Progress::unsent;
  std::atomic<bool> sent_twice = false;
  std::atomic<bool> done = false;
  pplx::cancellation_token_source cancellation;
};

// The requests that are under way. cpprestsdk goes on with them when its client is destroyed.
class UnderWay {
 public:
  void add(const std::shared_ptr<Track> &track) {
    const std::lock_guard lock(mutex_);
    tracks_.insert(track);
  }
  void remove(const std::shared_ptr<Track> &track) {
    const std::lock_guard lock(mutex_);
    tracks_.erase(track);
    ended_.notify_all();
  }
  void end() {
    std::unique_lock lock(mutex_);
    const std::set<std::shared_ptr<Track>> tracks = tracks_;
    lock.unlock();  // a cancelled request may end at once, and be removed
    for (const std::shared_ptr<Track> &track : tracks) track->cancellation.cancel();
    lock.lock();
    ended_.wait_for(lock, kLongestCancelling, [this] { return tracks_.empty(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::set<std::shared_ptr<Track>> tracks_;
};

void start_small_thread_pool() {
  // cpprestsdk would start 40 threads on first use. Two, so that one that waits for the resolver
  // does not stop the others.
  static const bool started = [] {
    crossplat::threadpool::initialize_with_threads(2);
    return true;
  }();
  static_cast<void>(started);
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

// Why the last server's certificate was refused; handed over once.
class Refusal {
 public:
  void tell(std::string words) {
    const std::lock_guard lock(mutex_);
    words_ = std::move(words);
  }
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(words_, "");
  }

 private:
  std::mutex mutex_;
  std::string words_;
};

Failure failure_of(const Track &track, Refusal &refusal, const std::exception &e,
                   std::error_code code) {
  const Progress progress = track.progress;
  Failure failure;
  // EPIPE while the body is on its way: the server had closed an idle connection.
  failure.stale_connection = progress == Progress::sending && code == std::errc::broken_pipe;
  failure.certainly_not_sent =
      failure.stale_connection || progress == Progress::unsent || progress == Progress::abandoned;
  failure.cause = e.what();
  if (code) failure.cause += " (" + code.message() + ")";
  const std::string refused = progress == Progress::unsent ? refusal.take() : "";
  if (!refused.empty()) failure.cause = refused;
  const std::string alert = words_of_alert(code.value());
  if (!alert.empty()) failure.cause = alert;
  return failure;
}

class CpprestExchange : public Exchange {
 public:
  CpprestExchange(std::shared_ptr<Track> track, bool has_body)
      : track_(std::move(track)), has_body_(has_body) {}

  ~CpprestExchange() override {
    if (!track_->done) track_->cancellation.cancel();
  }

  bool abandon_unsent() override {
    // Without a body the progress handler speaks too late: after the whole request was written.
    auto expected = Progress::unsent;
    return has_body_ && track_->progress.compare_exchange_strong(expected, Progress::abandoned);
  }

 private:
  std::shared_ptr<Track> track_;
  bool has_body_;
};

// Called before the body is written (done < size), after it was written, and as the reply comes.
void follow_progress(Track &track, bool upload, utility::size64_t bytes, std::size_t body_size) {
  if (!upload) {
    if (bytes > kLargestReply) throw http::http_exception("the reply is larger than 64 MiB");
    return;
  }
  const auto reached = bytes < body_size ? Progress::sending : Progress::sent;
  auto before = track.progress.load();
  do {
    if (before == Progress::abandoned) throw http::http_exception("abandoned before it was sent");
    if (before == Progress::sent) {
      // cpprestsdk sends again by itself when a reused connection closes without a reply.
      track.sent_twice = true;
      return;
    }
  } while (!track.progress.compare_exchange_weak(before, reached));
}

pplx::task<Reply> whole_reply(http::http_response response) {
  // extract_vector: takes the bytes as they are, whatever the content type says.
  return response.extract_vector().then([response](std::vector<unsigned char> bytes) {
    Reply reply;
    reply.status = response.status_code();
    reply.body.assign(bytes.begin(), bytes.end());
    return reply;
  });
}

}  // namespace

struct Transport::Client {
  Client(const web::uri &host, const http::client::http_client_config &settings,
         const ElasticsearchConfig &config, std::shared_ptr<Refusal> refused)
      : connections(host, settings),
        credentials(std::make_shared<Credentials>(config)),
        refusal(std::move(refused)) {}
  http::client::http_client connections;
  std::shared_ptr<Credentials> credentials;  // shared with requests that outlive this object
  std::shared_ptr<Refusal> refusal;
  std::string opaque_id = "essequenced@" + host_name();
  std::shared_ptr<UnderWay> under_way = std::make_shared<UnderWay>();
};

Transport::Transport(const std::string &host, const ElasticsearchConfig &config) {
  start_small_thread_pool();
  http::client::http_client_config settings;
  settings.set_max_redirects(0);  // a redirect would be followed with the Authorization header
  settings.set_timeout(std::chrono::duration_cast<std::chrono::microseconds>(
      config.request_timeout));  // of each step; the callers keep the total
  const auto refusal = std::make_shared<Refusal>();
  settings.set_ssl_context_callback([config, refusal](boost::asio::ssl::context &context) {
    configure_tls(context, config,
                  [refusal](std::string words) { refusal->tell(std::move(words)); });
  });
  const auto refuse = [&host](const std::string &why) {
    throw ConfigError("elasticsearch.hosts: \"" + host + "\" " + why +
                      "; give a URL such as \"https://es1:9200\"");
  };
  web::uri uri;
  if (!web::uri::validate(host)) refuse("is not a URL");
  uri = web::uri(host);
  if (uri.scheme() != "http" && uri.scheme() != "https") refuse("is neither http nor https");
  if (uri.host().empty()) refuse("has no host");
  if (!uri.user_info().empty()) refuse("holds a user; set username and password_file instead");
  client_ = std::make_unique<Client>(uri, settings, config, refusal);
}

Transport::~Transport() { client_->under_way->end(); }

std::unique_ptr<Exchange> Transport::start(const Request &request,
                                           std::function<void(Outcome)> done) {
  const auto track = std::make_shared<Track>();
  auto exchange = std::make_unique<CpprestExchange>(track, !request.body.empty());
  const auto under_way = client_->under_way;
  under_way->add(track);
  const auto finish = [track, under_way, done = std::move(done)](Outcome outcome) {
    track->done = true;
    done(std::move(outcome));
    under_way->remove(track);
  };
  try {
    http::http_request message(request.method);
    message.set_request_uri(web::uri(request.path));
    auto &headers = message.headers();
    headers.add("User-Agent", "essequenced/" ESSEQUENCE_VERSION_TEXT);
    headers.add("X-Opaque-Id", client_->opaque_id);
    const auto credentials = client_->credentials;
    const std::string authorization = credentials->authorization();
    if (!authorization.empty()) headers.add("Authorization", authorization);
    if (!request.body.empty()) message.set_body(request.body, "application/json");
    message.set_progress_handler(
        [track, size = request.body.size()](http::message_direction::direction direction,
                                            utility::size64_t bytes) {
          follow_progress(*track, direction == http::message_direction::upload, bytes, size);
        });
    client_->connections.request(message, track->cancellation.get_token())
        .then(whole_reply)
        .then([track, finish, credentials, refusal = client_->refusal](pplx::task<Reply> reply) {
          // Every exception is observed here: one that is not ends the process.
          try {
            Reply whole = reply.get();
            whole.sent_twice = track->sent_twice;
            if (whole.status == web::http::status_codes::Unauthorized) credentials->refused();
            finish(std::move(whole));
          } catch (const http::http_exception &e) {
            finish(failure_of(*track, *refusal, e, e.error_code()));
          } catch (const std::exception &e) {
            finish(failure_of(*track, *refusal, e, {}));
          }
        });
  } catch (const std::exception &e) {
    finish(Failure{true, false, e.what()});
  }
  return exchange;
}

}  // namespace essequence::sidecar::elasticsearch
