# Tests the recipes inside the Debian that tests/recipes makes. Do not run it on a real machine.
#
# The definitions come unchanged from /recipes.md. This script adds what a reader of the recipes already has: a HAProxy, a
# host in Nagios, a user in a group.

set -uo pipefail

socket=/run/haproxy/admin.sock

fail() {
    printf 'tests/recipes: %s\n' "$*" >&2
    exit 1
}

# Prints the code block in section $1 of the document that has a line starting with $2.
block() {
    awk -v heading="## $1" -v begins="$2" '
        /^## / { inside = ($0 == heading) }
        inside && /^```/ { if (open && found) { printf "%s", text; exit }; open = !open; text = ""; found = 0; next }
        open { text = text $0 "\n"; if (index($0, begins) == 1) found = 1 }
    ' /recipes.md | grep '' || fail "docs/recipes.md has no block with '$2' under '$1'"
}

# Prints the line with $2 of the code block in section $1, without the prompt.
line() {
    local found
    found=$(block "$1" "$2") && grep -F -- "$2" <<<"$found" | sed 's/^\$ //'
}

# Waits until a command succeeds, and prints its output.
#
#   wait_until NAME SECONDS COMMAND...
wait_until() {
    local name=$1 seconds=$2 end=$((SECONDS + $2)) output
    shift 2
    until output=$("$@" 2>&1); do
        [ "$SECONDS" -lt "$end" ] || fail "$name: failed for $seconds s; the last output: $output"
        sleep 0.3
    done
    printf '%s: %s\n' "$name" "$output"
}

# First line of the check's output in this setup.
warning='HAPULSE WARNING - backend api: 1 of 2 servers down'

start_haproxy() {
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
    wait_until 'api2' 20 bash -c 'hapulse get api/api2.status | grep -x DOWN'
    for user in nagios zabbix; do
        usermod -aG haproxy "$user" || fail "could not add the user $user to the group haproxy"
    done
}

recipe_values() {
    local keys
    keys=$(line 'Bare values' '$ hapulse get CurrConns') || exit
    wait_until "$keys" 5 bash -c "$keys"
    local script
    script=$(block Deploys 'until [ "$(hapulse get be_app/app1.check_status)"') || exit
    # This setup has other server names than the example.
    timeout 10 bash -c "${script//be_app\/app1/api/api1}" || fail "the script does not end: $script"
    echo "$script: ended"
}

recipe_zabbix() {
    local file
    file=$(grep -o -m 1 '/etc/zabbix/[a-z_./]*hapulse.conf' /recipes.md) ||
        fail 'docs/recipes.md does not name a file of the Zabbix agent'
    block Zabbix UserParameter= >"$file" || exit
    mkdir -p /run/zabbix && chown zabbix /run/zabbix
    agent() {
        setpriv --reuid zabbix --regid zabbix --init-groups zabbix_agentd -t "$1" 2>&1
    }
    zabbix() {
        agent "$1" | grep -F "$2"
    }
    wait_until 'Zabbix, info' 10 zabbix 'haproxy.info[CurrConns]' '[t|'
    wait_until 'Zabbix, row' 10 zabbix 'haproxy.row[www,web1,status]' '[t|no check]'
    wait_until 'Zabbix, rate' 10 zabbix 'haproxy.rate[www,BACKEND,req_tot]' '.'
    wait_until 'Zabbix, no such row' 10 zabbix 'haproxy.row[www,web9,status]' 'did you mean web1, web2, web3?'
    rows() {
        agent haproxy.rows | sed 's/^[^{]*//; s/]$//' |
            jq -r '.rows[] | select(.pxname == "api" and .svname == "api2") | .status'
    }
    wait_until 'Zabbix, rows by jq' 10 rows
    [ "$(rows)" = DOWN ] || fail "haproxy.rows reports for api/api2: $(rows)"
}

recipe_nagios() {
    {
        block 'Nagios and Icinga' 'define service' || exit
        # The host and the check interval, which the document leaves to its reader.
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
        fail "Nagios rejects the configuration: $(grep -i error /tmp/nagios.log)"
    grep -i 'Total Errors' /tmp/nagios.log
    mkdir -p /run/nagios4 && chown nagios /run/nagios4
    nagios4 -d /etc/nagios4/nagios.cfg || fail 'Nagios does not start'
    status() {
        local block
        block=$(awk '/^servicestatus/ { block = ""; inside = 1 } inside { block = block $0 "\n" }
            inside && /}/ { inside = 0; if (block ~ /service_description=HAProxy/) print block }' /var/lib/nagios4/status.dat)
        grep -E '^\s*(current_state|plugin_output|performance_data)=' <<<"$block"
        [[ $block == *current_state=1*plugin_output="$warning"*performance_data=*connections* ]]
    }
    wait_until Nagios 120 status
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
    icinga2 daemon -C >/tmp/icinga.log 2>&1 || fail "Icinga rejects the configuration: $(grep critical /tmp/icinga.log)"
    grep 'Finished validating' /tmp/icinga.log
    icinga2 daemon >/tmp/icinga.log 2>&1 &
    has_result() {
        grep -h -m 1 -F "WARNING $warning" /tmp/icinga.[0-9]*
    }
    wait_until Icinga 120 has_result
    pkill icinga2
}

recipe_nrpe() {
    line 'Nagios and Icinga' 'command[check_haproxy]=' >/etc/nagios/nrpe.d/hapulse.cfg || exit
    mkdir -p /run/nagios && chown nagios /run/nagios
    nrpe -c /etc/nagios/nrpe.cfg -d || fail 'NRPE does not start'
    check_by_nrpe() {
        /usr/lib/nagios/plugins/check_nrpe -H 127.0.0.1 -t 20 -c check_haproxy >/tmp/nrpe
        local code=$?
        head -n 1 /tmp/nrpe
        [ "$code" = 1 ] && grep -q "^$warning" /tmp/nrpe
    }
    wait_until NRPE 60 check_by_nrpe
    pkill nrpe
}

recipe_cron() {
    # Every minute instead of every five; everything else is unchanged.
    block Cron '*/5 ' | sed 's,^\*/5 ,* ,' >/etc/cron.d/hapulse
    # shellcheck disable=SC2016
    printf '#!/bin/sh\n{ echo "$*"; cat; } >>/tmp/mails\n' >/usr/bin/mail
    chmod 755 /usr/bin/mail
    cron
    has_csv_row() {
        grep -m 1 -E '^[0-9-]+T[0-9:]+,[^,]+,www,BACKEND,backend,' /var/log/haproxy.csv
    }
    has_mail() {
        grep -m 1 -F "$warning" /tmp/mails
    }
    wait_until 'cron, CSV' 90 has_csv_row
    wait_until 'cron, mail' 90 has_mail
    pkill cron
}

recipe_prometheus() {
    local file=/var/lib/prometheus/node-exporter/hapulse.prom
    mkdir -p "${file%/*}"
    block Prometheus '* * * * *' >/etc/cron.d/hapulse-metrics || exit
    grep -qF "$file" /etc/cron.d/hapulse-metrics || fail "the cron job does not write $file"
    cron
    wait_until 'cron, metrics' 120 grep -F 'hapulse_check_state 1' "$file"
    pkill cron
    promtool check metrics <"$file" || fail 'promtool rejects the metrics'
    block Prometheus 'groups:' >/tmp/rules.yml || exit
    promtool check rules /tmp/rules.yml || fail 'promtool rejects the alerts'
    prometheus-node-exporter --web.listen-address=127.0.0.1:9100 --collector.disable-defaults --collector.textfile \
        --collector.textfile.directory="${file%/*}" >/tmp/node-exporter 2>&1 &
    local exporter=$!
    exported() {
        curl -s http://127.0.0.1:9100/metrics >/tmp/metrics
        grep -x 'node_textfile_scrape_error 0' /tmp/metrics && grep -m 1 '^hapulse_problem{.*name="api2".*} 1$' /tmp/metrics
    }
    wait_until 'node_exporter' 30 exported
    kill "$exporter"
}

recipe_tmux() {
    block tmux 'set -g status-right' >/root/.tmux.conf || exit
    # The outer tmux is the terminal of the tested one.
    tmux -L outer -f /dev/null new-session -d -x 100 -y 10 'tmux -L inner new-session'
    status_line() {
        tmux -L outer capture-pane -p | tail -n 1 | grep -E '[0-9]+/[0-9]+ *$'
    }
    wait_until 'tmux, status line' 20 status_line
    tmux -L outer kill-server
    tmux -L inner kill-server
}

# Uses a socket on another machine without hapulse; here the other machine is this one.
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
    local remote forward local_command
    remote=$(line 'A socket on another machine' 'ssh lb01 hapulse show') || exit
    wait_until "$remote" 10 bash -c "$remote | grep -w api2"
    forward=$(line 'A socket on another machine' '$ ssh -fN') || exit
    bash -c "$forward" >/tmp/ssh 2>&1 || fail "$forward: $(cat /tmp/ssh)"
    local_command=$(line 'A socket on another machine' '$ hapulse get') || exit
    wait_until "$local_command" 10 bash -c "$local_command"
}

recipes=(values zabbix nagios icinga nrpe cron prometheus tmux ssh)
[ "$#" -gt 0 ] || set -- "${recipes[@]}"
for recipe; do
    case " ${recipes[*]} " in
    *" $recipe "*) ;;
    *) fail "unknown recipe $recipe; the recipes are: ${recipes[*]}" ;;
    esac
done
ip link set lo up || fail 'could not bring up the loopback interface'
start_haproxy
for recipe; do
    printf '\n-- %s\n' "$recipe"
    "recipe_$recipe"
done
