
# Prints the servers of the HAProxy that the words name, as BACKEND/SERVER.
_hapulse_servers() {
    local -a targets=()
    local i value
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${COMP_WORDS[i]}" in
            --target | --unix-socket | --tcp-socket | -s | -t)
                value="${COMP_WORDS[i + 1]}"
                [[ "${value}" == "=" ]] && value="${COMP_WORDS[i + 2]}"
                targets+=("${value}")
                ;;
        esac
    done
    timeout 2 "${COMP_WORDS[0]}" show status --flat --format csv --columns name --filter kind:server \
        "${targets[@]}" 2>/dev/null </dev/null | sed 1d | cut -d , -f 2-3 | tr , /
}

# Prints the groups of the configuration.
_hapulse_groups() {
    timeout 2 "${COMP_WORDS[0]}" config 2>/dev/null </dev/null |
        sed -n '/^\[fleet\]/,/^\[[^f]/s/^"\([^"]*\)" = .*/\1/p'
}

_hapulse_with_servers() {
    _hapulse "$@"
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD - 1]}" done word prefix=@
    if [[ "${cur}" == @* || "${prev}" == @ ]]; then
        # By default, bash begins a new word after @.
        [[ "${COMP_WORDBREAKS}" == *@* ]] && prefix=
        COMPREPLY=($(compgen -P "${prefix}" -W "$(_hapulse_groups)" -- "${cur#@}"))
        return 0
    fi
    if [[ "${prev}" == --columns && "${cur}" == *,* ]]; then
        done="${cur%,*},"
        COMPREPLY=($(compgen -P "${done}" -W "$(_hapulse_columns)" -- "${cur##*,}"))
        return 0
    fi
    case "${prev}" in
        -y | --yes | --force | -n | --read-only) ;;
        -*) return 0 ;;
    esac
    [[ "${cur}" == -* ]] && return 0
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${word}" in
            drain | maint | ready)
                COMPREPLY=($(compgen -W "$(_hapulse_servers)" -- "${cur}"))
                return 0
                ;;
        esac
    done
}
