# shellcheck shell=bash
# Flags by which a compiled file names its sources alike from any checkout, and tells
# nothing of the machine.

# renamed_paths CARGO TARGET [MANIFEST]: prints flags for rustc, quoted as TOML, since
# a path may have spaces or quotes.
renamed_paths() {
    local cargo=$1 target=$2 manifest=${3:-Cargo.toml} folder sysroot commit
    # The standard library is called so already, but by its path where its
    # sources are installed or it is compiled from them.
    sysroot=$("${RUSTC:-rustc}" --print sysroot)
    commit=$("${RUSTC:-rustc}" -vV | sed -n 's/^commit-hash: //p')
    rename "$sysroot/lib/rustlib/src/rust" "/rustc/$commit"
    # Where cargo keeps packages depends on its home and on its registry.
    "$cargo" metadata --locked --format-version 1 --filter-platform "$target" \
        --manifest-path "$manifest" |
        grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4 |
        xargs -d '\n' dirname -z | xargs -0 dirname | sort -u |
        while IFS= read -r folder; do
            case $folder/ in
            "$PWD"/*) ;;
            *) rename "$folder" /cargo ;;
            esac
        done
    # The last that fits counts, and the checkout may be among other packages.
    rename "$PWD" /mcp-policy-filter
}

rename() {
    printf "'''--remap-path-prefix=%s=%s'''," "$1" "$2"
}
