// What an object needs of other objects (docs/modules/controller.md): references, uniqueness,
// allocation, quotas, and what a tenant may touch. Each check names the field it found wrong.
//
// Every check looks at the staging, that is, at the objects as the whole transaction leaves them,
// so nothing is half-applied; the ledger has the same, by name and number. A check must not walk
// all objects of a kind: a batch would do that for each of its objects.
// Allocation takes the lowest number or address that is free, so equal histories give equal
// numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "admission/addresses.h"
#include "admission/ledger.h"
#include "hawser/api/objects.h"
#include "hawser/model/specs.h"

namespace hawser::controller {

struct SiteFacts {
  std::string name;
  net::Asn asn;
  net::IpAddress bgpAddress;
};

class Admission final : public api::Admission {
 public:
  explicit Admission(SiteFacts site) : site_(std::move(site)) {}

  [[nodiscard]] Result<void> admit(const api::Staging& staging, model::Object& object,
                                   const model::Object* before) override;
  [[nodiscard]] Result<void> removed(const api::Staging& staging,
                                     const model::Object& object) override;
  void opened(const model::ObjectMap& objects) override { ledger_.reset(objects); }
  void changed(const model::Object* before, const model::Object* now) override {
    ledger_.change(before, now);
  }

 private:
  SiteFacts site_;
  Ledger ledger_;
};

// One object under admission: the checks of each kind (the files of this folder) work on it.
class Admitting {
 public:
  Admitting(const SiteFacts& site, const Ledger& ledger, const api::Staging& staging,
            model::Object& object, const model::Object* before)
      : site_(site), ledger_(ledger), staging_(staging), object_(object), before_(before) {}
  [[nodiscard]] Result<void> run();

 private:
  // admission.cpp: kinds of the site
  [[nodiscard]] Result<void> siteObject();
  [[nodiscard]] Result<void> host();
  [[nodiscard]] Result<void> peer();
  [[nodiscard]] Result<void> peerAmongOthers(const model::PeerSpec& spec);
  [[nodiscard]] Result<void> token();
  [[nodiscard]] Result<void> identity();
  // network.cpp
  [[nodiscard]] Result<void> addressPool();
  [[nodiscard]] Result<void> network();
  [[nodiscard]] Result<void> subnetsStillHold(const model::NetworkSpec& spec);
  [[nodiscard]] Result<void> link();
  [[nodiscard]] Result<void> linkPrefixes(const model::LinkSpec& spec,
                                          const model::NetworkSpec& network);
  // targets.cpp
  [[nodiscard]] Result<void> networkNumber();
  [[nodiscard]] Result<void> networkTargets();
  [[nodiscard]] Result<void> targetAllowed(const net::RouteTarget& target, const std::string& path);
  [[nodiscard]] Result<void> targetOfNetwork(const net::RouteTarget& target,
                                             const std::string& path);
  [[nodiscard]] Result<void> targetOfTenant(const net::RouteTarget& target,
                                            const std::string& path);
  [[nodiscard]] Result<void> linkTarget(const model::LinkSpec& spec);
  // overlap.cpp: kConflict, with both names and prefixes
  [[nodiscard]] Result<void> apart(const model::Ref& one, const model::Ref& other,
                                   const std::string& field) const;
  [[nodiscard]] Result<void> apart(const model::Object& one, const model::Object& other,
                                   const std::string& field) const;
  [[nodiscard]] Result<void> stillApart() const;
  [[nodiscard]] Result<void> linkApart(const model::LinkSpec& link, const model::ObjectKey& key,
                                       const model::Object& network,
                                       const std::string& field) const;
  [[nodiscard]] bool sameOrigin(const model::LinkSpec& one, const model::LinkSpec& other) const;
  [[nodiscard]] Result<void> linkAmongLinks(const model::LinkSpec& link,
                                            const model::ObjectKey& key,
                                            const model::Object& network,
                                            const std::string& field) const;
  // port.cpp
  [[nodiscard]] Result<void> port();
  [[nodiscard]] Result<void> portOfTenant(const model::PortSpec& spec);
  [[nodiscard]] Result<void> portAddresses(const model::PortSpec& spec,
                                           const model::Object& network);
  [[nodiscard]] Used usedIn(const model::Object& network) const;
  [[nodiscard]] Result<void> portMac(const model::PortSpec& spec);
  [[nodiscard]] Result<void> floatingIp();
  [[nodiscard]] Result<void> service();
  // rules.cpp
  [[nodiscard]] Result<void> router();
  [[nodiscard]] Result<void> policy();
  [[nodiscard]] Result<void> securityGroup();

  [[nodiscard]] bool fromSystem() const { return staging_.caller().internal; }
  [[nodiscard]] bool fromAdmin() const { return staging_.caller().role == model::Role::kAdmin; }
  [[nodiscard]] model::Ref self() const {
    return {object_.metadata.project, object_.metadata.name};
  }
  // The Network, or an error with the field. What belongs to another project is for administrators,
  // external networks excepted where `externalToo`.
  [[nodiscard]] Result<model::ObjectPtr> networkAt(const model::Ref& ref, const std::string& field,
                                                   bool externalToo = false) const;
  [[nodiscard]] Result<model::ObjectPtr> portAt(const model::Ref& ref,
                                                const std::string& field) const;
  // Who else has what one object may have.
  [[nodiscard]] std::optional<model::ObjectKey> otherWith(const std::string& claim) const;
  // Is the target named by an object other than this one?
  [[nodiscard]] bool namedElsewhere(const net::RouteTarget& target) const;
  [[nodiscard]] Result<void> ownProject(const model::Ref& ref, const std::string& field) const;
  // quota.cpp; kForbidden
  [[nodiscard]] std::optional<std::pair<std::int64_t, std::string>> limitOf(
      std::string_view limit) const;
  [[nodiscard]] Result<void> quotaLeft(std::string_view limit) const;
  [[nodiscard]] Result<void> externalLeft() const;

  const SiteFacts& site_;
  const Ledger& ledger_;
  const api::Staging& staging_;
  model::Object& object_;
  const model::Object* before_;
};

// Route targets that the API allocates, in the site's own AS: one for each network (by its id), and
// those of Links. An AS of four bytes leaves a target only 16 bits (RFC 5668), hence the second
// scheme.
[[nodiscard]] net::RouteTarget autoTarget(net::Asn asn, std::uint32_t networkId);
[[nodiscard]] bool isAutoTarget(net::Asn asn, const net::RouteTarget& target);
[[nodiscard]] net::RouteTarget linkTargetNumber(net::Asn asn, std::uint32_t number);

}  // namespace hawser::controller
