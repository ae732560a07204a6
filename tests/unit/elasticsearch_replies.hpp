// Replies of Elasticsearch, byte by byte, about a sequence "orders".
#pragma once

#include <string>

namespace essequence::test {

inline std::string reply(const std::string &status, const std::string &body,
                         const std::string &header = "") {
  return "HTTP/1.1 " + status +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + header + "\r\n" + body;
}

inline std::string error_reply(const std::string &status, const std::string &type,
                               const std::string &reason) {
  return reply(status, R"({"error":{"type":")" + type + R"(","reason":")" + reason +
                           R"("},"status":)" + status.substr(0, 3) + "}");
}

inline std::string source_with(const std::string &iid, const std::string &epoch = "1") {
  return R"({"name":"orders","iid":)" + iid + R"(,"epoch":)" + epoch +
         R"(,"origin":"o1","floor":0,"fenced":false,"replaces":[],"start":1,"increment":1,)"
         R"("max":9223372036854775807,"order":"host"})";
}

inline std::string updated(const std::string &source, const std::string &result = "updated",
                           const std::string &id = "orders") {
  return reply("200 OK", R"({"_index":"essequence","_id":")" + id + R"(","_version":2,"result":")" +
                             result +
                             R"(","_seq_no":4,"_primary_term":1,"get":{"_seq_no":4,)"
                             R"("_primary_term":1,"found":true,"_source":)" +
                             source + "}}");
}

inline std::string found(const std::string &source) {
  return reply("200 OK", R"({"_index":"essequence","_id":"orders","_version":2,"_seq_no":4,)"
                         R"("_primary_term":1,"found":true,"_source":)" +
                             source + "}");
}

}  // namespace essequence::test
