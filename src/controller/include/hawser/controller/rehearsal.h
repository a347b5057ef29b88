// What a site's controller would say of objects, without a controller: its admission on objects in
// memory. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/model/object.h"
#include "hawser/net/address.h"
#include "hawser/net/vpn.h"

namespace hawser::controller {

class Rehearsal {
 public:
  // With what a new site has: its Site and the project "default".
  [[nodiscard]] static Result<Rehearsal> open(const std::string& site, net::Asn asn,
                                              const net::IpAddress& bgpAddress);
  Rehearsal(Rehearsal&&) noexcept;
  Rehearsal& operator=(Rehearsal&&) noexcept;
  ~Rehearsal();

  // As an administrator, all or nothing. The error begins with the object's name and the field.
  [[nodiscard]] Result<void> apply(const std::vector<model::Object>& objects);

 private:
  struct Impl;
  explicit Rehearsal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hawser::controller
