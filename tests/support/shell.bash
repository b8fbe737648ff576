# What the scripts in tests/ share. Sourced, not run.

# What to do next, for a failure a person has to fix.
hint() {
    printf 'tests/%s: %s\n' "${0##*/}" "$*" >&2
}

have() {
    command -v "$1" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Installs the Debian packages named.
install_packages() {
    if ! have apt-get; then
        hint "please install: $* (there is no apt-get here to do it)"
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        hint "please run as root: apt-get install $* (this user is not root, and sudo would ask)"
        return 1
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update || hint 'apt-get update failed; trying with the lists there are'
    as_root "${apt[@]}" install -y --no-install-recommends "$@" || {
        local code=$?
        hint "apt-get could not install: $*"
        return "$code"
    }
}
