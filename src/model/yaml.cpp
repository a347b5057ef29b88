// YAML and JSON documents to JSON values, with the place of every mistake.
#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "hawser/model/object.h"

namespace hawser::model {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxNodes =
    1000000;  // an alias may stand for much: what it expands to is counted

std::string place(const YAML::Mark& mark) {
  return mark.is_null() ? std::string()
                        : fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
}

// YAML 1.2's core schema for plain scalars: what is quoted stays text, and so do 1.1's surprises
// (yes, off, 0o17, 1:20).
Json plainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL")
    return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const char* const end = text.data() + text.size();
  const bool digits =
      text.find_first_not_of("0123456789", text.front() == '-' ? 1 : 0) == std::string::npos;
  if (digits && text != "-") {
    std::uint64_t positive = 0;
    if (text.front() != '-' && std::from_chars(text.data(), end, positive).ec == std::errc())
      return positive;
    std::int64_t negative = 0;
    if (std::from_chars(text.data(), end, negative).ec == std::errc()) return negative;
    return text;
  }
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && stop == end &&
      text.find_first_of("0123456789") != std::string::npos &&
      text.find_first_of("infaINFA") == std::string::npos)
    return number;
  return text;
}

// YAML, but not for us.
struct Mistake final : YAML::ParserException {
  using ParserException::ParserException;
};

// Builds JSON from the parser's events. A mistake ends the reading by an exception, which
// parseDocuments turns into an error with its place.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view text) : rest_(text) {}
  [[nodiscard]] std::vector<Json> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp 0.7 finds the same document again and again where a plain scalar cannot begin
    // (",x").
    if (started_ && mark.pos <= lastStart_) wrong(mark, "unexpected character");
    if (started_ && !mayBegin(mark.line)) wrong(mark, "is no part of what stands before it");
    started_ = true;
    lastStart_ = mark.pos;
    anchors_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    value(mark, nullptr, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) wrong(mark, "an alias inside what it names");
    count(mark, found->second.size);
    value(mark, Json(found->second.value), YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (!open_.empty() && open_.back().json.is_object() && !open_.back().key) {
      if (open_.back().json.contains(text)) wrong(mark, fmt::format("\"{}\" is there twice", text));
      open_.back().key = text;
      return;
    }
    value(mark, tag == "!" ? Json(text) : plainScalar(text), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, Json::array(), anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, Json::object(), anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Json json;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::size_t before;  // values counted before it
    std::optional<std::string> key;
  };
  struct Named {
    Json value;
    std::size_t size;
  };

  // yaml-cpp takes "- a" followed by "b: 1" for two documents. A document after another begins with
  // "---", or follows "..."; JSON values may just follow each other.
  [[nodiscard]] bool mayBegin(int number) {
    for (; line_ < number; ++line_) {
      const auto size = rest_.find('\n');
      const auto current = rest_.substr(0, size);
      const auto first = current.find_first_not_of(" \t\r");
      if (first != std::string_view::npos && current[first] != '#')
        ended_ = current.starts_with("...");
      rest_.remove_prefix(size == std::string_view::npos ? rest_.size() : size + 1);
    }
    return ended_ || rest_.starts_with("---") || rest_.starts_with("{") || rest_.starts_with("[");
  }

  [[noreturn]] static void wrong(const YAML::Mark& mark, const std::string& why) {
    throw Mistake(mark, why);
  }

  void count(const YAML::Mark& mark, std::size_t more) {
    if ((nodes_ += more) > kMaxNodes) wrong(mark, fmt::format("more than {} values", kMaxNodes));
  }
  void start(const YAML::Mark& mark, Json empty, YAML::anchor_t anchor) {
    if (!open_.empty() && open_.back().json.is_object() && !open_.back().key)
      wrong(mark, "a key must be text");
    if (open_.size() >= kMaxDepth) wrong(mark, fmt::format("nested deeper than {}", kMaxDepth));
    open_.push_back({std::move(empty), mark, anchor, nodes_, {}});
  }
  void end() {
    auto done = std::move(open_.back());
    open_.pop_back();
    value(done.mark, std::move(done.json), done.anchor, nodes_ - done.before);
  }
  void value(const YAML::Mark& mark, Json json, YAML::anchor_t anchor, std::size_t inside = 0) {
    count(mark, 1);
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {json, inside + 1};
    if (open_.empty()) {
      if (!json.is_null()) documents_.push_back(std::move(json));  // else an empty document
      return;
    }
    auto& parent = open_.back();
    if (parent.json.is_array()) {
      parent.json.push_back(std::move(json));
      return;
    }
    if (!parent.key) wrong(mark, "a key must be text");
    parent.json[*std::exchange(parent.key, std::nullopt)] = std::move(json);
  }

  std::string_view rest_;  // of the text, from line_ on
  int line_ = 0;
  bool ended_ = false;  // the last line before that says something is "..."
  std::vector<Json> documents_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Named> anchors_;
  std::size_t nodes_ = 0;
  bool started_ = false;
  int lastStart_ = 0;
};

// "- ", "? " or ": " at the beginning of an item. A line of dashes is none.
bool isMarker(std::string_view text) {
  const auto next = text.size() > 1 ? text[1] : '\n';
  return (text[0] == '-' || text[0] == '?' || text[0] == ':') &&
         (next == ' ' || next == '\t' || next == '\n' || next == '\r');
}

// yaml-cpp recurses while it reads: brackets that would exhaust its stack are refused before.
bool tooDeep(std::string_view text) {
  std::size_t depth = 0, indentation = 0;
  bool lineStart = true;
  std::size_t markers = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == '\n') {
      lineStart = true;
      indentation = markers = 0;
    } else if (lineStart && (c == ' ' || c == '\t')) {
      ++indentation;
    } else if (lineStart && isMarker(text.substr(i))) {
      ++indentation;
      ++markers;
    } else {
      lineStart = false;
    }
    if (depth > 4 * kMaxDepth || markers > 4 * kMaxDepth || indentation > 16 * kMaxDepth)
      return true;
  }
  return false;
}

// A carriage return ends a line: yaml-cpp 0.7 leaves it as it is.
bool breaksLine(const std::string& text) { return text.find('\r') != std::string::npos; }

void emit(YAML::Emitter& out, const Json& json) {
  if (json.is_object()) {
    out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : json.items()) {
      out << YAML::Key;
      if (breaksLine(key)) out << YAML::DoubleQuoted;
      out << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (json.is_array()) {
    out << (json.empty() ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const auto& value : json) emit(out, value);
    out << YAML::EndSeq;
  } else if (json.is_string()) {
    const auto text = json.get<std::string>();
    // Text that would be read back as something else is quoted.
    if (plainScalar(text).is_string() && !breaksLine(text))
      out << text;
    else
      out << YAML::DoubleQuoted << text;
  } else if (json.is_null()) {
    out << YAML::Null;
  } else {
    out << json.dump();
  }
}

}  // namespace

namespace {

// "\uXXXX" at the beginning of the text, when it is from `least` on and below that + 0x400.
std::optional<std::uint32_t> escapedHalf(std::string_view text, std::uint32_t least) {
  std::uint32_t half = 0;
  if (text.size() < 6 || !text.starts_with("\\u")) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data() + 2, text.data() + 6, half, 16);
  if (error != std::errc() || stop != text.data() + 6 || half < least || half >= least + 0x400)
    return std::nullopt;
  return half - least;
}

// JSON writes what is beyond the first 65536 characters as two escapes (RFC 8259, 7); yaml-cpp 0.7
// knows YAML's one only.
std::string joinEscapes(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '['))
    return std::string(text);
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto high = escapedHalf(text.substr(i), 0xd800);
    const auto low = high ? escapedHalf(text.substr(i + 6), 0xdc00) : std::nullopt;
    if (low) out += fmt::format("\\U{:08x}", 0x10000 + (*high << 10U) + *low);
    const std::size_t size = low ? 12 : text[i] == '\\' ? 2 : 1;
    if (!low) out += text.substr(i, size);
    i += size;
  }
  return out;
}

// What yaml-cpp says, at its place. What it finds in the mark that was put behind the text is the
// fault of the text's end.
std::unexpected<Error> notYaml(const YAML::Exception& error, std::string_view text) {
  const auto lines =
      static_cast<int>(std::count(text.begin(), text.end(), '\n')) + (text.ends_with('\n') ? 0 : 1);
  if (error.mark.is_null() || error.mark.line < lines)
    return invalid("is not YAML: " + error.msg, place(error.mark));
  if (text.ends_with('\n')) text.remove_suffix(1);
  auto end = error.mark;
  end.line = lines - 1;
  end.column = static_cast<int>(text.size() - (text.rfind('\n') + 1));
  return invalid(error.msg == YAML::ErrorMsg::DOC_IN_SCALAR
                     ? "is not YAML: a quoted text has no end"
                     : "is not YAML: " + error.msg,
                 place(end));
}

}  // namespace

Result<std::vector<Json>> parseDocuments(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return invalid("is not text (it holds a zero byte)");
  if (tooDeep(text)) return invalid(fmt::format("is nested deeper than {}", kMaxDepth));
  try {
    // A quoted text that never ends is one for yaml-cpp when the file ends with its line; a
    // document end marker inside it is a mistake.
    std::string whole = joinEscapes(text);
    whole += whole.ends_with('\n') ? "...\n" : "\n...\n";
    std::istringstream in(whole);
    YAML::Parser parser(in);
    Builder builder(whole);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Mistake& mistake) {
    return invalid(mistake.msg, place(mistake.mark));
  } catch (const YAML::Exception& error) {
    return notYaml(error, text);
  }
}

int lineOf(const std::string& text, const std::string& path, std::size_t document) {
  try {
    const auto documents = YAML::LoadAll(text);
    if (document >= documents.size()) return 0;
    YAML::Node node;
    node.reset(documents[document]);
    int line = node.Mark().line + 1;
    std::size_t at = 0;
    while (at < path.size()) {
      if (path[at] == '[') {
        const auto close = path.find(']', at);
        if (close == std::string::npos || !node.IsSequence()) break;
        const auto index = std::stoul(path.substr(at + 1, close - at - 1));
        if (index >= node.size()) break;
        const YAML::Node next = node[index];
        node.reset(next);
        line = node.Mark().line + 1;
        at = close + 1;
      } else {
        if (path[at] == '.') ++at;
        const auto end = path.find_first_of(".[", at);
        const auto key = path.substr(at, end == std::string::npos ? end : end - at);
        if (!node.IsMap()) break;
        bool found = false;
        for (const auto& entry : node) {
          if (!entry.first.IsScalar() || entry.first.Scalar() != key) continue;
          line = entry.first.Mark().line + 1;
          const YAML::Node next = entry.second;
          node.reset(next);
          found = true;
          break;
        }
        if (!found) break;
        at = end == std::string::npos ? path.size() : end;
      }
    }
    return line;
  } catch (const std::exception&) {
    return 0;
  }
}

std::string toYaml(const Json& json) {
  YAML::Emitter out;
  out.SetIndent(2);
  emit(out, json);
  return std::string(out.c_str()) + "\n";
}

}  // namespace hawser::model
