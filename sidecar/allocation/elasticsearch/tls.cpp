#include "sidecar/allocation/elasticsearch/tls.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>

#include <boost/system/error_code.hpp>
#include <cctype>
#include <string_view>
#include <utility>

#include "sidecar/allocation/elasticsearch/credentials.hpp"

namespace essequence::sidecar::elasticsearch {
namespace {

namespace ssl = boost::asio::ssl;

void require(const boost::system::error_code &error, const std::string &field,
             const std::string &path) {
  if (error) {
    throw ConfigError("elasticsearch." + field + ": cannot use \"" + path +
                      "\": " + error.message());
  }
}

// The 64 hexadecimal digits of a SHA-256, in lower case, without the colons that people paste.
std::string plain_fingerprint(const std::string &text) {
  std::string digits;
  for (const unsigned char c : text) {
    if (std::isxdigit(c)) digits += static_cast<char>(std::tolower(c));
    if (!std::isxdigit(c) && c != ':') return "";
  }
  return digits.size() == 64 ? digits : "";
}

std::string fingerprint_of(X509 *certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1) return "";
  std::string digits;
  for (const unsigned char byte : std::basic_string_view(digest, length)) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return digits;
}

// What a context knows of the servers it may trust.
struct Trust {
  std::string fingerprint;  // empty: the authorities of the context itself
  std::function<void(std::string)> tell;
};

const int kTrustSlot = SSL_CTX_get_ex_new_index(
    0, nullptr, nullptr, nullptr, [](void *, void *trust, CRYPTO_EX_DATA *, int, long, void *) {
      delete static_cast<Trust *>(trust);
    });

// Verifies the chain that the server shows, with the one authority in it that has the fingerprint
// as the only one that is trusted. Dates, signatures and the host's name are checked as ever.
int verify_below(const std::string &fingerprint, X509_STORE_CTX *chain) {
  STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(chain);
  STACK_OF(X509) *trusted = sk_X509_new_null();
  for (int i = 0; trusted && i < sk_X509_num(shown); ++i) {
    X509 *certificate = sk_X509_value(shown, i);
    const bool authority = X509_check_ca(certificate) > 0;
    if (authority && fingerprint_of(certificate) == fingerprint) {
      sk_X509_push(trusted, certificate);
    }
  }
  X509_STORE_CTX_set0_trusted_stack(chain, trusted);
  const int verified = X509_verify_cert(chain);
  sk_X509_free(trusted);
  return verified;
}

std::string why_refused(X509_STORE_CTX *chain, bool by_fingerprint) {
  const int error = X509_STORE_CTX_get_error(chain);
  // The chain has no fault, so that it was the check of the name that said no.
  if (error == X509_V_OK || error == X509_V_ERR_UNSPECIFIED) {
    return "the server's certificate is not for the name or address in elasticsearch.hosts";
  }
  const std::string words =
      std::string("the server's certificate is refused: ") + X509_verify_cert_error_string(error);
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return words + "; renew it";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return words + (by_fingerprint
                          ? "; the server must show the authority of ca_fingerprint with it"
                          : "; name its authority in ca_file or ca_fingerprint");
    default:
      return words;
  }
}

int verify(X509_STORE_CTX *chain, void *) {
  const auto *ssl =
      static_cast<SSL *>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto &trust =
      *static_cast<const Trust *>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), kTrustSlot));
  const int verified =
      trust.fingerprint.empty() ? X509_verify_cert(chain) : verify_below(trust.fingerprint, chain);
  if (verified <= 0) trust.tell(why_refused(chain, !trust.fingerprint.empty()));
  return verified;
}

}  // namespace

void check_tls(const ElasticsearchConfig &config) {
  if (config.cert_file.empty() != config.key_file.empty()) {
    throw ConfigError("elasticsearch: cert_file and key_file belong together; one is missing");
  }
  if (!config.ca_fingerprint.empty()) {
    if (!config.ca_file.empty()) {
      throw ConfigError("elasticsearch: set either ca_file or ca_fingerprint, not both");
    }
    if (plain_fingerprint(config.ca_fingerprint).empty()) {
      throw ConfigError("elasticsearch.ca_fingerprint: \"" + config.ca_fingerprint +
                        "\" must be the 64 hexadecimal digits of a SHA-256");
    }
  }
  ssl::context context(ssl::context::tls_client);
  configure_tls(context, config, [](const std::string &) {});
}

std::string words_of_alert(int error) {
  const auto packed = static_cast<unsigned long>(error);
  const bool alert = error > 0 && ERR_GET_LIB(packed) == ERR_LIB_SSL &&
                     ERR_GET_REASON(packed) >= SSL_AD_REASON_OFFSET;
  const char *reason = alert ? ERR_reason_error_string(packed) : nullptr;
  if (reason == nullptr) return "";
  const std::string words = reason;
  const bool of_certificate =
      words.find("cert") != std::string::npos || words.find("unknown ca") != std::string::npos;
  return "the server refuses this client: " + words +
         (of_certificate ? "; check cert_file and key_file" : "");
}

void configure_tls(ssl::context &context, const ElasticsearchConfig &config,
                   std::function<void(std::string)> tell) {
  boost::system::error_code error;
  SSL_CTX *native = context.native_handle();
  context.set_options(ssl::context::no_sslv2 | ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                      ssl::context::no_tlsv1_1);
  if (!config.ca_file.empty()) {
    SSL_CTX_set_cert_store(native, X509_STORE_new());  // in place of the system's authorities
    context.load_verify_file(credential_path(config.ca_file), error);
    require(error, "ca_file", credential_path(config.ca_file));
  }
  SSL_CTX_set_ex_data(native, kTrustSlot,
                      new Trust{plain_fingerprint(config.ca_fingerprint), std::move(tell)});
  SSL_CTX_set_cert_verify_callback(native, verify, nullptr);
  if (config.cert_file.empty()) return;
  context.use_certificate_chain_file(credential_path(config.cert_file), error);
  require(error, "cert_file", credential_path(config.cert_file));
  context.use_private_key_file(credential_path(config.key_file), ssl::context::pem, error);
  require(error, "key_file", credential_path(config.key_file));
}

}  // namespace essequence::sidecar::elasticsearch
