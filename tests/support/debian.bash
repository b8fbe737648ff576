# Makes a minimal Debian to test the build and the packages in. Sourced by tests/bare, tests/deb, tests/packages and
# tests/recipes.
# shellcheck disable=SC2034

# The version of cargo-deb that Cargo.toml is written for.
cargo_deb=3.8.0
# The version of cargo-generate-rpm that Cargo.toml is written for.
cargo_generate_rpm=0.21.1
# The oldest Debian on which the Debian package is supported.
suite=bookworm
# The oldest Debian on the mirrors, for the static binary.
old_suite=bullseye
# Packages that the package tests need in it: for the manual page and the completions.
extra=man-db,bash-completion

# Makes the Debian once, in the folder $1, with the packages $2, of the release $3. debootstrap verifies the mirror's
# signature.
clean_debian() {
    local base=$1 include=${2-$extra} suite=${3-$suite} from
    [ -e "$base/complete" ] && return 0
    from=$(mirror)
    as_root rm -rf "$base"
    mkdir -p "$base" || return
    as_root debootstrap --variant=minbase ${include:+--include="$include"} "$suite" "$base/root" "$from" >"$base/log" 2>&1 || {
        tail -n 20 "$base/log"
        hint "debootstrap could not make a $suite from $from (its last lines are above). It needs the network," \
            'device nodes and chroot, which some containers forbid'
        return 1
    }
    touch "$base/complete"
}

# Runs a command in the Debian in the folder $1.
in_debian_root() {
    local root=$1
    shift
    as_root chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=xterm "$@"
}

# Lists all files of the Debian in the folder $1 except those that package managers and logs write, and the contents of the
# accounts. Backups of the accounts are left out: userdel and useradd write them.
list_traces() {
    local root=$1
    in_debian_root "$root" find / -xdev \( -path /var/lib/dpkg -o -path /var/lib/rpm -o -path /var/log -o -path /var/cache \
        -o -path '/etc/*-' -o -path /etc/.pwd.lock \) -prune -o -print | sort
    in_debian_root "$root" grep -H '' /etc/passwd /etc/group
}

# Fails if the lists of traces $1 and $2 differ.
same_traces() {
    diff "$1" "$2" || {
        hint 'removal deleted files of the system (<) or left files of the package (>)'
        return 1
    }
}
