// Tells on which devices of this network namespace a TC filter or qdisc was changed, by anybody.
#pragma once

#include <set>

#include "hawser/base/result.h"

namespace hawser::datapath {

class FilterWatch {
 public:
  [[nodiscard]] static Result<FilterWatch> open();
  FilterWatch(FilterWatch&& other) noexcept;
  FilterWatch& operator=(FilterWatch&& other) noexcept;
  ~FilterWatch();

  [[nodiscard]] int fd() const { return fd_; }  // becomes readable
  struct Changes {
    std::set<int> devices;  // interface indexes
    bool lost = false;      // the kernel had more to tell than it could keep: any device
  };
  [[nodiscard]] Changes drain() const;

 private:
  explicit FilterWatch(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace hawser::datapath
