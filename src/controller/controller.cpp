// The assembly of a site. The order of opening is the order of need: data, objects, compiled
// state; then BGP, which must know peers and awaited hosts before the first session; and last the
// API, so that whoever is answered finds everything in place.
#include "hawser/controller/controller.h"

#include <fmt/core.h>

#include "admission/admission.h"
#include "data.h"
#include "endpoints.h"
#include "hawser/base/check.h"
#include "hawser/base/log.h"
#include "hawser/base/time.h"

namespace hawser::controller {

using api::Write;
using model::Json;
using model::Kind;
using model::Object;

namespace {

constexpr std::size_t kMaxSiteName = 40;
constexpr std::chrono::hours kServerValidity{24 * 3650};
// After this, a host that was connected before our restart and is not back is shown as away.
constexpr std::chrono::seconds kHostsBackLimit{45};
constexpr std::chrono::milliseconds kExpiryInterval{500};

Result<void> check(const Config& config) {
  const auto named = model::parseObject(
      {{"kind", "Project"}, {"metadata", {{"name", config.site}}}, {"spec", Json::object()}});
  if (!named || config.site.size() > kMaxSiteName)
    return invalid(fmt::format("\"{}\": a site's name is 1 to {} of a-z, 0-9, - and .", config.site,
                               kMaxSiteName),
                   "--site");
  if (config.asn.value() == 0) return invalid("is required (1 to 4294967295)", "--asn");
  for (const auto& [flag, address] : {std::pair{"--api", config.apiAddress},
                                      {"--bgp", config.bgpAddress},
                                      {"--bgp-tls", config.bgpTlsAddress}})
    if (address.isUnspecified())
      return invalid("needs the address that others reach, not an unspecified one", flag);
  if (config.bgpTlsAddress.isV6())
    return invalid(fmt::format("{} is IPv6; hosts speak BGP over IPv4 only, so far",
                               config.bgpTlsAddress.text()),
                   "--bgp-tls");
  if (config.routerId.value() == 0 && !config.bgpAddress.isV4())
    return invalid("is required when the BGP address is not IPv4", "--router-id");
  return {};
}

Write creation(const std::string& kind, const std::string& name, const Json& spec) {
  auto object =
      model::parseObject({{"kind", kind}, {"metadata", {{"name", name}}}, {"spec", spec}});
  HAWSER_CHECK(object.has_value(), object ? "" : object.error().text());
  return {Write::Op::kCreate, std::move(*object)};
}

}  // namespace

struct Controller::Impl {
  Impl(io::Loop& onLoop, Config wanted)
      : loop(onLoop),
        config(std::move(wanted)),
        admission({config.site, config.asn, config.bgpAddress}),
        hostsBack(onLoop),
        expiry(onLoop) {}
  ~Impl() { stop(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> open() {
    if (auto good = check(config); !good) return good;
    auto opened = DataDirectory::open(config.dataDirectory, config.site);
    if (!opened) return std::unexpected(opened.error());
    data = std::move(*opened);
    auto loaded = api::Objects::open(data->store(), admission);
    if (!loaded) return std::unexpected(loaded.error());
    objects = std::move(*loaded);
    if (auto ready = bootstrap(); !ready) return ready;
    compile = std::make_unique<CompileLoop>(loop, *objects, metrics);
    compile->run();
    if (auto speaking = openBgp(); !speaking) return speaking;
    return openApi();
  }

  // The objects that a site begins with; or the check that this is the site of the data.
  Result<void> bootstrap() {
    for (const auto& [key, object] : model::ofKind(objects->all(), Kind::kSite)) {
      restarted = true;
      const auto asn = model::SiteSpec::from(*object).asn;
      if (key.name != config.site)
        return invalid(
            fmt::format("{} holds site \"{}\", not \"{}\"; a site keeps its name for good "
                        "(another site needs another --data)",
                        config.dataDirectory, key.name, config.site),
            "--site");
      if (asn != config.asn)
        return invalid(
            fmt::format("{} holds a site with AS {}, not {}; route targets and identities "
                        "carry it, so it cannot change",
                        config.dataDirectory, asn.value(), config.asn.value()),
            "--asn");
    }
    if (restarted) return {};
    const auto secret = data->adminSecret();
    if (!secret) return std::unexpected(secret.error());
    std::vector<Write> writes;
    writes.push_back(creation("Site", config.site,
                              {{"asn", config.asn.value()}, {"underlayMtu", config.underlayMtu}}));
    writes.push_back(creation("Project", "default", {{"description", "made with the site"}}));
    writes.push_back(
        creation("Token", "admin", {{"role", "admin"}, {"hash", api::sha256Hex(*secret)}}));
    if (auto done = objects->commit(std::move(writes), api::Caller::system()); !done)
      return std::unexpected(done.error());
    log::info("controller", "site {} (AS {}) made in {}", config.site, config.asn.value(),
              config.dataDirectory);
    return {};
  }

  Result<api::KeyPair> serverCertificate() const {
    std::vector<std::string> addresses{config.apiAddress.text()};
    if (config.bgpTlsAddress != config.apiAddress) addresses.push_back(config.bgpTlsAddress.text());
    auto pair = api::issue(data->ca(), "controller:" + config.site, addresses, kServerValidity);
    return pair;
  }

  Result<void> openBgp() {
    auto issued = serverCertificate();
    if (!issued) return std::unexpected(issued.error());
    certificate = std::move(*issued);
    bgp::SpeakerConfig speaker;
    speaker.asn = config.asn;
    speaker.routerId = config.routerId.value() != 0 ? config.routerId : config.bgpAddress.v4();
    speaker.clusterId = speaker.routerId;
    speaker.listenAddress = config.bgpAddress;
    speaker.listenPort = config.bgpPort;
    speaker.tlsListenAddress = config.bgpTlsAddress;
    speaker.tlsListenPort = config.bgpTlsPort;
    speaker.tls = {data->ca().certificate, certificate.certificate, certificate.key};
    speaker.restarting = restarted;
    for (const auto& [key, object] : model::ofKind(objects->all(), Kind::kHost))
      if (object->status.value("connected", false))
        speaker.awaited.insert(Sessions::hostPeer(key.name));
    speaker.authorize = [this](const bgp::PeerCertificate& shown,
                               const net::IpAddress& from) -> std::optional<bgp::PeerConfig> {
      const auto& name = shown.commonName;
      if (!name.starts_with("host:") || !isOfHost(*objects, name.substr(5), shown.fingerprint))
        return std::nullopt;
      return Sessions::hostConfig(name.substr(5), config.asn, from);
    };
    sessions = std::make_unique<Sessions>(loop, std::move(speaker), metrics);
    tellAddresses();
    sessions->setPeers(compile->current().peers);
    hosts = std::make_unique<Hosts>(loop, *objects, *compile, data->ca(), metrics);
    sessions->speaker().onPeerChange([this](const bgp::PeerStatus& status) {
      if (status.name.starts_with("host:"))
        hosts->connected(status.name.substr(5), status.state == bgp::State::kEstablished);
    });
    if (auto started = sessions->speaker().start(); !started) {
      auto error = started.error();
      if (error.field.empty()) error.field = "--bgp";
      return std::unexpected(std::move(error));
    }
    if (restarted) hostsBack.start(kHostsBackLimit, [this] { tellAbsent(); });
    return {};
  }

  // What no foreign peer may give as a next hop.
  void tellAddresses() {
    std::set<net::IpAddress> own{config.apiAddress, config.bgpAddress, config.bgpTlsAddress};
    for (const auto& [key, object] : model::ofKind(objects->all(), Kind::kHost))
      own.insert(model::HostSpec::from(*object).address);
    sessions->speaker().setOwnAddresses(std::move(own));
  }

  void tellAbsent() {
    std::set<std::string> here;
    for (const auto& peer : sessions->speaker().peers())
      if (peer.state == bgp::State::kEstablished) here.insert(peer.name);
    std::vector<std::string> away;
    for (const auto& [key, object] : model::ofKind(objects->all(), Kind::kHost))
      if (!here.contains(Sessions::hostPeer(key.name))) away.push_back(key.name);
    for (const auto& name : away) hosts->connected(name, false);
  }

  Result<void> openApi() {
    const auto own = api::fingerprint(data->ca().certificate);
    if (!own) return std::unexpected(own.error());
    fingerprint = *own;
    rest = std::make_unique<api::Rest>(loop, *objects, fingerprint);
    federation = std::make_unique<Federation>(
        loop, Federation::Facts{config.site, config.asn, certificate, config.exchangeInterval},
        *objects, metrics);
    tracing = std::make_unique<Tracing>(config.site, *objects, *compile, *sessions, *federation);
    endpoints = std::make_unique<Endpoints>(Endpoints::Parts{config.site, config.asn, *objects,
                                                             *rest, *compile, *sessions, *hosts,
                                                             *tracing, *federation, metrics});
    compile->onCompiled([this](const std::set<std::string>& changed) {
      // Peers first: what a slice lets hosts announce must find its filters in place.
      tellAddresses();
      sessions->setPeers(compile->current().peers);
      hosts->slicesChanged(changed);
    });
    objects->onChange([this](const std::vector<api::Change>& changes) {
      bool others = false;
      for (const auto& change : changes) {
        if (!change.before) continue;
        const bool hostGone =
            change.before->kind == Kind::kHost &&
            (!change.now || certificateOf(*change.now) != certificateOf(*change.before));
        if (hostGone) sessions->dropHost(change.before->metadata.name);
        others = others || hostGone || change.before->kind == Kind::kToken;
      }
      if (others && server) server->recheck();
    });
    expireTokens();
    return openServer();
  }

  Result<void> openServer() {
    // The authority goes along, for sites that know it by its fingerprint only.
    auto chain = certificate;
    chain.certificate += data->ca().certificate;
    auto opened = api::Server::open(
        loop,
        {.address = config.apiAddress,
         .port = config.apiPort,
         .caPem = data->ca().certificate,
         .certificate = std::move(chain),
         .who = [this](const api::HttpRequest& request) { return endpoints->who(request); }},
        [this](const api::HttpRequest& request, const api::ReplyPtr& reply) {
          endpoints->handle(request, reply);
        });
    if (!opened) {
      auto error = opened.error();
      if (error.field.empty()) error.field = "--api";
      return std::unexpected(std::move(error));
    }
    server = std::move(*opened);
    federation->setServer(server.get());
    hosts->setFacts({config.site,
                     config.asn,
                     "https://" + net::Endpoint{config.apiAddress, server->port()}.text(),
                     {config.bgpTlsAddress, sessions->speaker().tlsListenPort()}});
    return {};
  }

  // Streams of tokens whose time ends, end with it.
  void expireTokens() {
    const auto now = timeText();
    bool some = false;
    for (const auto& [key, object] : model::ofKind(objects->all(), Kind::kToken)) {
      const auto token = model::TokenSpec::from(*object);
      some = some || (token.over(now) && !token.over(expiredUntil));
    }
    expiredUntil = now;
    if (some && server) server->recheck();
    expiry.start(kExpiryInterval, [this] { expireTokens(); });
  }

  void stop() {
    expiry.cancel();
    server.reset();
    if (federation) federation->setServer(nullptr);
    if (!sessions || stopped) return;
    stopped = true;
    // Hosts stay "connected": they are whom the next start awaits.
    sessions->speaker().onPeerChange({});
    sessions->speaker().stop(true);
  }

  io::Loop& loop;
  Config config;
  Metrics metrics;
  Admission admission;
  io::Timer hostsBack, expiry;
  std::string expiredUntil;  // tokens that ended by then have been seen to
  std::unique_ptr<DataDirectory> data;
  std::unique_ptr<api::Objects> objects;
  std::unique_ptr<CompileLoop> compile;
  api::KeyPair certificate;
  std::string fingerprint;
  bool restarted = false, stopped = false;
  std::unique_ptr<Sessions> sessions;
  std::unique_ptr<Hosts> hosts;
  std::unique_ptr<api::Rest> rest;
  std::unique_ptr<Federation> federation;
  std::unique_ptr<Tracing> tracing;
  std::unique_ptr<Endpoints> endpoints;
  std::unique_ptr<api::Server> server;
};

Controller::Controller(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Controller::~Controller() = default;

Result<std::unique_ptr<Controller>> Controller::open(io::Loop& loop, Config config) {
  auto impl = std::make_unique<Impl>(loop, std::move(config));
  if (auto opened = impl->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<Controller>(new Controller(std::move(impl)));
}

void Controller::stop() { impl_->stop(); }
std::uint16_t Controller::apiPort() const { return impl_->server ? impl_->server->port() : 0; }
std::uint16_t Controller::bgpPort() const { return impl_->sessions->speaker().listenPort(); }
std::uint16_t Controller::bgpTlsPort() const { return impl_->sessions->speaker().tlsListenPort(); }
const std::string& Controller::caPem() const { return impl_->data->ca().certificate; }
std::string Controller::caFingerprint() const { return impl_->fingerprint; }

}  // namespace hawser::controller
