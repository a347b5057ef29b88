#include "hawser/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "hawser/base/fd.h"

namespace hawser {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = "/tmp/hawser-file-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder = name;
  }
  ~FileTest() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }
  static unsigned modeOf(const fs::path& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0U;
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  fs::path folder;
};

TEST_F(FileTest, WhatIsWrittenIsRead) {
  const auto path = folder / "x";
  EXPECT_EQ(readFile(path).error().code, ErrorCode::kNotFound);
  const std::string big(200'000, 'b');
  for (const auto& text : {std::string(), std::string("one\n"), std::string("a\0b", 3), big}) {
    for (const bool durable : {true, false}) {
      ASSERT_TRUE(writeFile(path, text, {.durable = durable}));
      EXPECT_EQ(readFile(path), text);
    }
  }
  EXPECT_EQ(files(), 1U) << "nothing else is left";
}

TEST_F(FileTest, TheModeIsWhatWasAskedForWhateverTheMaskSays) {
  const auto before = ::umask(0077);
  ASSERT_TRUE(writeFile(folder / "open", "x", {.mode = 0644}));
  ::umask(0);
  ASSERT_TRUE(writeFile(folder / "secret", "x"));
  ::umask(before);
  EXPECT_EQ(modeOf(folder / "open"), 0644U);
  EXPECT_EQ(modeOf(folder / "secret"), 0600U);
  ASSERT_TRUE(writeFile(folder / "open", "y", {.mode = 0600}));
  EXPECT_EQ(modeOf(folder / "open"), 0600U) << "of a file that was there, too";
}

TEST_F(FileTest, AFailureLeavesTheOldAndNothingElse) {
  EXPECT_EQ(writeFile(folder / "none" / "x", "new").error().code, ErrorCode::kNotFound);
  // A name that is taken by a folder cannot be renamed over.
  fs::create_directories(folder / "taken" / "inside");
  EXPECT_FALSE(writeFile(folder / "taken", "new"));
  EXPECT_TRUE(fs::exists(folder / "taken" / "inside"));
  EXPECT_EQ(files(), 1U);
  EXPECT_NE(readFile(folder / "taken").error().code, ErrorCode::kNotFound) << "it is there";
}

TEST_F(FileTest, ANameWithoutAFolderIsInThisOne) {
  const auto before = fs::current_path();
  fs::current_path(folder);
  EXPECT_TRUE(writeFile("x", "here"));
  fs::current_path(before);
  EXPECT_EQ(readFile(folder / "x"), "here");
}

TEST_F(FileTest, ADescriptorIsClosedOnce) {
  Fd one(::dup(0));
  ASSERT_TRUE(one);
  const int number = one.get();
  Fd other = std::move(one);
  EXPECT_EQ(other.get(), number);
  EXPECT_EQ(one.get(), -1);  // NOLINT(bugprone-use-after-move): what it says then
  other = Fd();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  Fd third(::dup(0));
  const int kept = third.release();
  EXPECT_FALSE(third);
  EXPECT_EQ(::close(kept), 0);
}

}  // namespace
}  // namespace hawser
