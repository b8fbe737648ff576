# What tests/deb and tests/recipes share: a clean Debian to try the package in. Sourced, not run.
# shellcheck disable=SC2034

# The cargo-deb that Cargo.toml is written for.
cargo_deb=3.8.0
# The oldest Debian that the package is for.
suite=bookworm
# What the clean Debian has besides its essence: what reads the manual page and the completions.
extra=man-db,bash-completion

# Makes the Debian once, in a folder of its own. debootstrap checks the mirror's signature.
clean_debian() {
    local base=$1 from
    [ -e "$base/complete" ] && return 0
    from=$(mirror)
    as_root rm -rf "$base"
    mkdir -p "$base" || return
    as_root debootstrap --variant=minbase --include="$extra" "$suite" "$base/root" "$from" >"$base/log" 2>&1 || {
        tail -n 20 "$base/log"
        hint "debootstrap could not make a $suite from $from: its last lines are above; is the network there?" \
            'It needs to make device nodes and to change its root, which some containers forbid'
        return 1
    }
    touch "$base/complete"
}
