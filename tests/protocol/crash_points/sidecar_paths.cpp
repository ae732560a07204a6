// What a sidecar does that changes the ring, the journal or the source, and what must hold when it
// is killed in the middle.
#include <algorithm>

#include "tests/protocol/crash_points/scene.hpp"

namespace essequence::crash {
namespace {

constexpr int kMore = 30;                  // ids: several refills
constexpr std::int64_t kAbove = 1000;      // far above all ids of before
constexpr std::int64_t kFirstGrants = 20;  // ids that are ready when a sequence was opened

std::shared_ptr<SmallSidecar> opened(Scene &scene) {
  auto sidecar = std::make_shared<SmallSidecar>(scene.home);
  sidecar->start();
  sidecar->open("orders");
  return sidecar;
}

// An act on the open sequence, followed by a refill. `step` is 1 once it has returned.
std::function<Victim::Act(Scene &)> on_open(std::function<void(SmallSidecar &)> order) {
  return [order](Scene &scene) {
    auto sidecar = opened(scene);
    return [sidecar, order, &scene] {
      order(*sidecar);
      scene.memory->step = 1;
      sidecar->refill();
    };
  };
}

void wait_for_fence(SmallSidecar &sidecar) {
  sidecar.refill();
  while (sidecar.show("orders").state != "fenced") sidecar.run_for(std::chrono::milliseconds(1));
}

void unfence(SmallSidecar &sidecar) {
  sidecar.config.elasticsearch.epoch_poll = std::chrono::seconds(0);  // else it is too early
  sidecar.finish(sidecar.instance->unfence("orders", kAbove));
}

// What every path must leave behind that the sequence survives: ids go on, in the source's epoch,
// and each that is missing is accounted for. The local store leaves no gap at all, but where ids
// were burnt.
void goes_on(Scene &scene, SmallSidecar &sidecar, std::uint64_t skipped = 0) {
  // More than is ready: what a reply was lost of is found by the next refill.
  const auto ready = static_cast<int>(sidecar.show("orders").ready_ids);
  scene.client->take_all(sidecar, std::max(kMore, ready + 1));
  const sidecar::SequenceStatus status = sidecar.show("orders");
  const TakenIds &ids = scene.client->ids();
  require(ids.epoch() == sidecar.stored("orders")->standing.epoch, "ids are of an old epoch");
  // A ticket that next() kept is dropped where a take of the same client came before it was used.
  const std::uint64_t told = SmallSidecar::lost(status) + status.dropped_by_clients + skipped;
  require(ids.missing() <= told, std::to_string(ids.missing()) + " ids are missing, " +
                                     std::to_string(told) + " are told to be lost");
  if (!scene.home.is_local()) return;
  require(status.lost_total.unknown_reply == 0, "the local store has lost a reply");
  require(
      ids.missing() <= status.dropped_by_clients || skipped > 0 || status.lost_total.burnt_ring > 0,
      "the local store has left a gap");
}

// And where nothing is burnt, everything that was claimed was returned too.
void goes_on_unharmed(Scene &scene, SmallSidecar &sidecar) {
  goes_on(scene, sidecar);
  const sidecar::SequenceStatus status = sidecar.show("orders");
  require(status.taken_total == static_cast<std::uint64_t>(scene.client->ids().last()) -
                                    scene.client->ids().missing() + status.dropped_by_clients,
          "taken_total is " + std::to_string(status.taken_total));
  require(SmallSidecar::lost(status) == status.lost_total.unknown_reply, "ids were burnt");
  if (!scene.home.is_local()) return;
  require(
      status.granted_total == static_cast<std::uint64_t>(sidecar.stored("orders")->standing.iid),
      "granted_total is not what the source has granted");
}

void opens_and_counts(Scene &scene, SmallSidecar &sidecar) {
  sidecar.open("orders");
  scene.client.emplace(scene.home, "orders");
  goes_on_unharmed(scene, sidecar);
}

// ---- the paths ----

Path create_a_ring() {
  const auto live = [](Scene &scene) { return [&scene] { opened(scene); }; };
  Path path{"create a ring", live, opens_and_counts, nullptr, false};
  path.at_once = [](Scene &scene) {  // files that are half born are not there
    try {
      Client(scene.home, "orders");
    } catch (const Error &error) {
      require(error.status() == ESSEQUENCE_UNAVAILABLE, error.what());
    }
  };
  return path;
}

// The ring is of another boot: its clients are told, and it is replaced.
Path replace_a_ring() {
  const auto live = [](Scene &scene) {
    auto sidecar = opened(scene);
    shm::RingHeader &header = sidecar->ring.header();
    header.boot_id[0] ^= 1;
    header.checksum = shm::checksum_of(header);
    sidecar.reset();
    return [&scene] { SmallSidecar(scene.home).start(); };
  };
  return {"replace a ring", live,
          [](Scene &scene, SmallSidecar &sidecar) { goes_on(scene, sidecar); }, "orders", false};
}

Path create_a_sequence() {
  const auto live = [](Scene &scene) {
    auto sidecar = std::make_shared<SmallSidecar>(scene.home);
    sidecar->start();
    sidecar->open("steady");
    return [sidecar] { sidecar->open("orders"); };
  };
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    scene.client->take_all(sidecar, kMore);
    opens_and_counts(scene, sidecar);
  };
  return {"create a sequence", live, judge, "steady"};
}

Path publish() {
  return {"publish", on_open([](SmallSidecar &sidecar) { sidecar.refill(); }), goes_on_unharmed};
}

Path publish_over_old_records() {
  constexpr int kOld = 170;  // more than kMaxBlocks of ten
  const auto live = [](Scene &scene) {
    auto sidecar = opened(scene);
    Client(scene.home, "orders").take(*sidecar, kOld);
    sidecar->refill();
    return [sidecar] { sidecar->refill(); };
  };
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) { goes_on_unharmed(scene, sidecar); };
  Path path{"publish over old records", live, judge};
  path.before_first = kOld;
  return path;
}

Path publish_with_a_lost_reply() {
  Path path{"publish with a lost reply", on_open([](SmallSidecar &sidecar) {
              sidecar.refill();
              sidecar.run_for(std::chrono::milliseconds(60));  // tries again after a pause
              sidecar.refill();
            }),
            goes_on_unharmed};
  path.meanwhile = [](Scene &scene) { scene.home.documents->lose_the_next_reply = true; };
  path.shared_only = true;
  return path;
}

Path reset() {
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    const std::uint64_t epoch = sidecar.stored("orders")->standing.epoch;
    require(scene.step() == 0 || epoch == 2, "a reset that returned was not done");
    goes_on(scene, sidecar);
  };
  Path path{"reset", on_open([](SmallSidecar &sidecar) {
              sidecar.finish(sidecar.instance->reset("orders"));
            }),
            judge};
  path.meanwhile = [](Scene &scene) { scene.client->begin_lease(); };
  path.at_once = [](Scene &scene) {
    Client &client = *scene.client;
    client.end_lease(scene.step() > 0);
    const std::uint64_t before = client.ids().count();
    client.take_alone(1);
    require(scene.step() == 0 || client.ids().count() == before || client.ids().epoch() == 2,
            "a take after a reset has returned is of the old epoch");
  };
  return path;
}

Path raise() {
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    const bool raised = sidecar.stored("orders")->standing.floor >= kAbove;
    require(scene.step() == 0 || raised, "a raise that returned was not done");
    goes_on(scene, sidecar, raised ? kAbove - kFirstGrants : 0);
    require(raised == (scene.client->ids().last() > kAbove), "a raise is half done");
  };
  Path path{"raise", on_open([](SmallSidecar &sidecar) {
              sidecar.finish(sidecar.instance->raise("orders", kAbove));
            }),
            judge};
  path.at_once = [](Scene &scene) {
    const std::uint64_t before = scene.client->ids().count();
    scene.client->take_alone(1);
    require(scene.step() == 0 || scene.client->ids().count() == before ||
                scene.client->ids().last() > kAbove,
            "a take after a raise has returned is below it");
  };
  return path;
}

// The source went back in time: whatever the killed sidecar got done, the next one fences.
Path fence() {
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    require(scene.client->take(sidecar, kMore) == ESSEQUENCE_FENCED, "it is not fenced");
    require(scene.client->ids().last() <= kFirstGrants,
            "ids were given out after the source went back");
    const sidecar::Standing standing = sidecar.stored("orders")->standing;
    require(standing.fenced && standing.floor >= kFirstGrants,
            "the source does not carry the fence");
    unfence(sidecar);
    scene.client->take_all(sidecar, kMore);
    require(scene.client->ids().last() > kAbove, "an unfence goes on below its word");
    sidecar.show("orders");
  };
  Path path{"fence", on_open(wait_for_fence), judge};
  path.meanwhile = [](Scene &scene) { scene.set_source_back(3); };
  path.told = {ESSEQUENCE_FENCED};
  return path;
}

Path lift_a_fence() {
  const auto live = [](Scene &scene) {
    auto sidecar = opened(scene);
    scene.set_source_back(3);
    Client(scene.home, "orders").take(*sidecar, 1);
    sidecar->ring.counter(0).next.fetch_add(15);  // so that a refill is due
    wait_for_fence(*sidecar);
    return [sidecar, &scene] {
      unfence(*sidecar);
      scene.memory->step = 1;
      sidecar->refill();
    };
  };
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    const std::string state = sidecar.show("orders").state;
    require(scene.step() == 0 || state != "fenced", "an unfence that returned was not done");
    if (state == "fenced") unfence(sidecar);
    scene.client->take_all(sidecar, kMore);
    require(scene.client->ids().last() - scene.client->ids().count() >= kAbove,
            "an unfence goes on below its word");
    sidecar.show("orders");
  };
  Path path{"lift a fence", live, judge};
  path.told = {ESSEQUENCE_FENCED};
  return path;
}

// Killed between the document and the journal, the next sidecar finds the document gone, and fails
// closed: for all it knows, somebody else removed it.
Path remove() {
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    if (sidecar.stored("orders")) {
      require(scene.step() == 0, "a delete that returned was not done");
      return goes_on_unharmed(scene, sidecar);
    }
    if (sidecar.instance->is_open("orders")) {
      require(scene.step() == 0 && sidecar.show("orders").state == "fenced",
              "the document is gone, and the sequence goes on");
      unfence(sidecar);
    } else {
      require(sidecar.open("orders", kAbove), "it was not deleted");
    }
    scene.client->take_all(sidecar, kMore);
    require(scene.client->ids().last() > kAbove, "a deleted name goes on below");
    sidecar.show("orders");
  };
  Path path{"delete", on_open([](SmallSidecar &sidecar) {
              sidecar.finish(sidecar.instance->remove("orders"));
            }),
            judge};
  path.told = {ESSEQUENCE_NOT_FOUND, ESSEQUENCE_FENCED};
  return path;
}

Path create_a_deleted_name() {
  const auto live = [](Scene &scene) {
    auto sidecar = opened(scene);
    sidecar->finish(sidecar->instance->remove("orders"));
    return [sidecar] { sidecar->open("orders", kAbove); };
  };
  const auto judge = [](Scene &scene, SmallSidecar &sidecar) {
    // Created, and killed before the journal knew: it exists, and is opened as it is.
    const bool exists = sidecar.stored("orders").has_value();
    if (exists) sidecar.open("orders");
    if (!exists) sidecar.open("orders", kAbove);
    scene.client->take_all(sidecar, kMore);
    require(scene.client->ids().last() - kMore >= kAbove, "a deleted name goes on below");
    sidecar.show("orders");
  };
  Path path{"create a deleted name", live, judge};
  path.told = {ESSEQUENCE_NOT_FOUND};
  return path;
}

Path burn() {
  return {"burn",
          on_open([](SmallSidecar &sidecar) { sidecar.finish(sidecar.instance->burn_all()); }),
          [](Scene &scene, SmallSidecar &sidecar) { goes_on(scene, sidecar); }};
}

}  // namespace

const std::vector<Path> &sidecar_paths() {
  static const std::vector<Path> paths = {create_a_ring(),
                                          replace_a_ring(),
                                          create_a_sequence(),
                                          publish(),
                                          publish_over_old_records(),
                                          publish_with_a_lost_reply(),
                                          reset(),
                                          raise(),
                                          fence(),
                                          lift_a_fence(),
                                          remove(),
                                          create_a_deleted_name(),
                                          burn()};
  return paths;
}

}  // namespace essequence::crash
