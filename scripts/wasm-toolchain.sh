# shellcheck shell=bash
# Which cargo compiles for WebAssembly, and with which flags. It brings lib.sh.
# Call `use_wasm_toolchain TARGET`; then `"$wasm_cargo" build ...` compiles for
# TARGET, into $CARGO_TARGET_DIR.
#
# There are two ways, tried in this order:
#   installed  the Rust on PATH has the target's standard library, or rustup
#              adds it.
#   debian     Debian's packages of a current Rust, with the standard library
#              compiled from source. For machines that reach a Debian mirror
#              but not rustup's server.
#
# MPF_WASM_TOOLCHAIN=debian takes the second way even where the first works,
# which is how it is tested.

# wasm_cargo is for who sources this.
# shellcheck disable=SC2034

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

debian_rustc=/usr/bin/rustc
debian_cargo=/usr/bin/cargo

# The linker of the Debian way. The file's being there also says that this way
# was taken, so that a rustup which cannot reach its server is not asked again.
debian_linker_file=$setup_dir/wasm-ld

# use_wasm_toolchain TARGET: finds or installs a toolchain, and exports what
# cargo has to know. All of it is environment, so any cargo command works.
use_wasm_toolchain() {
    local way
    case $1 in
    wasm32-wasip1 | wasm32-unknown-unknown) ;;
    *) die "setup: unknown target '$1': wasm32-wasip1 or wasm32-unknown-unknown" ;;
    esac
    if ! way=$(find_wasm_toolchain "$1"); then
        with_lock add_wasm_toolchain "$1"
        way=$(find_wasm_toolchain "$1") ||
            die "setup: was installed, but there is still no Rust for $1; see $setup_dir/*.log"
    fi
    export CARGO_BUILD_TARGET=$1
    # Cargo would take RUSTFLAGS instead of the flags in .cargo/config.toml; the
    # target's own variable it takes beside them.
    target_flags=${RUSTFLAGS:-}
    unset RUSTFLAGS
    "use_$way" "$1"
    export "CARGO_TARGET_$(variable_name "$1")_RUSTFLAGS=$target_flags"
}

# Prints the way that is ready to use; fails if there is none. Asked on every
# run, since a toolchain can vanish between two.
find_wasm_toolchain() {
    if [ "${MPF_WASM_TOOLCHAIN:-}" != debian ] && has_installed_std "$1"; then
        echo installed
    elif has_debian_rust; then
        echo debian
    else
        return 1
    fi
}

has_installed_std() {
    local sysroot
    sysroot=$(rustc --print sysroot 2>/dev/null) && [ -d "$sysroot/lib/rustlib/$1/lib" ]
}

has_debian_rust() {
    local linker sysroot
    linker=$(cat "$debian_linker_file" 2>/dev/null) && [ -x "$linker" ] &&
        [ -x "$debian_cargo" ] && [ -d /usr/lib/wasm32-wasi ] &&
        sysroot=$("$debian_rustc" --print sysroot 2>/dev/null) &&
        [ -d "$sysroot/lib/rustlib/src/rust/library/std" ] && is_debian_rust_new
}

# Whether Debian's Rust is one that Cargo.toml takes.
is_debian_rust_new() {
    local has
    has=$("$debian_rustc" --version 2>/dev/null | cut -d ' ' -f 2)
    printf '%s\n' "$(needed_rust)" "$has" | sort -V -C
}

needed_rust() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

use_installed() {
    wasm_cargo=cargo
    export CARGO_TARGET_DIR=$PWD/target/wasm
}

use_debian() {
    wasm_cargo=$debian_cargo
    export CARGO_TARGET_DIR=$PWD/target/wasm-debian
    # cargo would otherwise call rustup's rustc, which does not see Debian's
    # sources of the standard library.
    export RUSTC=$debian_rustc RUSTDOC=/usr/bin/rustdoc
    # Compiling the standard library is not a stable feature of cargo.
    export RUSTC_BOOTSTRAP=1 CARGO_UNSTABLE_BUILD_STD=std,panic_abort
    export "CARGO_TARGET_$(variable_name "$1")_LINKER=$(cat "$debian_linker_file")"
    if [ "$1" = wasm32-wasip1 ]; then
        # Debian's Rust does not bring a C library for WASI.
        target_flags+=" -C link-self-contained=no -L /usr/lib/wasm32-wasi"
    fi
}

add_wasm_toolchain() {
    # Another make may have done it while this one waited for the lock.
    if find_wasm_toolchain "$1" >/dev/null; then
        return
    fi
    if [ "${MPF_WASM_TOOLCHAIN:-}" != debian ] && command -v rustup >/dev/null; then
        if add_with_rustup "$1"; then
            return
        fi
        say "setup: rustup cannot (see $setup_dir/rustup.log); trying Debian's packages"
    fi
    add_from_debian "$1"
}

add_with_rustup() {
    say "setup: rustup target add $1 (about 20 MB)"
    # rustup repeats a download that fails: with no route to its server that
    # takes minutes, so there has to be an end.
    timeout 240 rustup target add "$1" >"$setup_dir/rustup.log" 2>&1 </dev/null &&
        has_installed_std "$1"
}

add_from_debian() {
    local packages=(rustc-web cargo-web rust-web-src wasi-libc)
    local missing="setup: no Rust $(needed_rust) or later for $1: run 'rustup target add $1', or as root"
    missing+=" 'apt-get install --no-install-recommends ${packages[*]} $(newest_lld)'"
    if can_apt; then
        apt_refresh "${packages[@]}"
        apt_install "${packages[@]}" "$(newest_lld)"
        # Old lists name an old Rust, where newer ones come as security updates.
        if ! is_debian_rust_new; then
            step apt-update "setup: Debian's Rust is older than $(needed_rust) here; apt-get update" \
                as_root apt-get -q update
            apt_install "${packages[@]}" "$(newest_lld)"
        fi
    fi
    # Without root too: an administrator may have installed them.
    newest_wasm_ld >"$debian_linker_file"
    has_debian_rust || die "$missing"
}

# The LLVM versions that Debian carries come and go: the newest has to do.
newest_lld() {
    local newest
    newest=$(apt-cache search --names-only '^lld-[0-9]+$' 2>/dev/null |
        cut -d ' ' -f 1 | sort -V | tail -n 1) || true
    echo "${newest:-lld}"
}

newest_wasm_ld() {
    local linkers=(/usr/lib/llvm-*/bin/wasm-ld)
    printf '%s\n' "${linkers[@]}" | sort -V | tail -n 1
}
