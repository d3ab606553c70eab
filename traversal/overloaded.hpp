// One function object out of several, for std::visit: a case for each alternative of a variant, and a forgotten one does not compile.
#pragma once

namespace pshare {

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;  // C++20 needs none, but clang 14 does

}  // namespace pshare
