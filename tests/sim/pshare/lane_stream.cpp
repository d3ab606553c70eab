#include "pshare/lane_stream.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pshare::sim {

namespace {

ByteBuffer payload_of(Content content, std::size_t length) {
  ByteWriter repeated;
  while (repeated.view().size() < length) repeated.u64(content);
  auto payload = repeated.take();
  payload.resize(length);
  return payload;
}

/// What a payload stands for; something else than was sent, if one byte is wrong.
Content content_of(ByteView payload) {
  ByteBuffer first(sizeof(Content));
  std::copy_n(payload.begin(), std::min(payload.size(), first.size()), first.begin());
  const auto content = ByteReader{first}.u64().value();
  return std::ranges::equal(payload, payload_of(content, payload.size())) ? content : ~content;
}

}  // namespace

LaneStream::LaneStream(Host& host, TcpSocket socket, SecuredStream::Role role, const PublicKey& own, SecuredStream::Check check, std::function<void()> ready)
    : stream_(host, std::move(socket), role, own, std::move(check),
              {.ready = std::move(ready),
               .heard =
                   [this](ByteView bytes) {
                     unread_.insert(unread_.end(), bytes.begin(), bytes.end());
                     if (events_ && events_->heard) events_->heard();
                     take();
                   },
               .ended = [this](const Error& why) { end(why); }}) {}

void LaneStream::listen(Events events) {
  events_ = std::make_shared<const Events>(std::move(events));
  take();
  if (ended_) end(*ended_);
}

void LaneStream::send_chunk(const ChunkHeader& header, Content content, std::function<void()> written) {
  assert(header.wire_length >= sizeof(Content));
  stream_.write(encode(LaneMessage{header}));
  stream_.write(payload_of(content, header.wire_length), std::move(written));
}

void LaneStream::close() {
  closed_ = true;
  stream_.close();
}

void LaneStream::take() {
  if (std::exchange(taking_, true)) return;  // the outer call goes on with it
  while (!closed_ && events_ && take_one()) {}
  unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(std::exchange(read_, 0)));
  taking_ = false;
}

bool LaneStream::take_one() {
  const auto events = events_;
  const auto rest = ByteView{unread_}.subspan(read_);
  if (arriving_) {
    if (rest.size() < arriving_->wire_length) return false;
    read_ += arriving_->wire_length;
    const auto content = content_of(rest.first(arriving_->wire_length));
    const auto header = *std::exchange(arriving_, std::nullopt);
    if (events->chunk) events->chunk(header, content);
    return true;
  }
  if (rest.size() < LaneFrameHeader::size) return false;
  const auto header = decode_lane_frame_header(rest.first<LaneFrameHeader::size>());
  if (header && rest.size() < LaneFrameHeader::size + header->length) return false;
  const auto message = header ? decode_lane_message(*header, rest.subspan(LaneFrameHeader::size, header->length)) : Unexpected{header.error()};
  if (!message) {
    close();
    end(message.error());
    return false;
  }
  read_ += LaneFrameHeader::size + header->length;
  if (const auto* chunk = std::get_if<ChunkHeader>(&*message)) arriving_ = *chunk;
  if (events->message) events->message(*message);
  return true;
}

void LaneStream::end(const Error& why) {
  ended_ = why;
  const auto events = events_;
  if (events && events->ended) events->ended(why);
}

}  // namespace pshare::sim
