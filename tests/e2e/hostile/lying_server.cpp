// A server that lies. It speaks the real protocol (honest_server.hpp); what it lies about stands at the top of each lies_*.cpp.
//
//   lying_server KEY-FILE LIE OVERHEARD [PORT]     prints the same line as pshare-server, and keeps in OVERHEARD all that it is told in clear
//   lying_server --list
#include <charconv>
#include <cstdio>
#include <string>

#include "lies.hpp"

namespace pshare::hostile {
namespace {

Lies all_lies() {
  Lies all;
  for (auto& some : {lies_about_keys(), lies_in_carrying(), lies_about_places(), lies_about_relays(), lies_about_tickets(), lies_about_codes()}) all.insert(some.begin(), some.end());
  return all;
}

int run(const std::string& key_file, const std::string& lie, const std::string& heard, Port port) {
  const auto lies = all_lies();
  const auto told = lies.find(lie);
  if (told == lies.end()) return 2;
  const auto identity = value_or_throw(Identity::load_or_create(key_file));
  const TlsContext tls{identity};
  Overheard overheard{heard};
  asio::io_context loop{1};
  auto listener = Listener::on(loop.get_executor(), Endpoint{value_or_throw(IpAddress::parse("127.0.0.1")), port});
  std::printf("  pshare init --name YOU --server 127.0.0.1:%u#%s\n", unsigned{listener.port().number}, identity.id().text().c_str());
  std::fflush(stdout);
  const auto server = told->second({loop.get_executor(), identity, tls, overheard});
  asio::co_spawn(loop, server->run(std::move(listener)), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 2 && std::string{argv[1]} == "--list") {
    for (const auto& [name, liar] : all_lies()) std::printf("%s\n", name.c_str());
    return 0;
  }
  if (argc != 4 && argc != 5) return 2;
  std::uint16_t port = 0;
  if (argc == 5) {
    const std::string text = argv[4];
    std::from_chars(text.data(), text.data() + text.size(), port);
  }
  return run(argv[1], argv[2], argv[3], Port{port});
}

}  // namespace
}  // namespace pshare::hostile

int main(int argc, char** argv) {
  try {
    return pshare::hostile::main(argc, argv);
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "lying_server: %s\n", trouble.what());
    return 1;
  }
}
