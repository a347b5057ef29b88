#include "grammar/completion.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "hawser/model/object.h"

namespace hawser::cli {

namespace {

constexpr const char* kBash = R"sh(_hawser() {
  local IFS=$'\n'
  COMPREPLY=($(hawser __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _hawser hawser
)sh";

constexpr const char* kZsh = R"sh(#compdef hawser
_hawser() {
  local -a found
  found=(${(f)"$(hawser __complete "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = "_hawser" ]; then _hawser "$@"; else compdef _hawser hawser; fi
)sh";

constexpr const char* kFish = R"sh(function __hawser_complete
  set -l words (commandline -opc)
  hawser __complete $words[2..-1] (commandline -ct) 2>/dev/null
end
complete -c hawser -f -a '(__hawser_complete)'
complete -c hawser -s f -l file -r -F
)sh";

// Where the words before the last have led.
struct Position {
  std::vector<const Grammar*> path;
  std::size_t arguments = 0;                 // positional words so far
  std::string kind;                          // the one given for KIND
  const Grammar::Option* waiting = nullptr;  // for its value
};

const Grammar::Option* findOption(const Position& position, const std::string& word) {
  for (const auto* grammar : position.path)
    for (const auto& option : grammar->options)
      if (std::find(option.names.begin(), option.names.end(), word) != option.names.end())
        return &option;
  return nullptr;
}

std::string argumentName(const Position& position) {
  const auto& names = position.path.back()->arguments;
  if (names.empty()) return {};
  return names[std::min(position.arguments, names.size() - 1)];
}

void step(Position& position, const std::string& word) {
  if (position.waiting != nullptr) {
    position.waiting = nullptr;
    return;
  }
  if (word.size() > 1 && word.front() == '-') {
    const auto* option = findOption(position, word);
    if (option != nullptr && option->takesValue) position.waiting = option;
    return;
  }
  for (const auto& command : position.path.back()->commands) {
    if (command.name != word) continue;
    position.path.push_back(&command);
    return;
  }
  if (argumentName(position) == "KIND") position.kind = word;
  ++position.arguments;
}

std::vector<std::string> kindNames() {
  std::vector<std::string> names;
  for (const auto& info : model::kinds()) names.emplace_back(info.plural);
  return names;
}

std::vector<std::string> optionValues(const Grammar::Option& option, const Names& names) {
  const auto& name = option.names.back();
  if (name == "--output") return {"table", "wide", "json", "yaml", "name"};
  if (name == "--protocol") return {"tcp", "udp", "sctp", "icmp", "any"};
  if (name == "--family") return {"vpnv4", "vpnv6", "rtc"};
  if (name == "--role") return {"reader", "member", "admin"};
  if (name == "--context") return names("contexts");
  if (name == "--project") return names("projects");
  if (name == "--peer") return names("peers");
  if (name == "--network") return names("networks");
  if (name == "--host") return names("hosts");
  return {};
}

std::vector<std::string> argumentValues(const Position& position, const Names& names) {
  const auto what = argumentName(position);
  const auto& command = position.path.back()->name;
  const auto parent = position.path.size() > 2 ? position.path[1]->name : std::string();
  if (what == "KIND") return kindNames();
  if (what == "SHELL") return {"bash", "zsh", "fish"};
  if (what == "NETWORK") return names("networks");
  if (what == "FROM") return names("ports");
  if (what == "TO") {
    auto found = names("ports");
    const auto services = names("services");
    found.insert(found.end(), services.begin(), services.end());
    return found;
  }
  if (what != "NAME") return {};
  if (parent == "link") return names("links");
  if (parent == "context") return command == "set" ? std::vector<std::string>() : names("contexts");
  const auto kind = model::parseKind(position.kind);
  return kind ? names(std::string(model::info(*kind).plural)) : std::vector<std::string>();
}

}  // namespace

std::string valueOf(const std::vector<std::string>& words, const std::string& option) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == option && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with(option + "=")) return words[i].substr(option.size() + 1);
  }
  return {};
}

std::vector<std::string> candidates(const Grammar& grammar, const std::vector<std::string>& words,
                                    const Names& names) {
  Position position{{&grammar}, 0, {}, nullptr};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) step(position, words[i]);
  const auto last = words.empty() ? std::string() : words.back();
  std::vector<std::string> found;
  if (position.waiting != nullptr) {
    found = optionValues(*position.waiting, names);
  } else if (last.starts_with('-')) {
    for (const auto* at : position.path)
      for (const auto& option : at->options) found.push_back(option.names.back());
  } else if (!position.path.back()->commands.empty()) {
    for (const auto& command : position.path.back()->commands) found.push_back(command.name);
  } else {
    found = argumentValues(position, names);
  }
  std::erase_if(found, [&](const std::string& word) { return !word.starts_with(last); });
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Result<std::string> completionScript(const std::string& shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  return invalid(fmt::format("\"{}\" is not bash, zsh or fish", shell), "SHELL");
}

}  // namespace hawser::cli
