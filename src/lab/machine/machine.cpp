// Commands and processes.
#include "machine/machine.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <sstream>
#include <thread>

namespace hawser::lab {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// kHeld: they are not for what `run` is running either, though a terminal would send them there.
enum class Interrupts : std::uint8_t { kDefault, kWaited, kCame, kHeld };
std::atomic<Interrupts> interrupts{Interrupts::kDefault};  // NOLINT: a signal handler sets it

std::atomic<bool> answered{false};  // NOLINT: the same

void onInterrupt(int) { interrupts = Interrupts::kCame; }

void answerInterrupt(int) {
  static constexpr std::string_view kFirst =
      "\nhawser: this is being taken down, to the end; a second time ends it here, and `hawser lab "
      "down` then removes the rest\n";
  if (answered.exchange(true)) ::_exit(130);
  [[maybe_unused]] const auto ignored = ::write(2, kFirst.data(), kFirst.size());
}

void setHandlers(void (*handler)(int)) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, handler);
}

}  // namespace

void catchInterrupts() {
  interrupts = Interrupts::kWaited;
  setHandlers(onInterrupt);
}

void ignoreInterrupts() {
  setHandlers(SIG_IGN);
  interrupts = Interrupts::kHeld;
}

void holdInterrupts() {
  if (interrupts != Interrupts::kHeld) answered = false;
  interrupts = Interrupts::kHeld;
  setHandlers(answerInterrupt);
}

bool interrupted() { return interrupts == Interrupts::kCame; }

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> merged(const std::map<std::string, std::string>& more) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!more.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [key, value] : more) out.push_back(key + "=" + value);
  return out;
}

void plainSignals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(char* const* argv, char* const* environment) {
  ::execvpe(argv[0], argv, environment);
  const int why = errno;
  ::dprintf(2, "%s: %s\n", argv[0], std::strerror(why));
  ::_exit(127);
}

struct Pipe {
  std::array<int, 2> fd{-1, -1};
  ~Pipe() {
    close(0);
    close(1);
  }
  bool open() { return ::pipe2(fd.data(), O_CLOEXEC) == 0; }
  void close(std::size_t end) {
    if (fd[end] >= 0) ::close(fd[end]);
    fd[end] = -1;
  }
};

constexpr int kLookForInterruptsMs = 200;

// Feeds and reads at once, so that neither side waits for the other. After an interrupt the
// command's process group `group` is told to end.
std::string converse(Pipe& in, Pipe& out, const std::string& input, pid_t group) {
  std::string output;
  std::size_t sent = 0;
  ::fcntl(in.fd[1], F_SETFL, O_NONBLOCK);
  if (input.empty()) in.close(1);
  for (;;) {
    std::array<pollfd, 2> fds{pollfd{out.fd[0], POLLIN, 0}, pollfd{in.fd[1], POLLOUT, 0}};
    const int ready = ::poll(fds.data(), fds.size(), kLookForInterruptsMs);
    if (ready < 0 && errno != EINTR) break;
    if (group > 0 && interrupted()) ::kill(-group, SIGTERM);
    if (ready <= 0) continue;
    if (fds[1].revents != 0) {
      const auto n = ::write(in.fd[1], input.data() + sent, input.size() - sent);
      if (n > 0) sent += static_cast<std::size_t>(n);
      if (sent == input.size() || (n < 0 && errno != EAGAIN)) in.close(1);
    }
    if (fds[0].revents == 0) continue;
    std::array<char, 8192> buffer{};
    const auto n = ::read(out.fd[0], buffer.data(), buffer.size());
    if (n <= 0) break;
    output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return output;
}

std::uint64_t startTime(pid_t pid, char* state = nullptr) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string text;
  if (!std::getline(in, text)) return 0;
  const auto close = text.rfind(')');  // the name may hold anything
  if (close == std::string::npos) return 0;
  std::istringstream rest(text.substr(close + 1));
  std::string word;
  for (int field = 3; field <= 22 && rest >> word; ++field) {
    if (field == 3 && state != nullptr) *state = word[0];
    if (field == 22) return std::stoull(word);
  }
  return 0;
}

}  // namespace

Result<Finished> run(const std::vector<std::string>& command, const std::string& input,
                     const std::map<std::string, std::string>& environment) {
  Pipe in, out;
  if (!in.open() || !out.open()) return failErrno("pipe", errno);
  auto words = command;
  auto variables = merged(environment);
  const auto argv = pointers(words);
  const auto env = pointers(variables);
  // A group of its own, so that all of it can be ended, and not by a terminal behind our back; only
  // while somebody here would see to it.
  const bool own = interrupts != Interrupts::kDefault;
  const pid_t pid = ::fork();
  if (pid < 0) return failErrno("fork", errno);
  if (pid == 0) {
    if (own) ::setpgid(0, 0);
    plainSignals();
    ::dup2(in.fd[0], 0);
    ::dup2(out.fd[1], 1);
    ::dup2(out.fd[1], 2);
    become(argv.data(), env.data());
  }
  if (own) ::setpgid(pid, pid);
  in.close(0);
  out.close(1);
  Finished finished;
  finished.output = converse(in, out, input, own ? pid : 0);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  finished.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return finished;
}

Result<std::string> runOrFail(const std::vector<std::string>& command, const std::string& input,
                              const std::map<std::string, std::string>& environment) {
  auto finished = run(command, input, environment);
  if (!finished) return std::unexpected(finished.error());
  if (finished->status == 0) return std::move(finished->output);
  auto text = finished->output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const auto line = text.rfind('\n');
  return fail(ErrorCode::kInternal,
              text.empty() ? fmt::format("ended with status {}", finished->status)
                           : text.substr(line == std::string::npos ? 0 : line + 1),
              command[0].substr(command[0].rfind('/') + 1));
}

namespace {

struct Descriptors {
  int log = -1, null = -1, netns = -1;
  ~Descriptors() {
    for (const int fd : {log, null, netns})
      if (fd >= 0) ::close(fd);
  }
};

Result<void> openFor(const Launch& launch, Descriptors& fds) {
  fds.log = ::open(launch.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fds.log < 0) return failErrno("open " + launch.log, errno);
  fds.null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fds.null < 0) return failErrno("open /dev/null", errno);
  if (launch.netns.empty()) return {};
  fds.netns = ::open(netnsPath(launch.netns).c_str(), O_RDONLY | O_CLOEXEC);
  if (fds.netns < 0) return failErrno("open " + netnsPath(launch.netns), errno);
  return {};
}

// The middle process forks once more, tells the pid and ends; the process goes on only when init is
// its parent: some programs ask to be ended with their parent.
[[noreturn]] void forkAgain(const Descriptors& fds, int tell, char* const* argv,
                            char* const* environment) {
  plainSignals();
  ::setsid();
  const pid_t middle = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) {
    [[maybe_unused]] const auto ignored = ::write(tell, &pid, sizeof pid);
    ::_exit(0);
  }
  while (::getppid() == middle) ::sched_yield();
  if (fds.netns >= 0 && ::setns(fds.netns, CLONE_NEWNET) < 0) ::_exit(126);
  ::dup2(fds.null, 0);
  ::dup2(fds.log, 1);
  ::dup2(fds.log, 2);
  become(argv, environment);
}

}  // namespace

Result<ProcessId> launch(const Launch& launch) {
  Descriptors fds;
  if (auto opened = openFor(launch, fds); !opened) return std::unexpected(opened.error());
  Pipe tell;
  if (!tell.open()) return failErrno("pipe", errno);
  auto words = launch.command;
  auto variables = merged(launch.environment);
  const auto argv = pointers(words);
  const auto env = pointers(variables);
  const pid_t middle = ::fork();
  if (middle < 0) return failErrno("fork", errno);
  if (middle == 0) forkAgain(fds, tell.fd[1], argv.data(), env.data());
  ::waitpid(middle, nullptr, 0);
  pid_t pid = -1;
  if (::read(tell.fd[0], &pid, sizeof pid) != sizeof pid || pid <= 0)
    return fail(ErrorCode::kInternal, "cannot start " + launch.command[0]);
  return ProcessId{pid, startTime(pid)};
}

bool alive(const ProcessId& process) {
  char state = 'Z';
  return process.pid > 0 && startTime(process.pid, &state) == process.started && state != 'Z' &&
         process.started != 0;
}

void signalProcess(const ProcessId& process, int number) {
  // The descriptor holds the process, so that the check and the signal are about the same one.
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
  if (fd < 0) return;
  if (alive(process)) ::syscall(SYS_pidfd_send_signal, fd, number, nullptr, 0);
  ::close(fd);
}

bool waitForEnd(const ProcessId& process, milliseconds limit) {
  return waitUntil([&] { return !alive(process); }, limit);
}

void endProcess(const ProcessId& process, milliseconds grace) {
  if (!alive(process)) return;
  if (grace.count() > 0) {
    signalProcess(process, SIGTERM);
    if (waitForEnd(process, grace)) return;
  }
  signalProcess(process, SIGKILL);
  (void)waitForEnd(process, milliseconds(5000));
}

bool waitUntil(const std::function<bool()>& condition, milliseconds limit,
               const std::function<bool()>& hopeless) {
  const auto deadline = steady_clock::now() + limit;
  auto pause = milliseconds(2);
  for (;;) {
    if (condition()) return true;
    if (steady_clock::now() >= deadline || interrupted() || (hopeless && hopeless())) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, milliseconds(100));
  }
}

std::string lastLines(const std::string& file, std::size_t count) {
  std::ifstream in(file);
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > count) lines.pop_front();
  }
  std::string out;
  for (const auto& line : lines) out += "    " + line + "\n";
  return out;
}

}  // namespace hawser::lab
