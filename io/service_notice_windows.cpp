#include "io/service_notice.hpp"

namespace pshare {

bool notify_service_manager(const std::string&, std::string_view) { return false; }

}  // namespace pshare
