# shellcheck shell=bash
# What every script here starts from. Source it first: it goes to the root of
# the checkout, so that all other paths are relative to that.
#
# Progress goes to stderr: stdout belongs to the answers (a path, a size).

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

setup_dir=target/setup # logs, the lock, and where things were found
mkdir -p "$setup_dir"

# Under `make -j`, make tells its children of a job server that cargo then
# cannot reach, and cargo warns of it. Cargo does better on its own.
unset MAKEFLAGS MFLAGS CARGO_MAKEFLAGS
# The module has its target, and everything else is for this machine.
unset CARGO_BUILD_TARGET

# rustup puts this on PATH in login shells only, which a CI job often is not.
command -v cargo >/dev/null || PATH=$PATH:${CARGO_HOME:-${HOME:-/root}/.cargo}/bin

say() {
    printf '%s\n' "$*" >&2
}

# first_time FILE MESSAGE: says that something takes long, unless it was done before.
first_time() {
    [ -e "$1" ] || say "$2"
}

die() {
    say "$@"
    exit 1
}

# The target of this machine, as Rust names it.
rust_host() {
    "${RUSTC:-rustc}" -vV | sed -n 's/^host: //p'
}

# A target as cargo writes it in variables.
variable_name() {
    echo "$1" | tr a-z- A-Z_
}

# build_module: compiles the form of the filter that MCP_SHELL names, wasm or native,
# and names it to the rig.
build_module() {
    case ${MCP_SHELL:-wasm} in
    wasm)
        scripts/build >&2
        export MODULE=$PWD/target/mcp_policy_filter.wasm
        ;;
    native)
        scripts/native >&2
        export NATIVE_MODULE=$PWD/target/libmcp_policy_filter.so
        ;;
    *) die "MCP_SHELL is wasm or native, not $MCP_SHELL" ;;
    esac
}

# build_command: compiles the command, which tests run beside Envoy, as scripts/test-cli
# does, and names it to them.
build_command() {
    first_time target/cli/debug/mcp-policy "compiling the command for the first time (three minutes)"
    cargo build -q --locked --manifest-path cli/Cargo.toml --target-dir target/cli
    export MCP_POLICY=$PWD/target/cli/debug/mcp-policy
}

# skips FORM: the arguments by which the tests in Envoy leave out what tests/shells.txt
# does not run with this form of the filter.
skips() {
    awk -v form="$1" '/^e2e::/ && $2 != form { print "--skip"; print substr($1, 6) }' tests/shells.txt
}

# step LOG MESSAGE COMMAND...: one line of progress for a long command. What it
# prints goes to a log, whose end is shown only if the command fails. It has no
# stdin, so it cannot stop to ask.
step() {
    local log=$setup_dir/$1.log
    say "$2"
    shift 2
    if "$@" >"$log" 2>&1 </dev/null; then
        return 0
    fi
    blame "$log"
}

# blame LOG: shows why a long command failed, and fails.
blame() {
    tail -n 15 "$1" | sed 's/^/    /' >&2
    say "setup: that failed; the end of $1 is above"
    return 1
}

# with_lock FUNCTION [ARG...]: two makes may run at once, and must not install
# the same thing at once. FUNCTION runs in a subshell, so it hands on what it
# found in a file. Where there is no flock(1) it runs all the same.
with_lock() (
    if command -v flock >/dev/null; then
        flock 9
    fi
    "$@"
) 9>"$setup_dir/lock"

# can_be_root: whether as_root will work without asking for a password.
can_be_root() {
    [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# can_apt: whether Debian packages can be installed here.
can_apt() {
    command -v apt-get >/dev/null && can_be_root
}

# apt_refresh PACKAGE...: fetches the package lists, if they do not know one of
# these. On a new machine there are none; where there are, this saves a minute.
apt_refresh() {
    local package
    for package; do
        if ! apt-cache show "$package" >/dev/null 2>&1; then
            step apt-update "setup: apt-get update" as_root apt-get -q update
            return
        fi
    done
}

# apt_install PACKAGE...: --no-remove, because a conflict with something the
# user chose (Debian's own rustup, say) has to be theirs to settle.
apt_install() {
    local log=$setup_dir/apt-install.log
    apt_refresh "$@"
    say "setup: installing Debian's packages $*"
    if apt_get_install "$@" >"$log" 2>&1; then
        return
    fi
    # Old lists name versions that the mirror no longer has.
    step apt-update "setup: that failed; apt-get update, and once more" as_root apt-get -q update
    step apt-install "setup: installing Debian's packages $*" apt_get_install "$@"
}

apt_get_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y -o DPkg::Lock::Timeout=120 install \
        --no-install-recommends --no-remove "$@" </dev/null
}
