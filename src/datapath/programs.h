// The loaded BPF programs and their maps, pinned under <pin directory>/v<ABI version>/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hawser/base/result.h"
#include "hawser/datapath/datapath.h"

struct hawser_bpf;
struct bpf_object;

namespace hawser::datapath {

class Programs {
 public:
  // Adopts pinned maps of this ABI version and these sizes; makes new ones otherwise. `adjust` may
  // change the opened object before it is loaded.
  [[nodiscard]] static Result<Programs> load(
      const Config& config, const std::function<void(bpf_object*)>& adjust = nullptr);
  Programs(Programs&&) noexcept;
  Programs& operator=(Programs&&) noexcept;
  ~Programs();

  [[nodiscard]] int fromPort() const;
  [[nodiscard]] int fromUnderlay() const;
  // Of a map by its name; the map exists.
  [[nodiscard]] int map(const char* name) const;
  [[nodiscard]] bool adopted() const { return adopted_; }

  // The directory of this version's pins, those of all versions, and their removal.
  [[nodiscard]] static std::string pinsOf(const Config& config);
  [[nodiscard]] static std::vector<std::string> allPins(const Config& config);
  static void removePins(const Config& config, bool thisVersionToo);

 private:
  explicit Programs(hawser_bpf* skeleton);
  hawser_bpf* skeleton_ = nullptr;
  bool adopted_ = false;
};

}  // namespace hawser::datapath
