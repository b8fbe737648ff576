# Functions shared by the scripts in tests/. Sourced, not run.

# Prints a message about a failure and how to fix it.
hint() {
    printf 'tests/%s: %s\n' "${0##*/}" "$*" >&2
}

# Returns whether a command is installed.
have() {
    command -v "$1" >/dev/null 2>&1
}

# Runs a command as root, with sudo if needed.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Runs the functions step_NAME one after the other and prints the result of each. MARK starts each line and PREFIX each
# name, because one script may be a step of another. The first failing step ends the script with its exit code.
#
#   run_steps MARK PREFIX NAME...
run_steps() {
    local mark=$1 prefix=$2 step start code
    shift 2
    for step in "$@"; do
        start=$SECONDS code=0
        printf '\n%s %s%s\n' "$mark" "$prefix" "$step"
        "step_$step" || code=$?
        if [ "$code" -ne 0 ]; then
            printf '\n%s FAILED: %s%s, exit code %d, after %d s\n' "$mark" "$prefix" "$step" "$code" "$((SECONDS - start))"
            exit "$code"
        fi
        printf '%s %s%s: ok, %d s\n' "$mark" "$prefix" "$step" "$((SECONDS - start))"
    done
}

# Installs the packages of missing commands. COMMAND:PACKAGE,PACKAGE names packages other than the command's name.
need_commands() {
    local command packages missing=()
    for command in "$@"; do
        have "${command%%:*}" && continue
        IFS=, read -ra packages <<<"${command#*:}"
        missing+=("${packages[@]}")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        echo "installing ${missing[*]}"
        install_packages "${missing[@]}"
    fi
}

# Installs the given Debian packages.
install_packages() {
    if ! have apt-get; then
        hint "please install $* (this machine has no apt-get)"
        return 1
    fi
    if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
        hint "please run as root: apt-get install $* (this user is not root, and sudo needs a password)"
        return 1
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
    as_root "${apt[@]}" update || hint 'apt-get update failed; using the existing package lists'
    as_root "${apt[@]}" install -y --no-install-recommends "$@" || {
        local code=$?
        hint "apt-get could not install: $*"
        return "$code"
    }
}

# Prints the URL of this machine's Debian mirror, or of the public one.
mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' 2>/dev/null | grep -m 1 '/debian/$')
    echo "${uri:-http://deb.debian.org/debian/}"
}

# Finds cargo on the PATH or where rustup installs it.
find_cargo() {
    local bin root
    if ! have cargo && [ -n "${HOME:-}" ] && [ -x "$HOME/.cargo/bin/cargo" ]; then
        PATH="$HOME/.cargo/bin:$PATH"
    fi
    if ! have cargo; then
        hint 'cargo is not installed; install Rust from https://rustup.rs'
        return 1
    fi
    cargo --version >/dev/null 2>&1 && return 0
    # rustup's cargo searches its toolchains in the home folder, but it may be installed in another one. Then they are in
    # .rustup next to it.
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

# Prints the absolute path of the build folder.
target_folder() {
    local target=${CARGO_TARGET_DIR:-target}
    case $target in
    /*) ;;
    *) target=$PWD/$target ;;
    esac
    printf '%s\n' "$target"
}

# Installs a cargo tool such as cargo-deny in one version below the build folder. Uses a debug build: a release build takes
# minutes longer, and the tool has little to do. Removes the build files.
need_tool() {
    local name=$1 version=$2 tools
    tools=$(target_folder)/tools
    case ":$PATH:" in
    *":$tools/bin:"*) ;;
    *) PATH="$tools/bin:$PATH" ;;
    esac
    # Some tools print their name before the version.
    [[ "$("$name" --version 2>/dev/null)" =~ ^($name\ )?"$version"$ ]] && return 0
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_INCREMENTAL=false CARGO_TARGET_DIR="$tools/build" \
        cargo install --locked --debug --force --root "$tools" --version "$version" "$name" >&2 || {
        hint "cargo could not build $name $version; check the connection to crates.io"
        return 1
    }
    rm -rf "$tools/build"
}

# Runs a program in a terminal of 120x40 until it shows the dashboard, presses q, and waits until it exits. Writes to the
# folder, which the caller removes.
#
#   shows_dashboard FOLDER COMMAND...
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
        hint "$* did not exit on q; its screen:"
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
