// The controller's folder: lock, certificate authority, the bootstrap token, the store.
//
//   lock         held by the running controller (flock)
//   ca.pem       certificate of the site's authority; what clients trust
//   ca.key       its key, 0600
//   admin.token  secret of the first administrator, 0600; its hash is the Token object "admin"
//   hawser.db    objects
#pragma once

#include <memory>
#include <string>

#include "hawser/api/pki.h"
#include "hawser/store/store.h"

namespace hawser::controller {

class DataDirectory {
 public:
  // Makes what is missing. kUnavailable when another controller holds the lock.
  [[nodiscard]] static Result<std::unique_ptr<DataDirectory>> open(const std::string& path,
                                                                   const std::string& site);
  ~DataDirectory();
  DataDirectory(const DataDirectory&) = delete;
  DataDirectory& operator=(const DataDirectory&) = delete;

  [[nodiscard]] const api::KeyPair& ca() const { return ca_; }
  [[nodiscard]] store::Store& store() { return *store_; }
  // The secret of admin.token, made if there is none.
  [[nodiscard]] Result<std::string> adminSecret();

 private:
  DataDirectory() = default;
  [[nodiscard]] Result<void> lock();
  [[nodiscard]] Result<void> openAuthority(const std::string& site);

  std::string path_;
  int lock_ = -1;
  api::KeyPair ca_;
  std::unique_ptr<store::Store> store_;
};

}  // namespace hawser::controller
