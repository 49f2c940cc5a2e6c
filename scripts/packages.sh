# shellcheck shell=bash
# Packages from npm and PyPI as a committed list pins them, in a directory of
# their own under target/. It brings pypi.sh.
#
# These are called in conditions, where `set -e` means nothing: hence every `||`
# and `&&`.

. "$(dirname "${BASH_SOURCE[0]}")/pypi.sh"

# npm_packages SOURCE DIRECTORY NODE NAME SIZE: those of SOURCE's lock file, which
# has checksums and, to suit any registry, no addresses. Nothing of theirs is run.
npm_packages() {
    local source=$1 directory=$2 node=$3 npm=npm cli
    is_current "$source/package-lock.json" "$directory" && return
    [ -n "$node" ] || return
    # The `npm` beside PyPI's Node.js was a link, which its package broke.
    cli=$(dirname "$node")/../lib/node_modules/npm/bin/npm-cli.js
    [ ! -e "$cli" ] || npm=("$node" "$cli")
    fresh "$directory" "$source"/package{,-lock}.json &&
        step "npm-${directory##*/}" "setup: installing $4 from npm ($5)" \
            "${npm[@]}" ci --prefix "$directory" \
            --ignore-scripts --no-audit --no-fund --cache "$directory/cache" &&
        rm -rf "$directory/cache" &&
        cp "$directory/package-lock.json" "$directory/complete"
}

# pip_packages SOURCE DIRECTORY NAME SIZE: those of SOURCE's requirements.txt.
pip_packages() {
    local source=$1 directory=$2
    is_current "$source/requirements.txt" "$directory" && return
    add_venv &&
        fresh "$directory" "$source/requirements.txt" &&
        step "pip-${directory##*/}" "setup: installing $3 from PyPI ($4)" \
            "$venv/bin/python" -m pip install --no-input --no-cache-dir \
            --disable-pip-version-check --target "$directory/packages" \
            -r "$directory/requirements.txt" &&
        cp "$directory/requirements.txt" "$directory/complete"
}

# Whether the packages in a directory are those of the committed list.
is_current() {
    cmp -s "$1" "$2/complete"
}

# fresh DIRECTORY FILE...: an empty directory with these files.
fresh() {
    rm -rf "$1" && mkdir -p "$1" && cp "${@:2}" "$1"
}
