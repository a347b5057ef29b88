// One site's controller: API, store, compiler, BGP, federation, on one loop. Everything is called
// on the loop's thread; the only thread of its own speaks to other sites' APIs.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "hawser/io/loop.h"
#include "hawser/net/address.h"
#include "hawser/net/vpn.h"

namespace hawser::controller {

struct Config {
  std::string site;  // at most 40 characters of an object name
  net::Asn asn;
  std::string dataDirectory;  // made with mode 0700; locked while the controller lives
  // Addresses that hosts and peers reach: they are in certificates and in the answer to a join.
  net::IpAddress apiAddress;
  std::uint16_t apiPort = 8443;  // 0 picks one; so for the others
  net::IpAddress bgpAddress;
  std::uint16_t bgpPort = 179;
  net::IpAddress bgpTlsAddress;  // IPv4: hosts speak no other
  std::uint16_t bgpTlsPort = 1790;
  net::Ipv4Address routerId;         // 0.0.0.0: the BGP address
  std::uint16_t underlayMtu = 1500;  // bytes; of a new site, later it is the Site object's
  std::chrono::milliseconds exchangeInterval{5000};  // between sites, when nothing changes
};

class Controller {
 public:
  // Errors name the flag ("--site") or the file. With an earlier run's data the controller comes
  // back as a restarting BGP speaker (RFC 4724).
  [[nodiscard]] static Result<std::unique_ptr<Controller>> open(io::Loop& loop, Config config);
  ~Controller();  // as stop()
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // Ends all sessions without a word, so that hosts and peers keep our routes until we are back.
  void stop();

  [[nodiscard]] std::uint16_t apiPort() const;
  [[nodiscard]] std::uint16_t bgpPort() const;
  [[nodiscard]] std::uint16_t bgpTlsPort() const;
  [[nodiscard]] const std::string& caPem() const;
  [[nodiscard]] std::string caFingerprint() const;

 private:
  struct Impl;
  explicit Controller(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::controller
