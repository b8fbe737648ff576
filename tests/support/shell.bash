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

# Runs the functions step_NAME in turn, and says how each went: its lines begin with a mark, and its name with what the
# steps belong to, as one script may be a step of another. The first that fails ends the script with its exit code.
run_steps() {
    local mark=$1 whose=$2 step start code
    shift 2
    for step in "$@"; do
        start=$SECONDS code=0
        printf '\n%s %s%s\n' "$mark" "$whose" "$step"
        "step_$step" || code=$?
        if [ "$code" -ne 0 ]; then
            printf '\n%s FAILED: %s%s, exit code %d, after %d s\n' "$mark" "$whose" "$step" "$code" "$((SECONDS - start))"
            exit "$code"
        fi
        printf '%s %s%s: ok, %d s\n' "$mark" "$whose" "$step" "$((SECONDS - start))"
    done
}

# Installs what is missing of these commands; COMMAND:PACKAGE,PACKAGE where the package is not called like the command.
need_commands() {
    local each packages missing=()
    for each in "$@"; do
        have "${each%%:*}" && continue
        IFS=, read -ra packages <<<"${each#*:}"
        missing+=("${packages[@]}")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        echo "installing ${missing[*]}"
        install_packages "${missing[@]}"
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

# The mirror this machine takes its own packages from; else the one everybody may use.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' 2>/dev/null | grep -m 1 '/debian/$')
    echo "${uri:-http://deb.debian.org/debian/}"
}

# cargo is taken from the PATH, else from where rustup puts it.
find_cargo() {
    local bin root
    if ! have cargo && [ -n "${HOME:-}" ] && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! have cargo; then
        hint 'there is no cargo on the PATH; install Rust from https://rustup.rs'
        return 1
    fi
    cargo --version >/dev/null 2>&1 && return 0
    # A cargo that is rustup's looks for its toolchains in the home, which need not be the one it was
    # installed in: they are beside it.
    bin=$(dirname "$(command -v cargo)")
    root=$(dirname "$(dirname "$bin")")
    if [ -z "${RUSTUP_HOME:-}" ] && [ -d "$root/.rustup" ]; then
        export RUSTUP_HOME="$root/.rustup" CARGO_HOME="${CARGO_HOME:-$root/.cargo}"
    fi
    cargo --version >/dev/null || {
        hint "$bin/cargo does not run"
        return 1
    }
}

# The folder to build in, from the root.
target_folder() {
    local target=${CARGO_TARGET_DIR:-target}
    case $target in
    /*) ;;
    *) target=$PWD/$target ;;
    esac
    printf '%s\n' "$target"
}

# A tool of cargo's in one version, such as cargo-deny, built where everything is built: it needs no home. Its release
# profile would spend minutes on making it fast, and it has little to do; what it was built from goes.
need_tool() {
    local name=$1 version=$2 tools
    tools=$(target_folder)/tools
    case ":$PATH:" in
    *":$tools/bin:"*) ;;
    *) PATH="$tools/bin:$PATH" ;;
    esac
    # Some say their name before it.
    [[ "$("$name" --version 2>/dev/null)" =~ ^($name\ )?"$version"$ ]] && return 0
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_INCREMENTAL=false CARGO_TARGET_DIR="$tools/build" \
        cargo install --locked --debug --force --root "$tools" --version "$version" "$name" >&2 || {
        hint "cargo could not build $name $version; is crates.io there?"
        return 1
    }
    rm -rf "$tools/build"
}

# Runs a program in a terminal of 120 x 40 until its dashboard shows, presses q, and waits for its end.
# The folder is one that may be written to, and goes away by itself.
shows_dashboard() {
    local folder=$1 tmux try screen=''
    shift
    tmux=(env -u TMUX LC_ALL=C.UTF-8 tmux -f /dev/null -S "$folder/tmux")
    "${tmux[@]}" new-session -d -x 120 -y 40 "$(printf '%q ' "$@")" || return
    for ((try = 0; try < 600; try++)); do
        screen=$("${tmux[@]}" capture-pane -p 2>/dev/null) || break
        [[ $screen == *live*Backends* ]] && break
        sleep 0.1
    done
    "${tmux[@]}" send-keys q 2>/dev/null
    for ((try = 0; try < 100; try++)); do
        "${tmux[@]}" has-session 2>/dev/null || break
        sleep 0.1
    done
    if "${tmux[@]}" kill-server 2>/dev/null; then
        hint "$* did not end at q; its screen:"
        printf '%s\n' "$screen" >&2
        return 1
    fi
    if [[ $screen != *live*Backends* ]]; then
        hint "$* showed no dashboard; its last screen:"
        printf '%s\n' "$screen" >&2
        return 1
    fi
    printf '%s\n' "$screen"
}
