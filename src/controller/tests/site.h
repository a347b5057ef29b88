// Controllers in this process, on addresses of 127/8, one loop in a thread of its own; and the
// people and hosts that speak to them over real HTTPS and BGP.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "hawser/api/client.h"
#include "hawser/api/pki.h"
#include "hawser/bgp/speaker.h"
#include "hawser/controller/controller.h"

namespace hawser::controller::test {

using namespace std::chrono_literals;
using model::Json;
using model::Kind;
using model::Object;

inline net::IpAddress ip(const std::string& text) { return net::IpAddress::parse(text).value(); }

inline Object object(const std::string& kind, const std::string& project, const std::string& name,
                     const Json& spec = Json::object()) {
  Json json{{"kind", kind}, {"metadata", {{"name", name}}}, {"spec", spec}};
  if (!project.empty()) json["metadata"]["project"] = project;
  auto parsed = model::parseObject(json);
  EXPECT_TRUE(parsed) << kind << "/" << name << ": " << parsed.error().text();
  return parsed ? std::move(*parsed) : Object{};
}

// True as soon as the condition holds; false after 20 s.
template <class Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(10ms);  // between two looks at a state; nothing is timed by it
  }
  return true;
}

class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "hawser-controller-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name);
    std::string line;
    std::getline(file, line);
    return line;
  }

 private:
  std::string path_;
};

inline Config siteConfig(const std::string& site, std::uint32_t asn, const std::string& address,
                         const std::string& data) {
  Config config;
  config.site = site;
  config.asn = net::Asn(asn);
  config.dataDirectory = data;
  config.apiAddress = config.bgpAddress = config.bgpTlsAddress = ip(address);
  config.apiPort = config.bgpPort = config.bgpTlsPort = 0;
  return config;
}

// One controller with a loop and a thread.
class Site {
 public:
  Site(std::string name, std::uint32_t asn, std::string address,
       std::chrono::milliseconds exchangeInterval = 200ms)
      : name_(std::move(name)),
        asn_(asn),
        address_(std::move(address)),
        exchangeInterval_(exchangeInterval) {
    start();
  }
  ~Site() { stop(); }
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  void start() {
    auto config = siteConfig(name_, asn_, address_, folder_.path());
    config.exchangeInterval = exchangeInterval_;
    config.apiPort = apiPort_;  // the second time the same ones
    config.bgpPort = bgpPort_;
    config.bgpTlsPort = bgpTlsPort_;
    loop_ = std::make_unique<io::Loop>();
    auto opened = Controller::open(*loop_, std::move(config));
    ASSERT_TRUE(opened) << opened.error().text();
    controller_ = std::move(*opened);
    apiPort_ = controller_->apiPort();
    bgpPort_ = controller_->bgpPort();
    bgpTlsPort_ = controller_->bgpTlsPort();
    thread_ = std::thread([this] { loop_->run(); });
  }
  // Like SIGTERM, and like SIGKILL as far as others can tell.
  void stop() {
    if (!controller_) return;
    loop_->post([this] {
      controller_->stop();
      loop_->stop();
    });
    thread_.join();
    controller_.reset();
    loop_.reset();
  }

  [[nodiscard]] std::string url() const {
    return "https://" + address_ + ":" + std::to_string(apiPort_);
  }
  [[nodiscard]] api::ClientConfig config() const {
    api::ClientConfig config;
    config.url = url();
    config.caPem = controller_->caPem();
    return config;
  }
  [[nodiscard]] api::Client client(const std::string& token) const {
    auto made = config();
    made.token = token;
    return api::Client(made);
  }
  [[nodiscard]] api::Client admin() const { return client(folder_.read("admin.token")); }
  [[nodiscard]] const Folder& folder() const { return folder_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t bgpPort() const { return bgpPort_; }
  [[nodiscard]] std::uint16_t bgpTlsPort() const { return bgpTlsPort_; }
  [[nodiscard]] const Controller& controller() const { return *controller_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t asn() const { return asn_; }

  void apply(const std::vector<Object>& objects) const {
    auto people = admin();
    const auto done = people.apply(objects);
    ASSERT_TRUE(done) << done.error().text();
  }
  // A token for a host, used: its certificate.
  [[nodiscard]] api::ClientConfig join(const std::string& host,
                                       const std::string& hostAddress) const {
    auto people = admin();
    const auto token = people.call("POST", "/api/v1/tokens/issue",
                                   Json{{"name", "join-" + host},
                                        {"role", "host"},
                                        {"host", host},
                                        {"hostAddress", hostAddress}});
    EXPECT_TRUE(token) << token.error().text();
    const auto request = api::makeRequest("host:" + host).value();
    api::Client nobody(config());
    const auto joined = nobody.call("POST", "/api/v1/join",
                                    Json{{"token", (*token)["token"]}, {"csr", request.csr}});
    EXPECT_TRUE(joined) << joined.error().text();
    auto made = config();
    made.certificatePem = (*joined)["certificate"];
    made.keyPem = request.key;
    return made;
  }

 private:
  std::string name_;
  std::uint32_t asn_;
  std::string address_;
  std::chrono::milliseconds exchangeInterval_;
  Folder folder_;
  std::uint16_t apiPort_ = 0, bgpPort_ = 0, bgpTlsPort_ = 0;
  std::unique_ptr<io::Loop> loop_;
  std::unique_ptr<Controller> controller_;
  std::thread thread_;
};

// The BGP of a host: what an agent would say, without its datapath. Or of a gateway.
class HostSpeaker {
 public:
  HostSpeaker(const Site& site, const std::string& host, const std::string& address)
      : address_(address), credentials_(site.join(host, address)) {
    start(site, site.asn(), site.bgpTlsPort());
  }
  // A router of another AS, without TLS.
  HostSpeaker(const Site& site, std::uint32_t asn, const std::string& address) : address_(address) {
    start(site, asn, site.bgpPort());
  }
  ~HostSpeaker() {
    loop_.post([this] {
      speaker_->stop(true);
      speaker_.reset();
      loop_.stop();
    });
    thread_.join();
  }
  HostSpeaker(const HostSpeaker&) = delete;
  HostSpeaker& operator=(const HostSpeaker&) = delete;

  [[nodiscard]] const api::ClientConfig& credentials() const { return credentials_; }

  void announce(const std::string& prefix, const std::string& target, std::uint32_t label = 17,
                std::uint16_t rd = 1, const std::string& nextHop = {}) {
    rib::RouteKey key;
    key.family = wire::kVpnv4;
    key.rd = net::RouteDistinguisher::ofAddress(ip(address_).v4(), rd);
    key.prefix = net::IpPrefix::parse(prefix).value();
    auto attributes = std::make_shared<wire::PathAttributes>();
    attributes->nextHop = ip(nextHop.empty() ? address_ : nextHop);
    attributes->localPref = 100;
    attributes->extendedCommunities = {net::RouteTarget::parse(target).value().community(),
                                       net::encapsulationCommunity(net::Encapsulation::kMplsInUdp)};
    call([this, key, label, attributes] {
      speaker_->originate(key, net::Label::make(label).value(), attributes);
    });
  }
  void want(const std::set<std::string>& targets) {
    std::set<net::RouteTarget> parsed;
    for (const auto& target : targets) parsed.insert(net::RouteTarget::parse(target).value());
    call([this, parsed] { speaker_->setMemberships(parsed); });
  }
  // Prefixes of the best VPN routes here, with "stale" where they are.
  [[nodiscard]] std::set<std::string> prefixes() {
    std::set<std::string> found;
    call([&] {
      speaker_->rib().forEachBest(
          wire::kVpnv4, [&](const rib::RouteKey& key, const rib::Path& path) {
            if (path.peer != rib::kLocal)
              found.insert(key.prefix.text() + (path.stale ? " stale" : ""));
          });
    });
    return found;
  }

 private:
  void start(const Site& site, std::uint32_t asn, std::uint16_t port) {
    const bool host = asn == site.asn();
    bgp::SpeakerConfig config;
    config.asn = net::Asn(asn);
    config.routerId = ip(address_).v4();
    if (host)
      config.tls =
          bgp::TlsCredentials{credentials_.caPem, credentials_.certificatePem, credentials_.keyPem};
    speaker_ = std::make_unique<bgp::Speaker>(loop_, config, metrics_);
    bgp::PeerConfig peer;
    peer.name = "controller";
    peer.address = ip(site.address());
    peer.port = port;
    peer.localAddress = ip(address_);
    peer.remoteAs = net::Asn(site.asn());
    peer.tls = host;
    peer.ignoreConstraint = true;
    peer.keepStaleForever = true;
    peer.connectRetry = 1s;
    ASSERT_TRUE(speaker_->start());
    ASSERT_TRUE(speaker_->setPeer(peer));
    thread_ = std::thread([this] { loop_.run(); });
  }
  template <class Task>
  void call(Task task) {
    std::promise<void> done;
    loop_.post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  std::string address_;
  api::ClientConfig credentials_;
  io::Loop loop_;
  Metrics metrics_;
  std::unique_ptr<bgp::Speaker> speaker_;
  std::thread thread_;
};

// The paths of one prefix in a network's table.
inline Json pathsOf(api::Client& client, const std::string& project, const std::string& network,
                    const std::string& prefix) {
  const auto table =
      client.call("GET", "/api/v1/projects/" + project + "/networks/" + network + "/routes");
  if (!table) return Json::array();
  for (const auto& route : (*table)["routes"])
    if (route["prefix"] == prefix) return route["paths"];
  return Json::array();
}

inline std::uint64_t metric(api::Client& client, const std::string& name) {
  const auto text = client.call("GET", "/metrics");
  if (!text) return 0;
  const auto all = "\n" + text->get<std::string>();
  const auto at = all.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::stoull(all.substr(at + name.size() + 2));
}

inline Json peerNamed(api::Client& client, const std::string& name) {
  const auto peers = client.call("GET", "/api/v1/bgp/peers");
  if (peers)
    for (const auto& peer : (*peers)["peers"])
      if (peer["name"] == name) return peer;
  return {};
}

}  // namespace hawser::controller::test
