// What travels between the APIs of two sites: links, their approval, and the catalogue of
// identities (docs/architecture.md, section 6; docs/modules/controller.md has the protocol).
//
// Each side sends its whole state towards the other (stateFor()), and gets the other's back in the
// answer; so one exchange, begun by either, brings both up to date, any number of them does no
// harm, and what is lost is mended by the next. A withdrawal is an absence. Revisions order what
// crosses on the way. A change that alters nothing of what a site is told is no news for it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "federation/link_state.h"
#include "hawser/api/client.h"
#include "hawser/api/objects.h"
#include "hawser/api/pki.h"
#include "hawser/api/server.h"
#include "hawser/base/metrics.h"
#include "hawser/io/loop.h"
#include "worker.h"

namespace hawser::controller {

class Federation {
 public:
  struct Facts {
    std::string site;
    net::Asn asn;
    api::KeyPair certificate;  // "controller:<site>": what the other side sees
    std::chrono::milliseconds interval{5000};
  };
  Federation(io::Loop& loop, Facts facts, api::Objects& objects, Metrics& metrics);
  ~Federation();
  Federation(const Federation&) = delete;
  Federation& operator=(const Federation&) = delete;

  // The server accepts the other sites' certificates once their authorities are known.
  void setServer(api::Server* server) { server_ = server; }

  // The Peer that this site is: by name and by the pinned authority; null: a stranger.
  [[nodiscard]] model::ObjectPtr peerOf(const api::Caller& site) const;
  // POST /api/v1/links/exchange: their state in, ours out.
  [[nodiscard]] Result<model::Json> exchanged(const api::Caller& site, const model::Json& body);
  // POST to the API of a peer's site; `done` comes on the loop.
  using Done = std::function<void(const Result<model::Json>&)>;
  void call(const std::string& peer, const std::string& path, const model::Json& body, Done done);

  [[nodiscard]] model::Json identitiesJson() const;
  [[nodiscard]] model::Json statusJson() const;

 private:
  // What is known of one Peer with an API.
  struct Channel;
  void objectsChanged(const std::vector<api::Change>& changes);
  void syncChannels();
  void exchangeSoon(Channel& channel);
  void exchangeNews(const std::string& peer);
  void exchange(const std::string& peer);
  void exchangeEnded(const std::string& peer, const Result<model::Json>& answer);
  [[nodiscard]] Result<void> take(Channel& channel, const RemoteState& state);
  void tellProblem(const Channel& channel, const LinkPair& pair, const std::string& why);
  [[nodiscard]] RemoteState stateTowards(Channel& channel) const;
  void rememberRefusals(const std::vector<api::Change>& changes);

  io::Loop& loop_;
  Facts facts_;
  api::Objects& objects_;
  Metrics& metrics_;
  api::Server* server_ = nullptr;
  std::map<std::string, std::unique_ptr<Channel>> channels_;  // by Peer name
  bool syncScheduled_ = false, planAgain_ = false;
  // Ends the call that the worker is in: another site may be silent for as long as it likes.
  std::shared_ptr<std::atomic<bool>> ending_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  Worker worker_;  // last: its jobs may not outlive what they use
};

}  // namespace hawser::controller
