#include <libpq-fe.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace essequence::bench {
namespace {

using Result = std::unique_ptr<PGresult, void (*)(PGresult *)>;

}  // namespace

ctl::Way by_postgresql(const std::string &directory, const std::string &sequence) {
  const std::shared_ptr<PGconn> connection(
      PQconnectdb(("host=" + directory + " dbname=postgres").c_str()), PQfinish);
  const std::string query = "SELECT nextval('" + sequence + "')";
  const Result prepared(PQprepare(connection.get(), "next", query.c_str(), 0, nullptr), PQclear);
  if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  return one_by_one([connection] {
    const Result got(
        PQexecPrepared(connection.get(), "next", 0, nullptr, nullptr, nullptr, /*text*/ 0),
        PQclear);
    if (PQresultStatus(got.get()) != PGRES_TUPLES_OK) {
      throw std::runtime_error(PQerrorMessage(connection.get()));
    }
    return std::atoll(PQgetvalue(got.get(), 0, 0));
  });
}

}  // namespace essequence::bench
