#include "tests/protocol/crash_points/scene.hpp"

#include "sidecar/allocation/local/local_store.hpp"

namespace essequence::crash {

void Scene::set_source_back(std::int64_t iid) {
  if (!home.is_local()) {
    SharedSource(*home.documents).set_back("orders", iid);
    return;
  }
  sidecar::LocalStore store(home.state.path);
  sidecar::Change change;
  change.iid = iid;
  store.update("orders", store.read("orders")->version, change);
}

namespace {

// Twelve of the twenty ids that are ready: a refill is due.
void attach(Scene &scene, const Path &path) {
  scene.client.emplace(scene.home, path.attached);
  if (path.before_first > 0) scene.client->begin_after(path.before_first);
  scene.client->take_alone(6, path.told);
}

}  // namespace

Victim::End play(const Path &path, bool local, Point kill, std::optional<Point> second_kill) {
  Scene scene(local);
  Victim victim([&] { return path.live(scene); });
  if (path.attached != nullptr) attach(scene, path);
  if (path.meanwhile) path.meanwhile(scene);
  Victim::End end = victim.act(kill);
  if (path.at_once) path.at_once(scene);
  if (scene.client) scene.client->take_alone(2, path.told);
  if (second_kill) {
    Victim heir([&] {
      return [&scene] {
        SmallSidecar sidecar(scene.home);
        sidecar.start();
        sidecar.refill();
      };
    });
    end = heir.act(*second_kill);
    if (scene.client) scene.client->take_alone(2, path.told);
  }

  SmallSidecar sidecar(scene.home);
  require(sidecar.ring.adopted() || !path.keeps_the_ring,
          "the ring is not adopted: " + sidecar.ring.replaced_because());
  sidecar.start();
  path.judge(scene, sidecar);
  require(sidecar.ring.header().orders == 0, "an order is owed to the other hosts for ever");
  return end;
}

}  // namespace essequence::crash
