// NLRI of the families this engine speaks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cursor.h"

namespace hawser::wire {

[[nodiscard]] bool knownFamily(Family family);
// All NLRI of the block; nullopt and `why` when it is malformed. In withdrawals labels mean
// nothing.
[[nodiscard]] std::optional<std::vector<Nlri>> decodeNlri(Cursor block, Family family,
                                                          bool withdrawal, std::string& why);
void encodeNlri(Bytes& out, const Nlri& nlri, bool withdrawal);

}  // namespace hawser::wire
