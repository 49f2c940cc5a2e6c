# shellcheck shell=bash
# Flags by which rustc uses a profile, of what calls take of a module: release/tune. It
# knows each function by a name that scripts/rustc-anywhere keeps the same in every
# checkout.

# The Rust that a profile is of. Another one writes other names, or cannot read it.
profile_rust() {
    "${RUSTC:-rustc}" -vV | awk '/^release: / { rust = $2 } /^LLVM version: / { print "rustc " rust ", LLVM " $3 }'
}

# profile_flags wasm|native: prints flags for rustc, quoted as TOML, since a path may have
# spaces or quotes; none where the profile is of another Rust.
profile_flags() {
    if [ "# $(profile_rust)" = "$(head -n 1 release/tune/ways.txt)" ]; then
        toml_flags -Csymbol-mangling-version=v0 "-Cprofile-use=$PWD/release/tune/$1.profdata" \
            "-Cllvm-args=$(profile_passes "$1") -no-pgo-warn-mismatch$(profile_layout "$1")"
    fi
}

# profile_layout wasm|native: LLVM's arguments for code that has been compiled. What no call
# took of a function is put apart, so that calls run through fewer pages of memory.
profile_layout() {
    case $1 in
    wasm) ;;
    native) echo " -enable-split-machine-functions" ;;
    esac
}

# profile_passes wasm|native: LLVM's arguments, alike where calls are counted and where
# the counts are used. The values of arguments are not counted. In the wasm module, what
# is not known to be called often is hardly inlined, and a call that is not made never: V8
# compiles all of it at each start of Envoy. These come behind those of
# .cargo/config.toml, and the last one counts.
profile_passes() {
    local cold="-inline-cold-callsite-threshold=0 -inlinecold-threshold=0"
    case $1 in
    wasm) echo "-disable-vp -preinline-threshold=20 -inline-threshold=10 -inlinehint-threshold=100 $cold" ;;
    native) echo "-disable-vp" ;;
    esac
}

# keep_rustflags HOST: has cargo take the user's RUSTFLAGS beside ours. It takes flags
# from one place alone, but those of a target from two.
keep_rustflags() {
    local variable
    variable=CARGO_TARGET_$(variable_name "$1")_RUSTFLAGS
    export "$variable=${!variable:-} ${RUSTFLAGS:-}"
    unset RUSTFLAGS
}

toml_flags() {
    printf "'''%s'''," "$@"
}
