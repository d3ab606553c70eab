#include "traversal/quic/quic_trouble.hpp"

#include <ngtcp2/ngtcp2.h>

namespace pshare {

namespace {

// RFC 9001 section 4.8: a TLS alert is an error code of this range; RFC 8446 section 6 numbers the alerts.
constexpr std::uint64_t first_alert = 0x100, last_alert = 0x1FF;
constexpr std::uint64_t no_application_protocol = first_alert + 120, protocol_version = first_alert + 70;

std::string spoken(const ngtcp2_ccerr& said) {
  return "code " + std::to_string(said.error_code);
}

}  // namespace

Error quic_path_too_narrow(const std::string& with) {
  return {.code = Errc::unreachable,
          .doing = "the QUIC lane with " + with + ": its path lets long datagrams through no longer",
          .cause = std::make_error_code(std::errc::message_size)};
}

Error quic_trouble(int code, bool established, const std::string& with) {
  const std::string doing = (established ? "the QUIC lane with " : "connecting over QUIC to ") + with;
  switch (code) {
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT: return {.code = Errc::timed_out, .doing = doing + ": no answer"};
    case NGTCP2_ERR_IDLE_CLOSE: return {.code = Errc::timed_out, .doing = doing + " has fallen silent"};
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
    case NGTCP2_ERR_VERSION_NEGOTIATION_FAILURE: return {.code = Errc::version, .doing = doing + ": the other side speaks another version of QUIC"};
    case NGTCP2_ERR_CRYPTO: return {.code = Errc::malformed, .doing = doing + ": the TLS handshake failed"};
    default: return {.code = established ? Errc::unreachable : Errc::malformed, .doing = doing + " (" + ngtcp2_strerror(code) + ")"};
  }
}

Error quic_ended_by_peer(const ngtcp2_ccerr& said, const std::string& with) {
  if (said.type == NGTCP2_CCERR_TYPE_APPLICATION && said.error_code == quic_closed_in_order) return {.code = Errc::closed, .doing = with + " closed the lane"};
  if (said.type == NGTCP2_CCERR_TYPE_APPLICATION && said.error_code == quic_path_mtu_fell) return quic_path_too_narrow(with);
  if (said.type == NGTCP2_CCERR_TYPE_APPLICATION) return {.code = Errc::unreachable, .doing = with + " broke off the QUIC lane (" + spoken(said) + ")"};
  if (said.error_code == no_application_protocol || said.error_code == protocol_version)
    return {.code = Errc::version, .doing = "connecting over QUIC to " + with + ": the other side speaks no protocol of ours"};
  if (said.error_code >= first_alert && said.error_code <= last_alert)
    return {.code = Errc::identity_mismatch, .doing = "connecting over QUIC to " + with + ": the other side does not accept our key"};
  return {.code = Errc::unreachable, .doing = with + " broke off the QUIC lane (" + spoken(said) + ")"};
}

}  // namespace pshare
