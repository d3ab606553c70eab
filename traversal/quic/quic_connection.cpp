#include "traversal/quic/quic_connection.hpp"

#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "traversal/quic/byte_queue.hpp"
#include "traversal/quic/path_mtu_watch.hpp"
#include "traversal/quic/quic_trouble.hpp"
#include "traversal/quic/socket_address.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

namespace {

// Bytes of our connection IDs: as long as ngtcp2 likes them, and unguessable.
constexpr std::size_t connection_id_size = 18;

// A burst: what the pacer lets go at once, at most what one system call takes (UDP_SEGMENT: 64 datagrams within one IP datagram's 64 KiB).
constexpr std::size_t longest_run = 65000, most_in_run = 64;
constexpr std::size_t longest_datagram = 65527;  // RFC 9000 section 18.2
constexpr std::size_t burst_memory = longest_run + 2048;

/// Anything of this size or more is taken for full by the watch over the path's MTU. QUIC's own least (RFC 9000 section 14).
constexpr std::size_t full_datagram = 1200;

ngtcp2_duration nanoseconds(Duration duration) {
  return static_cast<ngtcp2_duration>(std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count());
}
Duration duration(ngtcp2_duration nanoseconds) { return std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{nanoseconds}); }

const std::uint8_t* in(ByteView bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
std::uint8_t* out(std::byte* bytes) { return reinterpret_cast<std::uint8_t*>(bytes); }

ngtcp2_addr address_of(const SocketAddress& address) {
  return {const_cast<ngtcp2_sockaddr*>(address.data()), address.size()};  // ngtcp2 copies it
}

void fill(std::uint8_t* into, std::size_t size, Random& random) { random.fill(std::as_writable_bytes(std::span{into, size})); }

}  // namespace

struct QuicConnection::State {
  State(QuicRole side, const QuicCredentials& given, const PeerId& pin, const Endpoint& here, const Endpoint& there, Random& source, TimePoint now)
      : role(side), credentials(given), random(source), with(there.text()), local(here), remote(there), last_to(there), tls(side, given, pin, lane_alpn), latest(now), mtu(now) {}
  ~State() { ngtcp2_conn_del(connection); }

  QuicRole role;
  const QuicCredentials& credentials;
  Random& random;
  std::string with;
  SocketAddress local, remote;
  SocketAddress last_to_address;
  Endpoint last_to;
  QuicTls tls;  // goes after the connection
  ngtcp2_conn* connection = nullptr;
  TimePoint latest;  // ngtcp2 aborts if its clock goes backwards
  PathMtuWatch mtu;

  bool established = false, confirmed = false;
  std::optional<Error> trouble;
  std::optional<ngtcp2_ccerr> last_word;  // to be told to the peer; nothing once it is

  std::int64_t stream = -1;
  ByteQueue outgoing, incoming;
  std::uint64_t sent = 0;  // position in outgoing: what lies before has been in a datagram
  bool finishing = false, finish_sent = false, opened = false;
  bool finished_by_peer = false;
  std::vector<ngtcp2_cid> our_ids;

  ngtcp2_tstamp at(TimePoint now) {
    latest = std::max(latest, now);
    return nanoseconds(latest.time_since_epoch());
  }
  ngtcp2_path path(const SocketAddress& from) const { return {address_of(local), address_of(from), nullptr}; }

  void begin(const QuicSettings& settings, TimePoint now, const ngtcp2_pkt_hd* initial);
  void end(Error why) {
    if (!trouble) trouble = std::move(why);
  }
  /// ngtcp2 cannot go on, for this reason.
  void fail(int code);
  void end_with(const ngtcp2_ccerr& word, Error why) {
    if (trouble) return;
    last_word = word;
    end(std::move(why));
  }
  void end_telling(std::uint64_t code, Error why) {
    ngtcp2_ccerr word;
    ngtcp2_ccerr_default(&word);
    ngtcp2_ccerr_set_application_error(&word, code, nullptr, 0);
    end_with(word, std::move(why));
  }
  void open_stream();
  Duration probe_timeout() const { return duration(ngtcp2_conn_get_pto(connection)); }
  bool in_flight() const { return outgoing.begin() < sent; }
  void look_at_mtu();

  static State& of(void* user_data) { return *static_cast<State*>(user_data); }
};

// --- what ngtcp2 calls ------------------------------------------------------------------------------------------------

namespace {

using State = QuicConnection::State;

int handshake_completed(ngtcp2_conn*, void* user_data) {
  auto& state = State::of(user_data);
  state.established = true;
  if (state.role == QuicRole::server) state.confirmed = true;
  return 0;
}

int handshake_confirmed(ngtcp2_conn*, void* user_data) {
  State::of(user_data).confirmed = true;
  return 0;
}

int stream_opened(ngtcp2_conn*, std::int64_t stream, void* user_data) {
  auto& state = State::of(user_data);
  if (state.stream < 0) state.stream = stream;
  return 0;
}

int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t, const std::uint8_t* data, std::size_t size, void* user_data, void*) {
  auto& state = State::of(user_data);
  if (stream != state.stream) return 0;
  state.incoming.append(std::as_bytes(std::span{data, size}));
  if ((flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0) state.finished_by_peer = true;
  return 0;
}

int acknowledged(ngtcp2_conn*, std::int64_t stream, std::uint64_t offset, std::uint64_t size, void* user_data, void*) {
  auto& state = State::of(user_data);
  if (stream != state.stream) return 0;
  state.outgoing.drop_to(offset + size);
  state.mtu.progressed(state.latest);
  return 0;
}

/// Both directions have ended and our end was acknowledged.
int stream_closed(ngtcp2_conn*, std::uint32_t, std::int64_t stream, std::uint64_t, void* user_data, void*) {
  auto& state = State::of(user_data);
  if (stream != state.stream) return 0;
  state.outgoing.drop_to(state.outgoing.end());
  return 0;
}

int stateless_reset_arrived(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset*, void* user_data) {
  auto& state = State::of(user_data);
  state.end({.code = Errc::unreachable, .doing = state.with + " has forgotten the QUIC lane: pshare was restarted there"});
  return 0;
}

void give_random(std::uint8_t* into, std::size_t size, const ngtcp2_rand_ctx* context) { fill(into, size, *static_cast<Random*>(context->native_handle)); }

int new_connection_id(ngtcp2_conn*, ngtcp2_cid* id, std::uint8_t* token, std::size_t size, void* user_data) {
  auto& state = State::of(user_data);
  id->datalen = size;
  fill(id->data, size, state.random);
  const auto secret = state.credentials.reset_secret().reveal();
  if (ngtcp2_crypto_generate_stateless_reset_token(token, in(secret), secret.size(), id) != 0) return NGTCP2_ERR_CALLBACK_FAILURE;
  state.our_ids.push_back(*id);
  return 0;
}

int connection_id_retired(ngtcp2_conn*, const ngtcp2_cid* id, void* user_data) {
  std::erase_if(State::of(user_data).our_ids, [&](const ngtcp2_cid& each) { return ngtcp2_cid_eq(&each, id) != 0; });
  return 0;
}

ngtcp2_callbacks callbacks(QuicRole role) {
  ngtcp2_callbacks all{};
  if (role == QuicRole::client) {
    all.client_initial = ngtcp2_crypto_client_initial_cb;
    all.recv_retry = ngtcp2_crypto_recv_retry_cb;
  } else {
    all.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  }
  all.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  all.encrypt = ngtcp2_crypto_encrypt_cb;
  all.decrypt = ngtcp2_crypto_decrypt_cb;
  all.hp_mask = ngtcp2_crypto_hp_mask_cb;
  all.update_key = ngtcp2_crypto_update_key_cb;
  all.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  all.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  all.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
  all.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
  all.rand = give_random;
  all.get_new_connection_id = new_connection_id;
  all.remove_connection_id = connection_id_retired;
  all.handshake_completed = handshake_completed;
  all.handshake_confirmed = handshake_confirmed;
  all.stream_open = stream_opened;
  all.recv_stream_data = stream_data;
  all.acked_stream_data_offset = acknowledged;
  all.stream_close = stream_closed;
  all.recv_stateless_reset = stateless_reset_arrived;
  return all;
}

}  // namespace

// --- beginning --------------------------------------------------------------------------------------------------------

void QuicConnection::State::begin(const QuicSettings& settings, TimePoint now, const ngtcp2_pkt_hd* initial) {
  ngtcp2_settings wanted;
  ngtcp2_settings_default(&wanted);
  wanted.cc_algo = settings.congestion_control == CongestionControl::bbr ? NGTCP2_CC_ALGO_BBR : NGTCP2_CC_ALGO_CUBIC;
  wanted.initial_ts = at(now);
  wanted.initial_rtt = nanoseconds(settings.rtt);
  wanted.handshake_timeout = nanoseconds(settings.patience);
  wanted.max_window = quic_largest_window;
  wanted.max_stream_window = quic_largest_window;
  wanted.rand_ctx.native_handle = &random;
  wanted.no_pmtud = settings.path_mtu_search == PathMtuSearch::off ? 1 : 0;

  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_data = quic_first_window;
  parameters.initial_max_stream_data_bidi_local = quic_first_window;
  parameters.initial_max_stream_data_bidi_remote = quic_first_window;
  parameters.initial_max_streams_bidi = role == QuicRole::server ? 1 : 0;
  parameters.initial_max_streams_uni = 0;
  parameters.max_idle_timeout = nanoseconds(settings.idle());
  parameters.max_udp_payload_size = longest_datagram;
  parameters.active_connection_id_limit = 7;
  parameters.grease_quic_bit = 0;  // the fixed bit is how STUN and QUIC are told apart (RFC 9443)

  ngtcp2_cid ours{};
  ours.datalen = connection_id_size;
  fill(ours.data, ours.datalen, random);
  our_ids.push_back(ours);
  const auto first_path = path(remote);
  const auto all = callbacks(role);
  int result = 0;
  if (initial == nullptr) {
    ngtcp2_cid theirs{};
    theirs.datalen = connection_id_size;
    fill(theirs.data, theirs.datalen, random);
    result = ngtcp2_conn_client_new(&connection, &theirs, &ours, &first_path, NGTCP2_PROTO_VER_V1, &all, &wanted, &parameters, nullptr, this);
  } else {
    parameters.original_dcid = initial->dcid;
    parameters.original_dcid_present = 1;
    const auto secret = credentials.reset_secret().reveal();
    parameters.stateless_reset_token_present = 1;
    ngtcp2_crypto_generate_stateless_reset_token(parameters.stateless_reset_token, in(secret), secret.size(), &ours);
    result = ngtcp2_conn_server_new(&connection, &initial->scid, &ours, &first_path, initial->version, &all, &wanted, &parameters, nullptr, this);
  }
  if (result != 0) throw Failure{{.code = Errc::failed, .doing = std::string{"beginning QUIC ("} + ngtcp2_strerror(result) + ")"}};
  ngtcp2_conn_set_keep_alive_timeout(connection, nanoseconds(settings.keep_alive()));
  tls.drive(connection);
}

QuicConnection::QuicConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
QuicConnection::~QuicConnection() = default;

std::unique_ptr<QuicConnection> QuicConnection::connect(const QuicCredentials& credentials, const PeerId& pin, const Endpoint& local, const Endpoint& remote,
                                                        const QuicSettings& settings, Random& random, TimePoint now) {
  auto state = std::make_unique<State>(QuicRole::client, credentials, pin, local, remote, random, now);
  state->begin(settings, now, nullptr);
  return std::unique_ptr<QuicConnection>{new QuicConnection{std::move(state)}};
}

std::unique_ptr<QuicConnection> QuicConnection::answer(ByteView first, const QuicCredentials& credentials, const PeerId& pin, const Endpoint& local,
                                                       const Endpoint& remote, const QuicSettings& settings, Random& random, TimePoint now) {
  ngtcp2_pkt_hd initial{};
  if (first.empty() || ngtcp2_accept(&initial, in(first), first.size()) != 0) return nullptr;
  if (initial.version != NGTCP2_PROTO_VER_V1) return nullptr;
  auto state = std::make_unique<State>(QuicRole::server, credentials, pin, local, remote, random, now);
  state->begin(settings, now, &initial);
  return std::unique_ptr<QuicConnection>{new QuicConnection{std::move(state)}};
}

// --- in ---------------------------------------------------------------------------------------------------------------

void QuicConnection::State::fail(int code) {
  if (trouble) return;
  ngtcp2_ccerr word;
  ngtcp2_ccerr_default(&word);
  switch (code) {
    case NGTCP2_ERR_DRAINING: return end(quic_ended_by_peer(*ngtcp2_conn_get_ccerr(connection), with));
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION: return end(quic_trouble(code, established, with));
    case NGTCP2_ERR_CRYPTO:
      ngtcp2_ccerr_set_tls_alert(&word, ngtcp2_conn_get_tls_alert(connection), nullptr, 0);
      break;
    default: ngtcp2_ccerr_set_liberr(&word, code, nullptr, 0); break;
  }
  auto why = quic_trouble(code, established, with);
  // NOLINTNEXTLINE: TLS alert numbers of RFC 8446 section 6
  constexpr int bad_certificate = 42, certificate_required = 116, no_application_protocol = 120;
  if (code == NGTCP2_ERR_CRYPTO) {
    switch (ngtcp2_conn_get_tls_alert(connection)) {
      case bad_certificate:
        why.code = Errc::identity_mismatch;
        why.doing = "connecting over QUIC to " + with + ": the key at the other end" +
                    (tls.shown() ? ", " + tls.shown()->text() + ", is not the expected one" : " cannot be read");
        break;
      case certificate_required:
        why.code = Errc::identity_mismatch;
        why.doing = "connecting over QUIC to " + with + ": the other side shows no key";
        break;
      case no_application_protocol:
        why.code = Errc::version;
        why.doing = "connecting over QUIC to " + with + ": the other side speaks no protocol of ours";
        break;
      default: break;
    }
  }
  end_with(word, std::move(why));
}

void QuicConnection::receive(const Endpoint& from, ByteView datagram, std::uint8_t ecn, TimePoint now) {
  auto& state = *state_;
  if (state.trouble || datagram.empty()) return;
  const SocketAddress address{from};
  const auto path = state.path(address);
  const ngtcp2_pkt_info info{ecn};
  const auto stamp = state.at(now);
  const int result = ngtcp2_conn_read_pkt(state.connection, &path, &info, in(datagram), datagram.size(), stamp);
  state.mtu.arrived(state.latest);
  if (result == 0) return state.look_at_mtu();
  state.fail(result);
}

void QuicConnection::expire(TimePoint now) {
  auto& state = *state_;
  if (state.trouble) return;
  const auto stamp = state.at(now);
  if (ngtcp2_conn_get_expiry(state.connection) > stamp) return;
  if (const int result = ngtcp2_conn_handle_expiry(state.connection, stamp); result != 0) state.fail(result);
}

std::optional<TimePoint> QuicConnection::deadline() const {
  const auto& state = *state_;
  if (state.trouble) return std::nullopt;
  const auto expiry = ngtcp2_conn_get_expiry(state.connection);
  return expiry == UINT64_MAX ? std::nullopt : std::optional{TimePoint{duration(expiry)}};
}

void QuicConnection::State::look_at_mtu() {
  if (trouble || !established) return;
  if (!in_flight()) return mtu.progressed(latest);
  if (!mtu.suspects(probe_timeout(), latest)) return;
  end_telling(quic_path_mtu_fell, quic_path_too_narrow(with));
}

void QuicConnection::too_long(TimePoint now) {
  auto& state = *state_;
  state.at(now);
  state.end_telling(quic_path_mtu_fell, quic_path_too_narrow(state.with));
}

// --- out --------------------------------------------------------------------------------------------------------------

void QuicConnection::State::open_stream() {
  if (stream >= 0 || role == QuicRole::server || !established) return;
  if (ngtcp2_conn_open_bidi_stream(connection, &stream, nullptr) != 0) stream = -1;  // the peer allows none yet
}

void QuicConnection::write(QuicBurst& burst, TimePoint now) {
  auto& state = *state_;
  burst.runs.clear();
  if (!burst.memory) burst.memory = std::make_unique_for_overwrite<std::byte[]>(burst_memory);
  auto* const memory = burst.memory.get();
  const auto stamp = state.at(now);
  std::size_t used = 0;
  ngtcp2_path_storage to;
  ngtcp2_path_storage_zero(&to);
  ngtcp2_pkt_info info{};

  const auto add = [&](std::size_t size) {
    const auto path_max = ngtcp2_conn_get_path_max_tx_udp_payload_size(state.connection);
    if (to.path.remote.addrlen != state.last_to_address.size() || std::memcmp(to.path.remote.addr, state.last_to_address.data(), to.path.remote.addrlen) != 0) {
      std::memcpy(state.last_to_address.data(), to.path.remote.addr, to.path.remote.addrlen);
      state.last_to = state.last_to_address.endpoint().value_or(state.last_to);
    }
    if (size >= full_datagram && state.in_flight()) state.mtu.sent_full(state.latest);
    const bool probe = size > path_max;
    if (!burst.runs.empty() && !probe) {
      auto& run = burst.runs.back();
      const bool whole = run.bytes.size() % run.segment == 0;
      if (!run.probe && whole && size <= run.segment && run.ecn == info.ecn && run.to == state.last_to && run.bytes.size() < run.segment * most_in_run &&
          run.bytes.size() + size <= longest_run) {
        run.bytes = {run.bytes.data(), run.bytes.size() + size};
        used += size;
        return;
      }
    }
    burst.runs.push_back({.to = state.last_to, .ecn = info.ecn, .segment = size, .bytes = {memory + used, size}, .probe = probe});
    used += size;
  };

  if (state.trouble) {
    if (!state.last_word) return;
    const auto word = *std::exchange(state.last_word, std::nullopt);
    const auto size = ngtcp2_conn_write_connection_close(state.connection, &to.path, &info, out(memory), burst_memory, &word, stamp);
    if (size > 0) add(static_cast<std::size_t>(size));
    return;
  }

  state.open_stream();
  bool blocked = false;
  const auto quantum = std::min(ngtcp2_conn_get_send_quantum(state.connection), longest_run);
  for (;;) {
    const auto room = std::max<std::size_t>(ngtcp2_conn_get_max_tx_udp_payload_size(state.connection), full_datagram);
    if (used > 0 && (used + room > burst_memory || used >= quantum)) break;

    std::array<ngtcp2_vec, 2> pieces{};
    std::size_t count = 0;
    std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE;
    std::int64_t stream = -1;
    if (state.stream >= 0 && !blocked && !state.finish_sent) {
      auto at = state.sent;
      while (count < pieces.size()) {
        const auto piece = state.outgoing.at(at);
        if (piece.empty()) break;
        pieces[count++] = {const_cast<std::uint8_t*>(in(piece)), piece.size()};  // ngtcp2 only reads it
        at += piece.size();
      }
      const bool last = state.finishing && at == state.outgoing.end();
      if (last) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
      if (count > 0 || last || (!state.opened && state.role == QuicRole::client)) stream = state.stream;
    }
    ngtcp2_ssize taken = -1;
    const auto size = ngtcp2_conn_writev_stream(state.connection, &to.path, &info, out(memory + used), room, &taken, flags, stream, pieces.data(), count, stamp);
    if (taken >= 0 && stream >= 0) {
      state.opened = true;
      state.sent += static_cast<std::uint64_t>(taken);
      if ((flags & NGTCP2_WRITE_STREAM_FLAG_FIN) != 0 && state.sent == state.outgoing.end()) state.finish_sent = true;
    }
    if (size == NGTCP2_ERR_WRITE_MORE) continue;
    if (size == NGTCP2_ERR_STREAM_DATA_BLOCKED) {
      blocked = true;
      continue;
    }
    if (size == NGTCP2_ERR_STREAM_SHUT_WR || size == NGTCP2_ERR_STREAM_NOT_FOUND) {  // closed both ways already
      state.finish_sent = true;
      continue;
    }
    if (size < 0) {
      state.fail(static_cast<int>(size));
      if (!burst.runs.empty()) return;
      return write(burst, now);  // the word to the peer
    }
    if (size == 0) break;
    add(static_cast<std::size_t>(size));
  }
  ngtcp2_conn_update_pkt_tx_time(state.connection, stamp);
}

// --- the stream -------------------------------------------------------------------------------------------------------

bool QuicConnection::may_write() const { return state_->established && !state_->trouble; }
bool QuicConnection::confirmed() const { return state_->confirmed; }
const std::optional<Error>& QuicConnection::trouble() const { return state_->trouble; }

void QuicConnection::send(ByteView bytes) { state_->outgoing.append(bytes); }
std::uint64_t QuicConnection::unsent() const { return state_->outgoing.end() - state_->sent; }
std::uint64_t QuicConnection::unacknowledged() const { return state_->outgoing.size(); }
void QuicConnection::finish() { state_->finishing = true; }

std::size_t QuicConnection::read(std::span<std::byte> into) {
  auto& state = *state_;
  const auto count = state.incoming.take(into);
  if (count > 0 && !state.trouble) {
    ngtcp2_conn_extend_max_stream_offset(state.connection, state.stream, count);
    ngtcp2_conn_extend_max_offset(state.connection, count);
  }
  return count;
}

std::uint64_t QuicConnection::readable() const { return state_->incoming.size(); }
bool QuicConnection::finished_by_peer() const { return state_->finished_by_peer && state_->incoming.size() == 0; }

void QuicConnection::close(TimePoint now) {
  auto& state = *state_;
  state.at(now);
  state.end_telling(quic_closed_in_order, {.code = Errc::closed, .doing = "the lane with " + state.with + " was closed"});
}

bool QuicConnection::recognises(ByteView datagram) const {
  if (datagram.empty()) return false;
  ngtcp2_version_cid found{};
  if (ngtcp2_pkt_decode_version_cid(&found, in(datagram), datagram.size(), connection_id_size) != 0) return false;
  return std::any_of(state_->our_ids.begin(), state_->our_ids.end(),
                     [&](const ngtcp2_cid& each) { return each.datalen == found.dcidlen && std::memcmp(each.data, found.dcid, found.dcidlen) == 0; });
}

bool path_mtu_fell(const Error& error) { return error.code == Errc::unreachable && error.cause == std::errc::message_size; }

std::optional<ByteBuffer> stateless_reset(ByteView datagram, const Secret<32>& reset_secret, Random& random) {
  constexpr std::byte long_header{0x80};
  constexpr std::size_t most_random = 24;
  // Shorter than what it answers, so that two who forgot do not answer each other for ever (RFC 9000 section 10.3.3).
  constexpr std::size_t least = NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN + 1;
  if (datagram.size() < std::max(least, 1 + connection_id_size) || (datagram.front() & long_header) != std::byte{0}) return std::nullopt;
  ngtcp2_cid id{};
  ngtcp2_cid_init(&id, in(datagram.subspan(1)), connection_id_size);
  std::array<std::uint8_t, NGTCP2_STATELESS_RESET_TOKENLEN> token{};
  const auto secret = reset_secret.reveal();
  if (ngtcp2_crypto_generate_stateless_reset_token(token.data(), in(secret), secret.size(), &id) != 0) return std::nullopt;
  std::array<std::uint8_t, most_random> noise{};
  const auto count = std::min(most_random, datagram.size() - 1 - token.size());
  fill(noise.data(), count, random);
  ByteBuffer answer(count + token.size());
  const auto size = ngtcp2_pkt_write_stateless_reset(out(answer.data()), answer.size(), token.data(), noise.data(), count);
  if (size <= 0) return std::nullopt;
  answer.resize(static_cast<std::size_t>(size));
  return answer;
}

}  // namespace pshare
