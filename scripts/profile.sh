# shellcheck shell=bash
# How rustc compiles by what calls take of a module: release/tune. It knows each function
# by a name that scripts/rustc-anywhere keeps the same in every checkout.

# The Rust that a profile is of. Another one writes other names, or cannot read it.
profile_rust() {
    "${RUSTC:-rustc}" -vV | awk '/^release: / { rust = $2 } /^LLVM version: / { print "rustc " rust ", LLVM " $3 }'
}

# profile_flags wasm|native: prints flags for rustc, quoted as TOML, since a path may have
# spaces or quotes; none where the profile is of another Rust.
profile_flags() {
    if [ "# $(profile_rust)" = "$(head -n 1 release/tune/ways.txt)" ]; then
        toml_flags -Csymbol-mangling-version=v0 "-Cprofile-use=$PWD/release/tune/$1.profdata" \
            "-Cllvm-args=$(profile_passes "$1") -no-pgo-warn-mismatch"
    fi
}

# profile_passes wasm|native: LLVM's arguments, alike where calls are counted and where
# the counts are used. In the module, a call that is not made is not inlined: its code
# would be compiled at each start of Envoy.
profile_passes() {
    case $1 in
    wasm) echo "-preinline-threshold=20 -inline-cold-callsite-threshold=0 -inlinecold-threshold=0" ;;
    native) echo "-preinline-threshold=75" ;;
    esac
}

toml_flags() {
    printf "'''%s'''," "$@"
}
