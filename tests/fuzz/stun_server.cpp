// Fuzzes the STUN server: whatever it is asked, an answer is a readable answer to that question, no longer than it, from an endpoint of ours to the
// address that asked.
#include <cstdint>
#include <cstdlib>

#include "relay/stun_server.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  static const auto v4 = std::pair{*IpAddress::parse("203.0.113.1"), *IpAddress::parse("203.0.113.2")};
  static const auto v6 = std::pair{*IpAddress::parse("2001:db8::1"), *IpAddress::parse("2001:db8::2")};
  static const StunServer servers[] = {
      StunServer{{.port = Port{4700}, .alternate_port = Port{4701}, .addresses = v4, .software = "pshare-server"}},
      StunServer{{.port = Port{4700}, .alternate_port = Port{4701}, .addresses = v6}},
      StunServer{{.port = Port{4700}, .alternate_port = Port{4701}}},
  };
  const auto question = std::as_bytes(std::span{data, size});
  for (const auto* addresses : {&v4, &v6})
    for (const auto& server : servers)
      for (const Endpoint& at : {Endpoint{addresses->first, Port{4700}}, Endpoint{addresses->second, Port{4701}}}) {
        const Endpoint from{addresses->second, Port{50'000}};
        const auto answer = server.answer(question, from, at);
        if (!answer) continue;
        if (answer->bytes.size() > size) std::abort();
        const auto asked = decode_stun(question), read = decode_stun(answer->bytes);
        if (!asked || !read || read->message.id != asked->message.id || read->message.cookie != asked->message.cookie) std::abort();
        if (read->message.kind != StunClass::success && read->message.kind != StunClass::error) std::abort();
        if (answer->to.address != from.address || answer->to.port.number == 0) std::abort();
        if (answer->from.address != addresses->first && answer->from.address != addresses->second) std::abort();
        if (answer->from.port != Port{4700} && answer->from.port != Port{4701}) std::abort();
      }
  return 0;
}
