# shellcheck shell=bash
# Compiling for a machine of another kind, or with an older C library, than this one. It
# brings packages.sh.

. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# The oldest glibc that Rust's own standard library runs with.
glibc=2.17

zig=target/packages/zig

# use_zig MACHINE: makes `cargo zigbuild` and "$CARGO_ZIGBUILD_ZIG_PATH" ready, and sets
# `target`. Fails with a line that says what is lacking.
use_zig() {
    pip_packages release/zig "$zig" "Zig and cargo-zigbuild" "about 100 MB" ||
        lacking "PyPI has no Zig for this machine, which links for others" || return
    PATH=$PWD/$zig/packages/bin:$PATH
    CARGO_ZIGBUILD_ZIG_PATH=$PWD/$zig/packages/ziglang/zig
    # cargo-zigbuild keeps a script for each target there, and Zig what it compiled.
    XDG_CACHE_HOME=$PWD/$zig/cache ZIG_GLOBAL_CACHE_DIR=$PWD/$zig/cache
    PYTHONPATH=$PWD/$zig/packages
    export PATH CARGO_ZIGBUILD_ZIG_PATH XDG_CACHE_HOME ZIG_GLOBAL_CACHE_DIR PYTHONPATH
    # A user's would take the place of ours.
    unset RUSTFLAGS
    target=$1-unknown-linux-gnu
    has_std || add_std ||
        lacking "no standard library for $target: run 'rustup target add $target'"
}

has_std() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]
}

add_std() {
    command -v rustup >/dev/null || return
    say "setup: rustup target add $target (about 30 MB)"
    # As for wasm: with no route to its server, rustup tries for minutes.
    timeout 240 rustup target add "$target" >"$setup_dir/rustup-$target.log" 2>&1 </dev/null &&
        has_std
}

lacking() {
    say "skipped: $*"
    return 77
}
