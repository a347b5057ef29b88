// interop_speaker: a bgp::Speaker driven from outside, so that tests can put it beside other
// makers' daemons.
//
// The argument is the configuration, one JSON object: asn, routerId, and optionally listen
// (address), restarting, deferral (s), held. After that each line on stdin is a command, {"do":
// NAME, …}, and gives one line on stdout, {"ok": …} or {"error": …}, in order. Lines with "event"
// come in between: sessions that came up or went down.
//
//   peer       name address as [local port passive md5 client hold families restartTime retry
//              ignoreConstraint nextHopSelf import export]    adds or changes a peer
//   unpeer     name
//   originate  prefix rd label nextHop targets [encapsulation med localPref communities count]
//              count: that many prefixes of the same length, one after another
//   withdraw   prefix rd [count]
//   memberships targets             wantAll [on]: the default membership
//   peers      -> [status]          rib [family] -> [path]
//   start      with "held" in the configuration: now, with the peers known (a restarting speaker
//              waits for the peers that it knows when it starts)
//   stop       [abrupt]             the end of stdin ends the program
#include "hawser/bgp/speaker.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "hawser/base/log.h"

namespace hawser::interop {
namespace {

using Json = nlohmann::json;

// A command that cannot be understood ends in a line {"error": …}.
template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}

net::IpAddress address(const Json& json, const char* field) {
  return need(net::IpAddress::parse(json.at(field).get<std::string>()));
}

std::set<net::RouteTarget> targetsOf(const Json& list) {
  std::set<net::RouteTarget> targets;
  for (const auto& text : list)
    targets.insert(need(net::RouteTarget::parse(text.get<std::string>())));
  return targets;
}

rib::RouteFilter filterOf(const Json& command, const char* field) {
  rib::RouteFilter filter;
  if (command.contains(field)) filter.routeTargets = targetsOf(command.at(field));
  return filter;
}

wire::Family familyOf(const std::string& name) {
  if (const auto family = wire::parseFamily(name)) return *family;
  throw std::runtime_error("family: \"" + name + "\" is not known");
}

bgp::PeerConfig peerOf(const Json& command) {
  bgp::PeerConfig peer;
  peer.name = command.at("name").get<std::string>();
  peer.address = address(command, "address");
  peer.remoteAs = net::Asn{command.at("as").get<std::uint32_t>()};
  peer.port = command.value("port", std::uint16_t{179});
  if (command.contains("local")) peer.localAddress = address(command, "local");
  peer.passive = command.value("passive", false);
  peer.md5Key = command.value("md5", std::string{});
  peer.routeReflectorClient = command.value("client", false);
  peer.nextHopSelf = command.value("nextHopSelf", false);
  peer.ignoreConstraint = command.value("ignoreConstraint", false);
  peer.holdTime = std::chrono::seconds(command.value("hold", 90));
  peer.connectRetry = std::chrono::seconds(command.value("retry", 1));
  peer.restartTime = std::chrono::seconds(command.value("restartTime", 300));
  if (command.contains("families")) {
    peer.families.clear();
    for (const auto& name : command.at("families")) peer.families.push_back(familyOf(name));
  }
  peer.import = filterOf(command, "import");
  peer.exportTo = filterOf(command, "export");
  return peer;
}

std::shared_ptr<const wire::PathAttributes> attributesOf(const Json& command) {
  auto made = std::make_shared<wire::PathAttributes>();
  made->nextHop = address(command, "nextHop");
  made->localPref = command.value("localPref", 100U);
  if (command.contains("med")) made->med = command.at("med").get<std::uint32_t>();
  for (const auto& target : targetsOf(command.at("targets")))
    made->extendedCommunities.push_back(target.community());
  const auto encapsulation = command.value("encapsulation", std::string("mpls-in-udp"));
  made->extendedCommunities.push_back(net::encapsulationCommunity(
      encapsulation == "gre" ? net::Encapsulation::kGre : net::Encapsulation::kMplsInUdp));
  for (const auto& community : command.value("communities", Json::array()))
    made->communities.push_back(community.get<std::uint32_t>());
  return made;
}

std::vector<rib::RouteKey> keysOf(const Json& command) {
  rib::RouteKey key;
  const auto prefix = need(net::IpPrefix::parse(command.at("prefix").get<std::string>()));
  key.family = prefix.address().isV4() ? wire::kVpnv4 : wire::kVpnv6;
  key.rd = need(net::RouteDistinguisher::parse(command.at("rd").get<std::string>()));
  const auto step = std::uint64_t{1}
                    << static_cast<unsigned>(prefix.address().bits() - prefix.length());
  std::vector<rib::RouteKey> keys;
  for (std::uint64_t i = 0; i < command.value("count", std::uint64_t{1}); ++i) {
    key.prefix = need(net::IpPrefix::make(prefix.address().plus(i * step), prefix.length()));
    keys.push_back(key);
  }
  return keys;
}

Json pathJson(const rib::RouteView& view) {
  const auto& attributes = *view.path.attributes;
  Json json{{"key", rib::text(view.key)},
            {"peer", view.path.peer.value()},
            {"nextHop", attributes.nextHop.text()},
            {"stale", view.path.stale},
            {"rule", rib::ruleText(view.rule)},
            {"best", view.rule == rib::Rule::kBest},
            {"asPath", Json::array()},
            {"communities", Json::array()}};
  if (view.key.family == wire::kRtConstraint) {
    json["bits"] = view.key.membership.length;
    json["origin"] = view.key.membership.origin.value();
  } else {
    json["rd"] = view.key.rd.text();
    json["prefix"] = view.key.prefix.text();
    json["label"] = view.path.label.value();
  }
  for (const auto& segment : attributes.asPath)
    for (const auto asn : segment.asns) json["asPath"].push_back(asn.value());
  for (const auto& community : attributes.extendedCommunities)
    json["communities"].push_back(community.text());
  if (attributes.med) json["med"] = *attributes.med;
  if (attributes.localPref) json["localPref"] = *attributes.localPref;
  if (attributes.originatorId) json["originator"] = attributes.originatorId->text();
  for (const auto& cluster : attributes.clusterList) json["clusters"].push_back(cluster.text());
  return json;
}

Json statusJson(const bgp::PeerStatus& status) {
  Json families = Json::array();
  for (const auto family : status.families) families.push_back(wire::familyName(family));
  return {{"name", status.name},
          {"state", bgp::stateName(status.state)},
          {"flaps", status.flaps},
          {"updatesIn", status.updatesIn},
          {"updatesOut", status.updatesOut},
          {"lastError", status.lastError},
          {"families", families},
          {"stale", status.stale},
          {"accepted", status.routes.accepted},
          {"advertised", status.routes.advertised},
          {"droppedTarget", status.routes.droppedTarget},
          {"droppedLoop", status.routes.droppedLoop}};
}

void print(const Json& line) { std::cout << line.dump() << std::endl; }

bgp::SpeakerConfig speakerOf(const Json& json) {
  bgp::SpeakerConfig config;
  config.asn = net::Asn{json.at("asn").get<std::uint32_t>()};
  config.routerId = need(net::Ipv4Address::parse(json.at("routerId").get<std::string>()));
  config.clusterId = config.routerId;
  if (json.contains("listen")) config.listenAddress = address(json, "listen");
  config.restarting = json.value("restarting", false);
  config.selectionDeferral = std::chrono::seconds(json.value("deferral", 30));
  return config;
}

class Program {
 public:
  explicit Program(const Json& config)
      : routerId_(need(net::Ipv4Address::parse(config.at("routerId").get<std::string>()))),
        speaker_(loop_, speakerOf(config), metrics_),
        input_(loop_, STDIN_FILENO, [this] { readable(); }) {
    speaker_.onPeerChange([](const bgp::PeerStatus& status) {
      auto line = statusJson(status);
      line["event"] = "peer";
      print(line);
    });
    if (!config.value("held", false)) start();
  }

  void run() {
    print({{"ok", "ready"}});
    loop_.run();
  }

 private:
  void start() {
    if (auto started = speaker_.start(); !started) throw std::runtime_error(started.error().text());
  }

  void readable() {
    std::array<char, 65536> chunk{};
    const auto size = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (size <= 0) return loop_.stop();
    pending_.append(chunk.data(), static_cast<std::size_t>(size));
    for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      try {
        print({{"ok", perform(Json::parse(line))}});
      } catch (const std::exception& error) {
        print({{"error", error.what()}});
      }
    }
  }

  Json perform(const Json& command) {
    const auto what = command.at("do").get<std::string>();
    if (what == "peer") {
      if (auto set = speaker_.setPeer(peerOf(command)); !set)
        throw std::runtime_error(set.error().text());
    } else if (what == "unpeer") {
      speaker_.removePeer(command.at("name").get<std::string>());
    } else if (what == "originate") {
      const auto attributes = attributesOf(command);
      const auto label = need(net::Label::make(command.at("label").get<std::uint32_t>()));
      for (const auto& key : keysOf(command)) speaker_.originate(key, label, attributes);
    } else if (what == "withdraw") {
      for (const auto& key : keysOf(command)) speaker_.withdraw(key);
    } else if (what == "memberships") {
      speaker_.setMemberships(targetsOf(command.at("targets")));
    } else if (what == "wantAll") {
      wantAll(command.value("on", true));
    } else if (what == "start") {
      start();
    } else if (what == "stop") {
      speaker_.stop(command.value("abrupt", false));
    } else {
      return query(what, command);
    }
    return true;
  }

  Json query(const std::string& what, const Json& command) {
    const auto family = familyOf(command.value("family", std::string("vpnv4")));
    Json list = Json::array();
    if (what == "peers") {
      for (const auto& status : speaker_.peers()) list.push_back(statusJson(status));
    } else if (what == "rib") {
      for (const auto& view : speaker_.rib().paths(family)) list.push_back(pathJson(view));
    } else {
      throw std::runtime_error("do: \"" + what + "\" is not a command");
    }
    return list;
  }

  // RFC 4684, 4: the default membership, "every VPN route".
  void wantAll(bool on) {
    rib::RouteKey key;
    key.family = wire::kRtConstraint;
    key.membership = wire::RtMembership::defaultRoute();
    if (!on) return speaker_.withdraw(key);
    auto attributes = std::make_shared<wire::PathAttributes>();
    attributes->nextHop = routerId_;
    attributes->localPref = 100;
    speaker_.originate(key, {}, std::move(attributes));
  }

  io::Loop loop_;
  Metrics metrics_;
  net::Ipv4Address routerId_;
  bgp::Speaker speaker_;
  std::string pending_;
  io::FdWatcher input_;
};

}  // namespace
}  // namespace hawser::interop

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: interop_speaker JSON");
    hawser::log::setLevel(hawser::log::Level::kInfo);
    hawser::interop::Program(nlohmann::json::parse(argv[1])).run();
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "interop_speaker: " << error.what() << "\n";
    return 1;
  }
}
