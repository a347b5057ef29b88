#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hawser::kube {
namespace {

struct Plumbing {
  std::array<int, 2> in{-1, -1};
  int out = -1;        // the child's end
  int collected = -1;  // ours, when output is collected
};

std::unexpected<Error> closeAnd(const Plumbing& pipes, std::unexpected<Error> error) {
  for (const int fd : pipes.in) ::close(fd);
  return error;
}

Result<Plumbing> plumb(const Command& command) {
  Plumbing pipes;
  if (::pipe2(pipes.in.data(), O_CLOEXEC) < 0) return failErrno("pipe", errno);
  if (command.logFile.empty()) {
    std::array<int, 2> out{};
    if (::pipe2(out.data(), O_CLOEXEC) < 0) return closeAnd(pipes, failErrno("pipe", errno));
    ::fcntl(out[0], F_SETFL, O_NONBLOCK);
    pipes.collected = out[0];
    pipes.out = out[1];
  } else {
    pipes.out = ::open(command.logFile.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (pipes.out < 0) return closeAnd(pipes, failErrno("open " + command.logFile, errno));
  }
  return pipes;
}

// Between fork and exec: only calls that are safe there.
[[noreturn]] void becomeChild(const Plumbing& pipes, char* const* argv, char* const* environment,
                              pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(pipes.in[0], 0);
  ::dup2(pipes.out, 1);
  ::dup2(pipes.out, 2);
  ::execvpe(argv[0], argv, environment);
  const char* why = std::strerror(errno);
  [[maybe_unused]] const auto ignored = ::write(2, why, std::strlen(why));
  ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(io::Loop& loop, const Command& command,
                                                Exited exited) {
  const auto pipes = plumb(command);
  if (!pipes) return std::unexpected(pipes.error());
  std::vector<std::string> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment.emplace_back(*variable);
  environment.insert(environment.end(), command.environment.begin(), command.environment.end());
  const auto argv = pointers(command.argv);
  const auto env = pointers(environment);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) becomeChild(*pipes, argv.data(), env.data(), parent);
  const int forkError = errno;
  ::close(pipes->in[0]);
  ::close(pipes->out);
  if (pid < 0) {
    ::close(pipes->in[1]);
    if (pipes->collected >= 0) ::close(pipes->collected);
    return failErrno("fork", forkError);
  }
  // Small inputs fit the pipe's buffer; a child that is gone already gives EPIPE (SIGPIPE is
  // ignored by the programs).
  if (!command.input.empty()) [[maybe_unused]]
    const auto ignored = ::write(pipes->in[1], command.input.data(), command.input.size());
  ::close(pipes->in[1]);

  std::unique_ptr<Process> process(new Process());
  process->pid_ = pid;
  process->output_ = pipes->collected;
  process->pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process->pidfd_ < 0) return failErrno("pidfd_open", errno);
  process->watcher_.emplace(
      loop, process->pidfd_,
      [self = process.get(), exited = std::move(exited)] { self->reap(exited); });
  return process;
}

void Process::reap(const Exited& exited) {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return;
  pid_ = -1;
  watcher_.reset();  // a dead process's descriptor stays readable
  std::string text;
  if (output_ >= 0) {
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::read(output_, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  exited(status, text);  // may destroy this process; the watcher that called us keeps the callback
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

Process::~Process() {
  watcher_.reset();
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) ::close(pidfd_);
  if (output_ >= 0) ::close(output_);
}

}  // namespace hawser::kube
