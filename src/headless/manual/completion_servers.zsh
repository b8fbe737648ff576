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
