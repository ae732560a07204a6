// Whom the sidecar trusts on the wire, and what it shows of itself.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <string>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar::elasticsearch {

// Puts ca_file, or ca_fingerprint, and the client certificate into `context`, whose peer is
// verified in any case. Called for each new connection, so that renewed files are taken up.
// Throws ConfigError that names the field and the file. `tell` is given why a server's certificate
// is refused, in words that name the way out; the handshake's own error does not say it.
void configure_tls(boost::asio::ssl::context &context, const ElasticsearchConfig &config,
                   std::function<void(std::string)> tell);

// What an error of a connection means that is an alert of the server: that it hung up on this
// client, and why. cpprestsdk passes on its number alone. Empty where it is no alert.
std::string words_of_alert(int error);

// Throws ConfigError on a combination that cannot work, before the first connection.
void check_tls(const ElasticsearchConfig &config);

}  // namespace essequence::sidecar::elasticsearch
