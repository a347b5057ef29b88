// Reading and writing network byte order. A Cursor never reads beyond its span: has() first, then
// the read.
#pragma once

#include <span>

#include "hawser/base/check.h"
#include "hawser/wire/message.h"

namespace hawser::wire {

class Cursor {
 public:
  // `base` is the offset of bytes[0] in the whole message, for error reports.
  explicit Cursor(ByteView bytes, std::size_t base = 0) : bytes_(bytes), base_(base) {}
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] bool has(std::size_t count) const { return remaining() >= count; }
  [[nodiscard]] bool empty() const { return remaining() == 0; }
  [[nodiscard]] std::size_t offset() const { return base_ + position_; }

  std::uint8_t u8() { return take(1)[0]; }
  std::uint16_t u16() {
    const auto b = take(2);
    return static_cast<std::uint16_t>((b[0] << 8) | b[1]);
  }
  std::uint32_t u24() {
    const auto b = take(3);
    return (std::uint32_t{b[0]} << 16U) | (std::uint32_t{b[1]} << 8U) | b[2];
  }
  std::uint32_t u32() {
    const auto b = take(4);
    return (std::uint32_t{b[0]} << 24U) | (std::uint32_t{b[1]} << 16U) |
           (std::uint32_t{b[2]} << 8U) | b[3];
  }
  ByteView take(std::size_t count) {
    HAWSER_CHECK(has(count), "read beyond the end of a block");
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }
  // The next `count` bytes as a block of their own.
  Cursor sub(std::size_t count) {
    const auto start = offset();
    return Cursor(take(count), start);
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    const auto part = take(N);
    std::copy(part.begin(), part.end(), out.begin());
    return out;
  }

 private:
  ByteView bytes_;
  std::size_t base_;
  std::size_t position_ = 0;
};

inline void put8(Bytes& out, std::size_t value) { out.push_back(static_cast<std::uint8_t>(value)); }
inline void put16(Bytes& out, std::size_t value) {
  put8(out, value >> 8U);
  put8(out, value);
}
inline void put24(Bytes& out, std::size_t value) {
  put8(out, value >> 16U);
  put16(out, value);
}
inline void put32(Bytes& out, std::size_t value) {
  put16(out, value >> 16U);
  put16(out, value);
}
inline void putBytes(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void set16(Bytes& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8U);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace hawser::wire
