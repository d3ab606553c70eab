#include "overheard.hpp"

#include "wire/error.hpp"

namespace pshare::hostile {

Overheard::Overheard(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "ab"), &std::fclose), codes_(std::fopen((path + ".codes").c_str(), "ab"), &std::fclose) {
  if (!file_ || !codes_) throw Failure{{.code = Errc::local_io, .doing = "opening " + path}};
}

void Overheard::note(ByteView bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), file_.get());
  std::fflush(file_.get());
}

void Overheard::note_code(DeviceId from, std::string_view verb, std::uint64_t number, ByteView body) {
  std::fprintf(codes_.get(), "%llu %.*s %llu %s\n", static_cast<unsigned long long>(from.number), static_cast<int>(verb.size()), verb.data(),
               static_cast<unsigned long long>(number), hex(body).c_str());
  std::fflush(codes_.get());
}

}  // namespace pshare::hostile
