// natlab-internet: everything between the hosts of a laboratory, in one process. Its description comes as JSON on standard input;
// commands come over a Unix socket, one JSON object a line, and each is answered by one line. See tests/natlab/README.md.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <system_error>

#include "internet.hpp"

namespace pshare::natlab {
namespace {

volatile std::sig_atomic_t told_to_stop = 0;

/// Packets taken from one kernel before the others have their turn.
constexpr unsigned turn_packets = 64;

/// The longest line that a command may be.
constexpr std::size_t max_command = 64 * KiB;

[[noreturn]] void fail(const std::string& doing) { throw std::system_error{errno, std::generic_category(), doing}; }

/// Where commands come from.
class ControlSocket {
 public:
  /// Nothing may be at `path` yet.
  explicit ControlSocket(const std::string& path) : path_(path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) throw std::runtime_error{"the path of the control socket is too long: " + path};
    std::memcpy(address.sun_path, path.data(), path.size());
    listening_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listening_ < 0 || ::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listening_, 16) != 0)
      fail("listening for commands at " + path);
  }
  ControlSocket(const ControlSocket&) = delete;
  ~ControlSocket() {
    for (const auto& [descriptor, text] : clients_) ::close(descriptor);
    ::close(listening_);
    ::unlink(path_.c_str());
  }

  void add_to(std::vector<pollfd>& waiting) const {
    waiting.push_back({listening_, POLLIN, 0});
    for (const auto& [descriptor, text] : clients_) waiting.push_back({descriptor, POLLIN, 0});
  }

  /// Answers what has come. False when it was told to quit.
  bool serve(const pollfd& ready, Internet& internet) {
    if (ready.fd == listening_) {
      const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) clients_.emplace(client, std::string{});
      return true;
    }
    const auto client = clients_.find(ready.fd);
    if (client == clients_.end()) return true;
    std::array<char, 4096> buffer;
    const auto count = ::read(ready.fd, buffer.data(), buffer.size());
    auto& text = client->second;
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (count <= 0 || text.size() > max_command) {
      ::close(ready.fd);
      clients_.erase(client);
      return true;
    }
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      const auto command = nlohmann::json::parse(text.substr(0, end), nullptr, false);
      text.erase(0, end + 1);
      const bool quit = command == nlohmann::json{{"do", "quit"}};
      const auto answer = (quit                     ? nlohmann::json{{"ok", true}}
                           : command.is_discarded() ? nlohmann::json{{"ok", false}, {"error", "that is no JSON"}}
                                                    : internet.perform(command)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
      [[maybe_unused]] const auto sent = ::send(ready.fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      if (quit) return false;
    }
    return true;
  }

 private:
  std::string path_;
  int listening_ = -1;
  std::map<int, std::string> clients_;  // and what came of a line that is not complete
};

timespec until(TimePoint when) {
  const auto left = std::max(when - Clock::now(), Duration::zero());
  const auto whole = std::chrono::floor<std::chrono::seconds>(left);
  return {.tv_sec = whole.count(), .tv_nsec = std::chrono::nanoseconds{left - whole}.count()};
}

void run(Internet& internet, ControlSocket& control) {
  auto& events = internet.events();
  const auto offset = Clock::now() - events.now();  // from the internet's time to the real one
  std::vector<pollfd> waiting;
  while (!told_to_stop) {
    events.run_to(Clock::now() - offset);
    waiting.clear();
    for (const auto& edge : internet.edges()) waiting.push_back({edge.descriptor(), POLLIN, 0});
    control.add_to(waiting);
    const auto next = events.next();
    const auto pause = next ? until(*next + offset) : timespec{.tv_sec = 3600, .tv_nsec = 0};
    if (::ppoll(waiting.data(), waiting.size(), &pause, nullptr) < 0 && errno != EINTR) fail("waiting for packets");
    events.run_to(Clock::now() - offset);
    std::size_t at = 0;
    for (auto& edge : internet.edges())
      if (waiting[at++].revents != 0) edge.pump(turn_packets);
    for (; at < waiting.size(); ++at)
      if (waiting[at].revents != 0 && !control.serve(waiting[at], internet)) return;
  }
}

int main_or_throw(const std::string& control_path) {
  Internet internet{nlohmann::json::parse(std::cin)};
  ControlSocket control{control_path};
  std::cout << R"({"ready":true})" << std::endl;
  run(internet, control);
  return 0;
}

}  // namespace
}  // namespace pshare::natlab

int main(int count, char** arguments) {
  if (count == 2 && std::string_view{arguments[1]} == "--help") {
    std::cout << "natlab-internet --control SOCKET < description.json\n"
                 "Everything between the hosts of a laboratory; tests/natlab/README.md describes the description and the commands.\n";
    return 0;
  }
  if (count != 3 || std::string_view{arguments[1]} != "--control") {
    std::cerr << "usage: natlab-internet --control SOCKET < description.json\n";
    return 2;
  }
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { pshare::natlab::told_to_stop = 1; });
  try {
    return pshare::natlab::main_or_throw(arguments[2]);
  } catch (const std::exception& trouble) {
    std::cerr << "natlab-internet: " << trouble.what() << '\n';
    return 1;
  }
}
