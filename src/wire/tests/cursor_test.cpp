#include "cursor.h"

#include <gtest/gtest.h>

#include <numeric>

namespace hawser::wire {
namespace {

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

TEST(Cursor, ReadsNetworkOrder) {
  const auto bytes = counted(10);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.u8(), 0x01);
  EXPECT_EQ(cursor.u16(), 0x0203);
  EXPECT_EQ(cursor.u24(), 0x040506U);
  EXPECT_EQ(cursor.u32(), 0x0708090aU);
  EXPECT_TRUE(cursor.empty());
}

TEST(Cursor, HighBitsAreNoSigns) {
  const Bytes bytes(10, 0xff);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.u8(), 0xff);
  EXPECT_EQ(cursor.u16(), 0xffff);
  EXPECT_EQ(cursor.u24(), 0xffffffU);
  EXPECT_EQ(cursor.u32(), 0xffffffffU);
}

TEST(Cursor, KnowsItsPlaceInTheMessage) {
  const auto bytes = counted(8);
  Cursor cursor(bytes, 19);
  EXPECT_EQ(cursor.offset(), 19U);
  cursor.u16();
  EXPECT_EQ(cursor.offset(), 21U);
  EXPECT_EQ(cursor.remaining(), 6U);
  auto block = cursor.sub(4);
  EXPECT_EQ(block.offset(), 21U) << "a block keeps the place of its first byte";
  EXPECT_EQ(block.remaining(), 4U);
  EXPECT_EQ(cursor.offset(), 25U);
  EXPECT_EQ(block.u8(), 3);
  EXPECT_EQ(cursor.u8(), 7) << "the two advance apart";
}

TEST(Cursor, HasCountsWhatIsLeft) {
  const auto bytes = counted(3);
  Cursor cursor(bytes);
  EXPECT_TRUE(cursor.has(3));
  EXPECT_FALSE(cursor.has(4));
  cursor.take(3);
  EXPECT_TRUE(cursor.has(0));
  EXPECT_FALSE(cursor.has(1));
}

TEST(Cursor, TakesArraysAndViews) {
  const auto bytes = counted(6);
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.array<4>(), (std::array<std::uint8_t, 4>{1, 2, 3, 4}));
  const auto rest = cursor.take(2);
  EXPECT_EQ(Bytes(rest.begin(), rest.end()), (Bytes{5, 6}));
}

// Length fields are checked before they are used: to read on regardless is a bug, not an input.
TEST(CursorDeathTest, NeverReadsBeyondItsBlock) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto bytes = counted(3);
  EXPECT_DEATH(Cursor(bytes).u32(), "beyond the end");
  EXPECT_DEATH(Cursor(bytes).sub(4), "beyond the end");
}

TEST(Put, IsWhatCursorReads) {
  Bytes out;
  put8(out, 0x01);
  put16(out, 0x0203);
  put24(out, 0x040506);
  put32(out, 0x0708090a);
  EXPECT_EQ(out, counted(10));
  set16(out, 1, 0xbeef);
  EXPECT_EQ(Cursor(ByteView(out).subspan(1)).u16(), 0xbeef);
  putBytes(out, Bytes{1, 2});
  EXPECT_EQ(out.size(), 12U);
}

}  // namespace
}  // namespace hawser::wire
