// Whom the source trusts: a TLS server with certificates that are made here, one authority and one
// host below it.
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <thread>

#include "sidecar/allocation/elasticsearch/http.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

using namespace essequence::sidecar;
using namespace essequence::sidecar::elasticsearch;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void extend(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  REQUIRE(extension);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

struct Identity {
  Key key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  Certificate certificate{X509_new(), X509_free};

  // issuer absent: an authority that signs itself. `address`: of the host it is for. `left`: for
  // how many seconds it is valid yet.
  Identity(const std::string &name, const Identity *issuer, const std::string &address,
           long left = 3600) {
    X509 *made = certificate.get();
    static long serial = 1;
    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), left);
    X509_set_pubkey(made, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char *>(name.c_str()), -1, -1, 0);
    const Identity &signer = issuer ? *issuer : *this;
    X509_set_issuer_name(made, X509_get_subject_name(signer.certificate.get()));
    extend(made, signer.certificate.get(), NID_basic_constraints,
           issuer ? "CA:FALSE" : "critical,CA:TRUE");
    if (!address.empty()) {
      extend(made, signer.certificate.get(), NID_subject_alt_name, ("IP:" + address).c_str());
    }
    REQUIRE(X509_sign(made, signer.key.get(), EVP_sha256()) > 0);
  }

  std::string fingerprint() const {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    X509_digest(certificate.get(), EVP_sha256(), digest, &length);
    char *text = OPENSSL_buf2hexstr(digest, length);  // with colons
    std::string copy = text;
    OPENSSL_free(text);
    return copy;
  }

  void write(const std::string &certificate_path, const std::string &key_path) const {
    FILE *file = std::fopen(certificate_path.c_str(), "w");
    REQUIRE(file);
    PEM_write_X509(file, certificate.get());
    std::fclose(file);
    file = std::fopen(key_path.c_str(), "w");
    REQUIRE(file);
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
  }
};

// Answers {} to one request, and notes whether the client showed a certificate.
class TlsServer {
 public:
  TlsServer(const Identity &identity, const Identity &authority)
      : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {
    SSL_CTX *native = context_.native_handle();
    SSL_CTX_use_certificate(native, identity.certificate.get());
    SSL_CTX_use_PrivateKey(native, identity.key.get());
    SSL_CTX_add1_chain_cert(native, authority.certificate.get());
    X509_STORE_add_cert(SSL_CTX_get_cert_store(native), authority.certificate.get());
    context_.set_verify_mode(asio::ssl::verify_peer);  // asks for one, and goes on without
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsServer() { thread_.join(); }

  std::string url() const {
    return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  std::string client() {  // the name in the client's certificate, when the request has been served
    thread_.join();
    thread_ = std::thread([] {});
    return client_;
  }

 private:
  void serve() {
    boost::system::error_code error;
    asio::ssl::stream<tcp::socket> stream(acceptor_.accept(), context_);
    stream.handshake(asio::ssl::stream_base::server, error);
    if (error) return;
    if (X509 *shown = SSL_get1_peer_certificate(stream.native_handle())) {
      char name[64] = "";
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
      client_ = name;
      X509_free(shown);
    }
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::read(stream, buffer, request, error);
    if (error) return;
    http::response<http::string_body> response(http::status::ok, 11, "{}");
    response.prepare_payload();
    http::write(stream, response, error);
  }

  asio::io_context io_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  tcp::acceptor acceptor_;
  std::string client_;
  std::thread thread_;
};

struct Files {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("essequence-tls-" + std::to_string(::getpid()));
  Files() { std::filesystem::create_directories(directory); }
  ~Files() { std::filesystem::remove_all(directory); }
  std::string operator/(const char *name) const { return directory / name; }
};

Outcome ask(ElasticsearchConfig config, const std::string &url) {
  config.hosts = {url};
  asio::io_context loop;
  Http client(config, loop);
  const Request request{"POST", "/x", "{}"};
  auto heard = asio::co_spawn(loop, client.ask(request, Purpose::write), asio::use_future);
  loop.run();
  return heard.get().outcome;
}

bool served(const Outcome &outcome) {
  const auto *reply = std::get_if<Reply>(&outcome);
  return reply && reply->status == 200 && reply->body == "{}";
}

// Refused before anything was sent, for a cause with `words` in it.
bool certainly_refused(const Outcome &outcome, const std::string &words) {
  const auto *failure = std::get_if<Failure>(&outcome);
  if (failure) CHECK_THAT(failure->cause, Catch::Contains(words));
  return failure && failure->certainly_not_sent;
}

}  // namespace

TEST_CASE("only a server below the trusted authority, with the right name, gets a request") {
  const Files files;
  const Identity authority("authority", nullptr, "");
  const Identity other_authority("other authority", nullptr, "");
  const Identity host("es1", &authority, "127.0.0.1");
  const Identity other_host("es2", &authority, "127.0.0.2");
  authority.write(files / "ca.pem", files / "ca.key");
  other_authority.write(files / "other.pem", files / "other.key");

  ElasticsearchConfig config;
  SECTION("by ca_file") {
    config.ca_file = files / "ca.pem";
    TlsServer right(host, authority);
    CHECK(served(ask(config, right.url())));
    TlsServer wrong_name(other_host, authority);
    CHECK(certainly_refused(ask(config, wrong_name.url()), "not for the name or address"));
    const Identity old("es1", &authority, "127.0.0.1", -60);
    TlsServer expired(old, authority);
    CHECK(certainly_refused(ask(config, expired.url()), "has expired; renew it"));
    config.ca_file = files / "other.pem";
    TlsServer untrusted(host, authority);
    CHECK(certainly_refused(ask(config, untrusted.url()), "name its authority in"));
  }
  SECTION("by nothing but the system's authorities") {
    TlsServer untrusted(host, authority);
    CHECK(certainly_refused(ask(config, untrusted.url()), "name its authority in"));
  }
  SECTION("by ca_fingerprint") {
    config.ca_fingerprint = authority.fingerprint();
    TlsServer right(host, authority);
    CHECK(served(ask(config, right.url())));
    TlsServer wrong_name(other_host, authority);
    CHECK(certainly_refused(ask(config, wrong_name.url()), "not for the name or address"));
    config.ca_fingerprint = other_authority.fingerprint();
    TlsServer untrusted(host, authority);
    CHECK(certainly_refused(ask(config, untrusted.url()), "authority of ca_fingerprint"));
    // The fingerprint of a host is not one of an authority.
    config.ca_fingerprint = host.fingerprint();
    TlsServer leaf(host, authority);
    CHECK(certainly_refused(ask(config, leaf.url()), "authority of ca_fingerprint"));
    // An authority that is shown and has not signed is not trusted for it.
    config.ca_fingerprint = other_authority.fingerprint();
    TlsServer unsigned_by_it(host, other_authority);
    CHECK(certainly_refused(ask(config, unsigned_by_it.url()), "authority of ca_fingerprint"));
  }
}

TEST_CASE("the client certificate is shown") {
  const Files files;
  const Identity authority("authority", nullptr, "");
  const Identity host("es1", &authority, "127.0.0.1");
  const Identity sidecar("sidecar", &authority, "");
  authority.write(files / "ca.pem", files / "ca.key");
  sidecar.write(files / "sidecar.pem", files / "sidecar.key");

  ElasticsearchConfig config;
  config.ca_file = files / "ca.pem";
  config.cert_file = files / "sidecar.pem";
  config.key_file = files / "sidecar.key";
  TlsServer server(host, authority);
  CHECK(served(ask(config, server.url())));
  CHECK(server.client() == "sidecar");
}

TEST_CASE("a fingerprint that is none, or beside ca_file, is refused") {
  ElasticsearchConfig config;
  asio::io_context loop;
  config.hosts = {"https://127.0.0.1:1"};
  config.ca_fingerprint = "ab:cd";
  CHECK_THROWS_WITH(Http(config, loop), Catch::Contains("ca_fingerprint"));
  config.ca_fingerprint = std::string(64, 'a');
  CHECK_NOTHROW(Http(config, loop));
  config.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  CHECK_THROWS_WITH(Http(config, loop), Catch::Contains("not both"));
}
