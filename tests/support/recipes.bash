# Follows the recipes, inside the Debian that tests/recipes makes: nothing here is meant for a machine in use.
#
# What a recipe says is taken out of /recipes.md as it stands. What is written here is the rest that somebody who follows
# it has already: a HAProxy, a host in Nagios, a user in a group.

set -uo pipefail

socket=/run/haproxy/admin.sock

fail() {
    printf 'tests/recipes: %s\n' "$*" >&2
    exit 1
}

# The code block of a section of the document that has a line which begins so.
block() {
    awk -v heading="## $1" -v begins="$2" '
        /^## / { inside = ($0 == heading) }
        inside && /^```/ { if (open && found) { printf "%s", text; exit }; open = !open; text = ""; found = 0; next }
        open { text = text $0 "\n"; if (index($0, begins) == 1) found = 1 }
    ' /recipes.md | grep '' || fail "docs/recipes.md has no block with '$2' under '$1'"
}

# The line of a block that begins so, without the prompt.
line() {
    local found
    found=$(block "$1" "$2") && grep -F -- "$2" <<<"$found" | sed 's/^\$ //'
}

# Waits until a command succeeds, at the most so many seconds, and tells what it printed.
until_it() {
    local what=$1 seconds=$2 end=$((SECONDS + $2)) said
    shift 2
    until said=$("$@" 2>&1); do
        [ "$SECONDS" -lt "$end" ] || fail "$what: not within $seconds s; the last words: $said"
        sleep 0.3
    done
    printf '%s: %s\n' "$what" "$said"
}

# What begins with a name of ours and says how things are.
is_warning='HAPULSE WARNING - backend api: 1 server of 2 down'

haproxy_runs() {
    mkdir -p /run/haproxy && chown haproxy:haproxy /run/haproxy && chmod 2775 /run/haproxy
    cat >/etc/haproxy/haproxy.cfg <<END
global
    stats socket $socket mode 660 level admin
    node lb01
    user haproxy
    group haproxy
    maxconn 2000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
frontend www-in
    bind 127.0.0.1:8000
    default_backend www
backend www
    server web1 127.0.0.1:8001
    server web2 127.0.0.1:8001
    server web3 127.0.0.1:8001
backend api
    option httpchk GET /
    server api1 127.0.0.1:8001 check inter 500
    server api2 127.0.0.1:8009 check inter 500
frontend web
    bind 127.0.0.1:8001
    http-request return status 200 content-type text/plain string ok
END
    haproxy -D -f /etc/haproxy/haproxy.cfg || fail 'HAProxy does not start'
    (while :; do curl -s -o /dev/null http://127.0.0.1:8000/; sleep 0.02; done) &
    until_it 'api2' 20 bash -c 'hapulse get api/api2.status | grep -x DOWN'
    for user in nagios zabbix; do
        usermod -aG haproxy "$user" || fail "there is no user $user"
    done
}

recipe_values() {
    local keys
    keys=$(line 'Bare values' '$ hapulse get CurrConns') || exit
    until_it "$keys" 5 bash -c "$keys"
    local script
    script=$(block Deploys 'until [ "$(hapulse get be_app/app1.check_status)"') || exit
    # The servers of the document's example are others.
    timeout 10 bash -c "${script//be_app\/app1/api/api1}" || fail "this does not end: $script"
    echo "$script: it ends"
}

recipe_zabbix() {
    local file
    file=$(grep -o -m 1 '/etc/zabbix/[a-z_./]*hapulse.conf' /recipes.md) ||
        fail 'docs/recipes.md names no file of the Zabbix agent'
    block Zabbix UserParameter= >"$file" || exit
    mkdir -p /run/zabbix && chown zabbix /run/zabbix
    agent() {
        setpriv --reuid zabbix --regid zabbix --init-groups zabbix_agentd -t "$1" 2>&1
    }
    zabbix() {
        agent "$1" | grep -F "$2"
    }
    until_it 'Zabbix, info' 10 zabbix 'haproxy.info[CurrConns]' '[t|'
    until_it 'Zabbix, row' 10 zabbix 'haproxy.row[www,web1,status]' '[t|no check]'
    until_it 'Zabbix, rate' 10 zabbix 'haproxy.rate[www,BACKEND,req_tot]' '.'
    until_it 'Zabbix, no such row' 10 zabbix 'haproxy.row[www,web9,status]' 'did you mean web1, web2, web3?'
    rows() {
        agent haproxy.rows | sed 's/^[^{]*//; s/]$//' |
            jq -r '.rows[] | select(.pxname == "api" and .svname == "api2") | .status'
    }
    until_it 'Zabbix, rows by jq' 10 rows
    [ "$(rows)" = DOWN ] || fail "haproxy.rows says of api/api2: $(rows)"
}

recipe_nagios() {
    {
        block 'Nagios and Icinga' 'define service' || exit
        # The host, and how often: what the document leaves to its reader.
        cat <<'END'
define host {
    host_name           lb01
    use                 generic-host
    address             127.0.0.1
    contact_groups      admins
    max_check_attempts  1
    check_period        24x7
    check_command       check-host-alive
}
END
    } >/etc/nagios4/conf.d/hapulse.cfg
    nagios4 -v /etc/nagios4/nagios.cfg >/tmp/nagios.log 2>&1 ||
        fail "Nagios does not take it: $(grep -i error /tmp/nagios.log)"
    grep -i 'Total Errors' /tmp/nagios.log
    mkdir -p /run/nagios4 && chown nagios /run/nagios4
    nagios4 -d /etc/nagios4/nagios.cfg || fail 'Nagios does not start'
    status() {
        local block
        block=$(awk '/^servicestatus/ { block = ""; inside = 1 } inside { block = block $0 "\n" }
            inside && /}/ { inside = 0; if (block ~ /service_description=HAProxy/) print block }' /var/lib/nagios4/status.dat)
        grep -E '^\s*(current_state|plugin_output|performance_data)=' <<<"$block"
        [[ $block == *current_state=1*plugin_output="$is_warning"*performance_data=*connections* ]]
    }
    until_it Nagios 120 status
    pkill nagios4
}

recipe_icinga() {
    {
        block 'Nagios and Icinga' 'object CheckCommand' || exit
        cat <<END
object Host "lb01" {
  check_command = "dummy"
}
object PerfdataWriter "perfdata" {
  service_perfdata_path = "/tmp/icinga"
  service_temp_path = "/tmp/icinga.new"
  rotation_interval = 3s
  service_format_template = "\$service.state\$ \$service.output\$ | \$service.perfdata\$"
}
END
    } >/etc/icinga2/conf.d/hapulse.conf
    mkdir -p /run/icinga2 && chown nagios:nagios /run/icinga2
    icinga2 daemon -C >/tmp/icinga.log 2>&1 || fail "Icinga does not take it: $(grep critical /tmp/icinga.log)"
    grep 'Finished validating' /tmp/icinga.log
    icinga2 daemon >/tmp/icinga.log 2>&1 &
    shown() {
        grep -h -m 1 -F "WARNING $is_warning" /tmp/icinga.[0-9]*
    }
    until_it Icinga 120 shown
    pkill icinga2
}

recipe_nrpe() {
    line 'Nagios and Icinga' 'command[check_haproxy]=' >/etc/nagios/nrpe.d/hapulse.cfg || exit
    mkdir -p /run/nagios && chown nagios /run/nagios
    nrpe -c /etc/nagios/nrpe.cfg -d || fail 'NRPE does not start'
    asked() {
        /usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 -t 20 -c check_haproxy >/tmp/nrpe
        local code=$?
        head -n 1 /tmp/nrpe
        [ "$code" = 1 ] && grep -q "^$is_warning" /tmp/nrpe
    }
    until_it NRPE 60 asked
    pkill nrpe
}

recipe_cron() {
    # Once in five minutes is too rare to wait for; everything else is as it stands.
    block Cron '*/5 ' | sed 's,^\*/5 ,* ,' >/etc/cron.d/hapulse
    # shellcheck disable=SC2016
    printf '#!/bin/sh\n{ echo "$*"; cat; } >>/tmp/mails\n' >/usr/bin/mail
    chmod 755 /usr/bin/mail
    cron
    is_sheet() {
        grep -m 1 -E '^[0-9-]+T[0-9:]+,[^,]+,www,BACKEND,backend,' /var/log/haproxy.csv
    }
    is_mail() {
        grep -m 1 -F "$is_warning" /tmp/mails
    }
    until_it 'cron, CSV' 90 is_sheet
    until_it 'cron, mail' 90 is_mail
    pkill cron
}

recipe_tmux() {
    block tmux 'set -g status-right' >/root/.tmux.conf || exit
    # A terminal for the tmux that is tried: another one.
    tmux -L outer -f /dev/null new-session -d -x 100 -y 10 'tmux -L inner new-session'
    bottom() {
        tmux -L outer capture-pane -p | tail -n 1 | grep -E '[0-9]+/[0-9]+ *$'
    }
    until_it 'tmux, status line' 20 bottom
    tmux -L outer kill-server
    tmux -L inner kill-server
}

# Its socket on a machine where no hapulse is: here the machine is this one.
recipe_ssh() {
    mkdir -p /run/sshd /root/.ssh && chmod 700 /root/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id && cp /root/.ssh/id.pub /root/.ssh/authorized_keys
    ssh-keygen -A >/dev/null
    /usr/sbin/sshd || fail 'sshd does not start'
    cat >/root/.ssh/config <<'END'
Host lb01
    HostName 127.0.0.1
    IdentityFile /root/.ssh/id
    StrictHostKeyChecking no
    LogLevel ERROR
END
    local there forward here
    there=$(line 'A socket on another machine' 'ssh lb01 hapulse show') || exit
    until_it "$there" 10 bash -c "$there | grep -w api2"
    forward=$(line 'A socket on another machine' '$ ssh -fN') || exit
    bash -c "$forward" >/tmp/ssh 2>&1 || fail "$forward: $(cat /tmp/ssh)"
    here=$(line 'A socket on another machine' '$ hapulse get') || exit
    until_it "$here" 10 bash -c "$here"
}

recipes=(values zabbix nagios icinga nrpe cron tmux ssh)
[ "$#" -gt 0 ] || set -- "${recipes[@]}"
for recipe; do
    case " ${recipes[*]} " in
    *" $recipe "*) ;;
    *) fail "there is no recipe $recipe; there are: ${recipes[*]}" ;;
    esac
done
ip link set lo up || fail 'there is no way to this machine itself'
haproxy_runs
for recipe; do
    printf '\n-- %s\n' "$recipe"
    "recipe_$recipe"
done
