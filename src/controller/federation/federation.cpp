#include "federation/federation.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "hawser/base/log.h"

namespace hawser::controller {

using api::Write;
using model::Json;
using model::Kind;
using model::Object;

namespace {

constexpr std::chrono::milliseconds kSoon{50};
constexpr std::chrono::milliseconds kFirstRetry{500}, kLastRetry{15000};
// Reached after about eight seconds without an answer.
constexpr std::chrono::milliseconds kLateRetry{8000};
constexpr std::chrono::milliseconds kCallLimit{5000};
// Refusals outlive restarts: until the other side has heard them, the offer would come back.
constexpr std::string_view kRefusals = "/refusals/";

std::string refusalKey(const std::string& peer, const LinkPair& pair) {
  return fmt::format("{}{}/{}", kRefusals, peer, pair.text());
}

std::optional<LinkPair> parseRefusal(const std::string& key, const std::string& peer) {
  const auto prefix = fmt::format("{}{}/", kRefusals, peer);
  if (!key.starts_with(prefix)) return std::nullopt;
  const auto text = key.substr(prefix.size());
  const auto cut = text.find(' ');
  if (cut == std::string::npos) return std::nullopt;
  return LinkPair{model::Ref::parse(text.substr(0, cut), ""),
                  model::Ref::parse(text.substr(cut + 1), "")};
}

}  // namespace

struct Federation::Channel {
  Channel(io::Loop& loop, std::string name) : peer(std::move(name)), timer(loop) {}
  std::string peer;
  model::PeerSpec spec;
  std::string authority;  // PEM, once fetched and found to have the pinned fingerprint
  std::map<LinkPair, std::uint64_t> refused;
  std::map<LinkPair, std::string> problems;
  std::optional<RemoteState> theirs;
  std::optional<RemoteState> told;  // with the last exchange that succeeded
  RemoteState telling;              // with the one that is under way
  std::size_t withheld = 0;         // identities
  TimePoint due;                    // of the next exchange without news
  bool up = false, wasUp = false, busy = false, again = false;
  std::string lastError, warned;  // warned: what the log has been warned of
  std::chrono::milliseconds retry = kFirstRetry;
  io::Timer timer;
};

Federation::Federation(io::Loop& loop, Facts facts, api::Objects& objects, Metrics& metrics)
    : loop_(loop), facts_(std::move(facts)), objects_(objects), metrics_(metrics) {
  objects_.onChange([this, alive = std::weak_ptr(alive_)](const std::vector<api::Change>& changes) {
    if (!alive.expired()) objectsChanged(changes);
  });
  syncChannels();
}
Federation::~Federation() { *ending_ = true; }

// ---- what happens here ----

void Federation::objectsChanged(const std::vector<api::Change>& changes) {
  rememberRefusals(changes);
  bool news = false;
  for (const auto& change : changes) {
    const auto kind = (change.now ? change.now : change.before)->kind;
    // What follows from theirs may be another now; identities have no part in that.
    const bool links = kind == Kind::kPeer || kind == Kind::kLink || kind == Kind::kNetwork;
    planAgain_ = planAgain_ || links;
    news = news || links || kind == Kind::kIdentity;
  }
  if (!news || syncScheduled_) return;
  syncScheduled_ = true;
  // Not within the commit that is being told.
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    syncScheduled_ = false;
    syncChannels();
    const bool planAgain = std::exchange(planAgain_, false);
    for (auto& [name, channel] : channels_) {
      if (planAgain && channel->theirs) {
        const auto state = *channel->theirs;
        (void)take(*channel, state);  // what they said before, of what is here now
      }
      exchangeSoon(*channel);
    }
  });
}

void Federation::rememberRefusals(const std::vector<api::Change>& changes) {
  for (const auto& change : changes) {
    const bool gone = change.before && !change.now && change.before->kind == Kind::kLink;
    if (!gone) continue;
    const auto spec = model::LinkSpec::from(*change.before);
    const auto channel = channels_.find(spec.peer);
    if (channel == channels_.end()) continue;
    const auto pair = pairOf(spec);
    const auto& status = change.before->status;
    const auto known = status.find("theirOffer");
    const auto number = known != status.end() && known->is_number_unsigned()
                            ? known->get<std::uint64_t>()
                            : std::uint64_t{0};
    channel->second->refused[pair] = number;
    const auto kept =
        objects_.store().commit({{}, {{refusalKey(spec.peer, pair), std::to_string(number)}}});
    if (!kept) log::error("links", "a refusal is not kept: {}", kept.error().text());
  }
}

// A channel for each Peer with an API; one whose address or pin changed begins anew.
void Federation::syncChannels() {
  std::map<std::string, model::PeerSpec> wanted;
  for (const auto& [key, object] : model::ofKind(objects_.all(), Kind::kPeer)) {
    auto spec = model::PeerSpec::from(*object);
    if (spec.role == "site" && !spec.apiUrl.empty()) wanted[key.name] = std::move(spec);
  }
  std::erase_if(channels_, [&](const auto& entry) {
    const auto found = wanted.find(entry.first);
    return found == wanted.end() || found->second.apiUrl != entry.second->spec.apiUrl ||
           found->second.apiFingerprint != entry.second->spec.apiFingerprint ||
           found->second.site != entry.second->spec.site;
  });
  for (auto& [name, spec] : wanted) {
    auto& channel = channels_[name];
    const bool fresh = !channel;
    if (fresh) channel = std::make_unique<Channel>(loop_, name);
    channel->spec = std::move(spec);
    if (!fresh) continue;
    const auto kept = objects_.store().list(fmt::format("{}{}/", kRefusals, name));
    if (kept)
      for (const auto& entry : kept->entries)
        if (const auto pair = parseRefusal(entry.key, name))
          channel->refused[*pair] = std::strtoull(entry.value.c_str(), nullptr, 10);
    exchangeSoon(*channel);
  }
}

// ---- what the other side says ----

model::ObjectPtr Federation::peerOf(const api::Caller& site) const {
  for (const auto& [name, channel] : channels_)
    if (channel->spec.site == site.name && channel->spec.apiFingerprint == site.authority)
      return objects_.find({Kind::kPeer, {}, name});
  return nullptr;
}

Result<Json> Federation::exchanged(const api::Caller& site, const Json& body) {
  const auto peer = peerOf(site);
  if (!peer) return fail(ErrorCode::kForbidden, "no Peer is that site");
  auto state = parseState(body);
  if (!state) return std::unexpected(state.error());
  auto& channel = *channels_.at(peer->metadata.name);
  if (auto taken = take(channel, *state); !taken) return std::unexpected(taken.error());
  return toJson(stateTowards(channel));
}

Result<void> Federation::take(Channel& channel, const RemoteState& state) {
  if (state.site != channel.spec.site)
    return invalid(fmt::format("the other side is site \"{}\", the Peer says \"{}\"", state.site,
                               channel.spec.site),
                   "site");
  if (state.asn != channel.spec.asn)
    return invalid(fmt::format("the other side has AS {}, the Peer says {}", state.asn.value(),
                               channel.spec.asn.value()),
                   "asn");
  if (channel.theirs && state.revision < channel.theirs->revision) return {};  // overtaken
  channel.theirs = state;
  const auto made =
      plan(objects_.all(), channel.peer,
           {facts_.site, facts_.asn, objects_.revision(), channel.refused, {}}, state);
  channel.problems = made.problems;
  for (auto transaction : made.transactions) {
    for (auto& write : transaction.writes) {
      // Names came from outside: nothing is written that a person could not have.
      auto checked = model::parseObject(model::toJson(write.object));
      if (!checked) {
        channel.problems[transaction.pair] = checked.error().text();
        transaction.writes.clear();
        break;
      }
      write.object.spec = std::move(checked->spec);
    }
    if (transaction.writes.empty()) continue;
    const auto done = objects_.commit(std::move(transaction.writes), api::Caller::system());
    if (!done) {
      channel.problems[transaction.pair] = done.error().text();
      tellProblem(channel, transaction.pair, done.error().text());
      continue;
    }
    log::info("links", "{} with site {}: {}", transaction.pair.text(), state.site,
              done->back().object->status.value("phase", ""));
    metrics_.counter("controller.link.change").add();
  }
  for (const auto& pair : made.forget) {
    channel.refused.erase(pair);
    const auto forgotten =
        objects_.store().commit({{}, {{refusalKey(channel.peer, pair), std::nullopt}}});
    if (!forgotten) log::error("links", "a refusal is not forgotten: {}", forgotten.error().text());
  }
  return {};
}

// A Link of ours that what they say does not fit says so.
void Federation::tellProblem(const Channel& channel, const LinkPair& pair, const std::string& why) {
  for (const auto& [key, object] : model::ofKind(objects_.all(), Kind::kLink)) {
    if (object->status.value("message", "") == why) continue;
    const auto spec = model::LinkSpec::from(*object);
    if (spec.peer != channel.peer || pairOf(spec) != pair) continue;
    auto told = *object;
    told.metadata.resourceVersion = 0;
    told.status["message"] = why;
    const auto done =
        objects_.commit({{Write::Op::kStatus, std::move(told)}}, api::Caller::system());
    if (!done) log::error("links", "{}: {}", key.text(), done.error().text());
    return;  // what was iterated over has changed
  }
}

RemoteState Federation::stateTowards(Channel& channel) const {
  auto state =
      stateFor(objects_.all(), channel.peer,
               {facts_.site, facts_.asn, objects_.revision(), channel.refused, channel.problems});
  const auto left = cutToFit(state);
  if (left > 0 && channel.withheld == 0)
    log::warn("links",
              "site {} is not told {} of {} identities: one exchange carries no more (rules there "
              "see those workloads by their addresses only)",
              channel.spec.site, left, left + state.identities.size());
  channel.withheld = left;
  return state;
}

// ---- what goes to the other side ----

void Federation::exchangeSoon(Channel& channel) {
  if (channel.busy) {
    channel.again = true;
    return;
  }
  channel.timer.start(kSoon, [this, peer = channel.peer] { exchangeNews(peer); });
}

void Federation::exchangeNews(const std::string& peer) {
  const auto found = channels_.find(peer);
  if (found == channels_.end()) return;
  auto& channel = *found->second;
  if (channel.up && channel.told) {
    auto state = stateTowards(channel);
    state.revision = channel.told->revision;
    if (state == *channel.told) {
      metrics_.counter("controller.exchange.skip").add();
      const auto left = std::max(channel.due - loop_.clock().now(), Duration::zero());
      channel.timer.start(left, [this, peer] { exchange(peer); });
      return;
    }
  }
  exchange(peer);
}

void Federation::exchange(const std::string& peer) {
  const auto found = channels_.find(peer);
  if (found == channels_.end()) return;
  auto& channel = *found->second;
  channel.busy = true;
  channel.again = false;
  channel.telling = stateTowards(channel);
  call(peer, "/api/v1/links/exchange", toJson(channel.telling),
       [this, peer](const Result<Json>& answer) { exchangeEnded(peer, answer); });
}

void Federation::exchangeEnded(const std::string& peer, const Result<Json>& answer) {
  const auto found = channels_.find(peer);
  if (found == channels_.end()) return;
  auto& channel = *found->second;
  channel.busy = false;
  auto state = answer ? parseState(*answer) : Result<RemoteState>(std::unexpected(answer.error()));
  const auto taken = state ? take(channel, *state) : Result<void>(std::unexpected(state.error()));
  auto after = facts_.interval;
  if (taken) {
    if (!channel.up)
      log::info("links", "site {} answers at {}", channel.spec.site, channel.spec.apiUrl);
    channel.up = channel.wasUp = true;
    channel.told = std::move(channel.telling);
    channel.lastError.clear();
    channel.warned.clear();
    channel.retry = kFirstRetry;
    metrics_.counter("controller.exchange.run").add();
  } else {
    // What is known goes on; only the news wait.
    // Sites start side by side: the first attempts may well find nobody.
    const auto why = taken.error().text();
    const bool early = !channel.wasUp && channel.retry < kLateRetry;
    if (early && channel.lastError != why)
      log::info("links", "site {} does not answer yet: {}", channel.spec.site, why);
    else if (!early && channel.warned != why)
      log::warn("links", "site {}: {}", channel.spec.site, why);
    if (!early) channel.warned = why;
    channel.up = false;
    channel.lastError = why;
    after = channel.retry;
    channel.retry = std::min(channel.retry * 2, kLastRetry);
    metrics_.counter("controller.exchange.fail").add();
  }
  channel.due = loop_.clock().now() + after;
  if (channel.again && taken) return exchangeSoon(channel);
  channel.timer.start(after, [this, peer] { exchange(peer); });
}

void Federation::call(const std::string& peer, const std::string& path, const Json& body,
                      Done done) {
  const auto found = channels_.find(peer);
  if (found == channels_.end())
    return done(fail(ErrorCode::kNotFound, "peers/" + peer + " has no API"));
  const auto& channel = *found->second;
  api::ClientConfig config;
  config.url = channel.spec.apiUrl;
  config.caPem = channel.authority;
  config.certificatePem = facts_.certificate.certificate;
  config.keyPem = facts_.certificate.key;
  config.timeout = kCallLimit;
  config.abort = ending_;
  auto shared = std::make_shared<Done>(std::move(done));
  const bool posted = worker_.post([this, alive = std::weak_ptr(alive_), config, peer, path, body,
                                    shared, pin = channel.spec.apiFingerprint]() mutable {
    Result<Json> answer;
    if (config.caPem.empty()) {
      auto authority = api::fetchAuthority(config, pin);
      if (authority)
        config.caPem = std::move(*authority);
      else
        answer = std::unexpected(authority.error());
    }
    if (!config.caPem.empty()) answer = api::Client(config).call("POST", path, body);
    // What waits for the answer lives and ends on the loop's thread.
    loop_.post([this, alive, peer, pin, ca = config.caPem, shared = std::move(shared),
                answer = std::move(answer)] {
      if (alive.expired()) return;
      const auto still = channels_.find(peer);
      if (still != channels_.end() && still->second->spec.apiFingerprint == pin && !ca.empty() &&
          still->second->authority.empty()) {
        still->second->authority = ca;
        if (server_ != nullptr)
          if (auto trusted = server_->trust(ca); !trusted)
            log::error("links", "site {}: {}", peer, trusted.error().text());
      }
      (*shared)(answer);
    });
  });
  if (!posted)
    (*shared)(fail(ErrorCode::kUnavailable, "too many calls to other sites are waiting"));
}

// ---- for people ----

Json Federation::identitiesJson() const {
  Json list = Json::array();
  for (const auto& [name, channel] : channels_) {
    if (!channel->theirs) continue;
    for (const auto& [number, labels] : channel->theirs->identities)
      list.push_back({{"identity", fmt::format("{}:{}", channel->theirs->asn.value(), number)},
                      {"site", channel->theirs->site},
                      {"labels", labels}});
  }
  return {{"identities", std::move(list)}};
}

Json Federation::statusJson() const {
  Json list = Json::array();
  for (const auto& [name, channel] : channels_) {
    Json problems = Json::array();
    for (const auto& [pair, why] : channel->problems)
      problems.push_back(
          {{"network", pair.ours.text()}, {"remoteNetwork", pair.theirs.text()}, {"message", why}});
    list.push_back({{"peer", name},
                    {"site", channel->spec.site},
                    {"url", channel->spec.apiUrl},
                    {"up", channel->up},
                    {"lastError", channel->lastError},
                    {"identitiesNotTold", channel->withheld},
                    {"problems", std::move(problems)}});
  }
  return list;
}

}  // namespace hawser::controller
