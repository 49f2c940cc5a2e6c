# shellcheck shell=bash
# Tools that crates.io carries as source, compiled once into target/tools. It
# brings lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

tools=$PWD/target/tools

# cargo_tool PACKAGE VERSION BINARY[,BINARY] TIME: prints the path of the first BINARY,
# after compiling all of them if PACKAGE is not there in that version. TIME is for the
# message.
cargo_tool() {
    if ! has_cargo_tool "$@"; then
        with_lock add_cargo_tool "$@" || return
    fi
    echo "$tools/bin/${3%%,*}"
}

# cargo keeps a record of what it installed, and in which version.
has_cargo_tool() {
    local binary
    for binary in ${3//,/ }; do
        [ -x "$tools/bin/$binary" ] || return
    done
    grep -q "^\"$1 $2 " "$tools/.crates.toml"
}

add_cargo_tool() {
    local log=$setup_dir/$1.log
    # Another make may have done it while this one waited for the lock.
    if has_cargo_tool "$@"; then
        return
    fi
    say "setup: compiling $3 $2 (once, about $4)"
    if ! install_cargo_tool "$@" --locked >"$log" 2>&1; then
        # Its lock file can name a release that a mirror of crates.io does not
        # have yet. Anything else that goes wrong would go wrong again.
        grep -q 'failed to select a version' "$log" || fail_with "$log"
        say "setup: its lock file does not fit this registry; compiling without it"
        install_cargo_tool "$@" >"$log" 2>&1 || fail_with "$log"
    fi
    rm -rf "$tools/build" # half a gigabyte
}

# Leaves with_lock's subshell: bash does not stop at an error in a function that
# is called with ||.
fail_with() {
    blame "$1" || exit 1
}

install_cargo_tool() {
    local binary binaries=()
    for binary in ${3//,/ }; do
        binaries+=(--bin "$binary")
    done
    cargo install "$1" --version "=$2" "${@:5}" \
        --root "$tools" --target-dir "$tools/build" --force "${binaries[@]}" </dev/null
}
