#include <hiredis/hiredis.h>

#include <memory>
#include <stdexcept>

#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace essequence::bench {

ctl::Way by_redis(const std::string &socket) {
  const std::shared_ptr<redisContext> redis(redisConnectUnix(socket.c_str()), redisFree);
  if (!redis || redis->err != 0) throw std::runtime_error("cannot connect to " + socket);
  return one_by_one([redis] {
    const std::unique_ptr<redisReply, void (*)(void *)> reply(
        static_cast<redisReply *>(redisCommand(redis.get(), "INCR orders")), freeReplyObject);
    if (!reply || reply->type != REDIS_REPLY_INTEGER) throw std::runtime_error("INCR failed");
    return reply->integer;
  });
}

}  // namespace essequence::bench
