// A read that no copy of the index can answer by itself.
//
// A GET is answered by any copy: by a replica that has not got the newest write yet, by a primary
// that has one which is not acknowledged and may vanish, or by either where it was cut off from the
// cluster. A write is acknowledged when every copy in sync has it, which a primary that was cut off
// cannot bring about; and _update echoes what is stored. So the document is written as it is, and
// beside it the marker, in one request that one primary carries out: where the document is missing,
// the marker's success says that the primary knows.
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/health.hpp"
#include "sidecar/allocation/elasticsearch/joint_requests.hpp"
#include "sidecar/allocation/elasticsearch/marker.hpp"
#include "sidecar/allocation/elasticsearch/proof.hpp"

namespace essequence::sidecar {

using namespace elasticsearch;

namespace {

Json name_of(const std::string &name) { return {{"name", name}}; }

Update touch(const std::string &name) {
  Update update{name, Json::object(), Json::object()};
  update.condition["retry_on_conflict"] = 10;  // it is in nobody's way
  update.body["doc"] = name_of(name);
  update.body["detect_noop"] = false;  // or nothing is written
  return update;
}

}  // namespace

awaitable<std::optional<Stored>> ElasticsearchSource::read_confirmed(std::string name) {
  const std::string action = in_index("confirming", name);
  if (!write_alias_) {  // nothing keeps a write from creating an index that is gone
    const Place place = co_await find_place();
    if (!place.index) {
      throw SourceError(SourceError::Kind::missing, action + ": the index does not exist");
    }
  }
  const std::vector<Update> updates = {touch(kMarkerName), touch(name)};
  const std::vector<Answer> answers = co_await send(updates);
  const Answer &marker = answers[0];
  const Answer &document = answers[1];
  if (document.absent_document()) {
    // An index that lost its marker too was never cut off: it is another one, or emptied.
    if (!marker.succeeded() && !marker.absent_document()) {
      throw failed(marker, Purpose::write, action);
    }
    health_->worked(Purpose::write);
    co_return std::nullopt;
  }
  co_await require_accepted(document, action);
  Stored stored;
  try {
    stored = proven_update(name, document.body, name_of(name));
  } catch (const Malformed &e) {
    throw unfit(document, Purpose::write, action, e.what());
  }
  health_->worked(Purpose::write);
  co_return stored;
}

}  // namespace essequence::sidecar
