"""Each public header compiles by itself, as C11 and as C++17."""

import pytest

from compiler import INCLUDE, compile_c

HEADERS = sorted(path.name for path in (INCLUDE / "agora").glob("*.h"))

STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]


@pytest.mark.parametrize("compiler, language", [
    ("gcc", "c11"), ("g++", "c++17")])
@pytest.mark.parametrize("header", HEADERS)
def test_header_compiles_alone_and_twice(header, compiler, language, tmp_path):
    source = tmp_path / ("alone" + (".c" if language == "c11" else ".cc"))
    source.write_text(f"#include <agora/{header}>\n" * 2)
    compile_c(f"-std={language}", *STRICT, f"-I{INCLUDE}", source,
              compiler=compiler)


def test_agora_h_includes_all_others():
    text = (INCLUDE / "agora" / "agora.h").read_text()
    missing = [h for h in HEADERS
               if h != "agora.h" and f"<agora/{h}>" not in text]
    assert not missing


@pytest.mark.parametrize("header", HEADERS)
def test_public_headers_know_nothing_of_the_implementation(header):
    text = (INCLUDE / "agora" / header).read_text()
    assert "_Atomic" not in text and "stdatomic" not in text
    assert '#include "' not in text
