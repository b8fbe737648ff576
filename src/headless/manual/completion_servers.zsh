# Completes the servers of the HAProxy that the words name, as BACKEND/SERVER.
_hapulse_servers() {
    local -a targets names
    local i
    for ((i = 1; i < CURRENT; i++)); do
        case "${words[i]}" in
            (--target|--unix-socket|--tcp-socket|-s|-t) targets+=("${words[i + 1]}") ;;
            (--target=*|--unix-socket=*|--tcp-socket=*) targets+=("${words[i]#*=}") ;;
        esac
    done
    names=(${(f)"$(timeout 2 hapulse show status --flat --format csv --columns name --filter kind:server \
        "${targets[@]}" 2>/dev/null </dev/null | sed 1d | cut -d , -f 2-3 | tr , /)"})
    compadd -a names
}

# Completes the groups of the configuration.
_hapulse_groups() {
    local -a groups
    groups=(${(f)"$(timeout 2 hapulse config 2>/dev/null </dev/null \
        | sed -n '/^\[fleet\]/,/^\[[^f]/s/^"\([^"]*\)" = .*/@\1/p')"})
    compadd -a groups
}

# Completes targets: groups, and the paths of sockets.
_hapulse_targets() {
    _alternative 'groups:group:_hapulse_groups' 'sockets:socket:_files'
}
