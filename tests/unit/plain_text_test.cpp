// What of a foreign text reaches a terminal.
#include "sidecar/plain_text.hpp"

#include <catch2/catch.hpp>

using namespace essequence;

TEST_CASE("nothing of a foreign text steers the terminal") {
  CHECK(plain("заказы 订单 a\"b\\c") == "заказы 订单 a\"b\\c");
  CHECK(plain("a\x1b[31mb\x7f\n\tc") == "a [31mb   c");
  CHECK(plain("\xc2\x9b"
              "31m") == " 31m");                                  // CSI as one character of C1
  CHECK(plain("a\u202E\u2066\u200F\u061C\u2028z") == "a     z");  // that turn or break the line
  CHECK(plain("a\u0301\u200D") == "a\u0301\u200D");
  CHECK(plain(std::string_view("a\0b", 3)) == "a b");
  CHECK(plain("\xff\xc3(\xe2\x82\xed\xa0\x80\xf5") ==
        "\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("columns are characters, not bytes") {
  CHECK(width("") == 0);
  CHECK(width("äöü") == 3);
  CHECK(cut_to("äöü", 2) == "äö");
  CHECK(cut_to("äöü", 3) == "äöü");
  CHECK(cut_to("äöü", 0).empty());
}
