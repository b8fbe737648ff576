
# Prints the servers of the HAProxy that the words name, as BACKEND/SERVER.
function __fish_hapulse_servers
    set -l targets
    set -l previous ''
    for word in (commandline -opc)
        switch $previous
            case --target --unix-socket --tcp-socket -s -t
                set -a targets $word
        end
        switch $word
            case '--target=*' '--unix-socket=*' '--tcp-socket=*'
                set -a targets (string replace -r '^[^=]*=' '' -- $word)
        end
        set previous $word
    end
    timeout 2 hapulse show status --flat --format csv --columns name --filter kind:server $targets 2>/dev/null </dev/null \
        | sed 1d | cut -d , -f 2-3 | tr , /
end
for command in drain maint ready
    complete -c hapulse -n "__fish_hapulse_using_subcommand $command" -f -a "(__fish_hapulse_servers)"
end

# Prints the groups of the configuration.
function __fish_hapulse_groups
    timeout 2 hapulse config 2>/dev/null </dev/null | sed -n '/^\[fleet\]/,/^\[[^f]/s/^"\([^"]*\)" = .*/@\1/p'
end
complete -c hapulse -n "string match -q -- '@*' (commandline -ct)" -f -a "(__fish_hapulse_groups)"
