//! One table with the known columns of `show stat`, and one with the known keys of `show info`.
//!
//! Names, meanings and units come from HAProxy's `management.txt`, sections 9.1 and 9.3. A column that is not listed is
//! still read under its own name if it contains numbers.

/// The way a number changes over time, which determines what can be derived from the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FieldKind {
    /// A number that only increases, until a reload or `clear counters` resets it.
    Counter,
    /// A current value, which rises and falls.
    Gauge,
    /// A rate over the last second, computed by HAProxy.
    Rate,
    /// An average over the last 512 requests or connections.
    Average,
    /// The highest value since the start of the process.
    Max,
    /// A configured limit.
    Limit,
    /// Seconds since an event.
    Age,
    /// An identifier, not a quantity.
    Id,
}

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    /// A count, such as sessions, requests or servers.
    Count,
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
    /// Seconds.
    Seconds,
    /// Percent.
    Percent,
}

/// The description of a numeric column or key.
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    /// HAProxy's name, as in the header line of `show stat` or a key of `show info`.
    pub name: &'static str,
    /// The way the value changes over time.
    pub(crate) kind: FieldKind,
    /// The unit of the value.
    pub(crate) unit: Unit,
    /// A short explanation for the operator.
    pub(crate) help: &'static str,
}

macro_rules! field_table {
    ($(#[$doc:meta])* $enum:ident { $($variant:ident $name:literal $kind:ident $unit:ident $help:literal)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $enum {
            $(#[doc = $help] $variant,)*
        }

        impl $enum {
            /// All fields, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
            /// Number of fields.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// Returns the description of the field.
            pub const fn info(self) -> &'static FieldInfo {
                const TABLE: &[FieldInfo] =
                    &[$(FieldInfo { name: $name, kind: FieldKind::$kind, unit: Unit::$unit, help: $help }),*];
                &TABLE[self as usize]
            }

            /// Returns the field to which HAProxy gives this name, or `None` if the name is unknown.
            pub(crate) fn by_name(name: &[u8]) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.info().name.as_bytes() == name)
            }
        }
    };
}

field_table! {
    /// The numeric columns of `show stat`. The columns of the TLS, HTTP/2 and HTTP/1 modules come last.
    Field {
        Qcur "qcur" Gauge Count "requests waiting for a server now"
        Qmax "qmax" Max Count "most requests waiting at once"
        Scur "scur" Gauge Count "sessions now"
        Smax "smax" Max Count "most sessions at once"
        Slim "slim" Limit Count "session limit: maxconn of a frontend or server, fullconn of a backend"
        Stot "stot" Counter Count "sessions since the start"
        Bin "bin" Counter Bytes "bytes received"
        Bout "bout" Counter Bytes "bytes sent"
        Dreq "dreq" Counter Count "requests denied by a rule"
        Dresp "dresp" Counter Count "responses denied by a rule"
        Ereq "ereq" Counter Count "request errors: bad requests, early aborts, client timeouts"
        Econ "econ" Counter Count "failed attempts to connect to a server"
        Eresp "eresp" Counter Count "response errors, including server aborts"
        Wretr "wretr" Counter Count "retried connections"
        Wredis "wredis" Counter Count "requests sent to a server other than the first chosen"
        Weight "weight" Gauge Count "effective weight; for a backend, the total of usable servers"
        Act "act" Gauge Count "active servers; for a server, 1 if active"
        Bck "bck" Gauge Count "backup servers; for a server, 1 if a backup"
        Chkfail "chkfail" Counter Count "failed health checks while the server was up"
        Chkdown "chkdown" Counter Count "transitions from UP to DOWN"
        Lastchg "lastchg" Age Seconds "time since the last change of state"
        Downtime "downtime" Counter Seconds "time spent down"
        Qlimit "qlimit" Limit Count "queue limit of the server: maxqueue"
        Pid "pid" Id Count "number of the process"
        Iid "iid" Id Count "number of the proxy"
        Sid "sid" Id Count "number of the server in its proxy"
        Throttle "throttle" Gauge Percent "share of its full weight during slowstart"
        Lbtot "lbtot" Counter Count "times chosen by load balancing"
        Type "type" Id Count "0 frontend, 1 backend, 2 server, 3 listener"
        Rate "rate" Rate Count "sessions per second, over the last second"
        RateLim "rate_lim" Limit Count "limit on new sessions per second"
        RateMax "rate_max" Max Count "most sessions per second"
        CheckCode "check_code" Gauge Count "status code of the last layer 5 to 7 check"
        CheckDuration "check_duration" Gauge Millis "time the last check took"
        Hrsp1xx "hrsp_1xx" Counter Count "responses with a 1xx status"
        Hrsp2xx "hrsp_2xx" Counter Count "responses with a 2xx status"
        Hrsp3xx "hrsp_3xx" Counter Count "responses with a 3xx status"
        Hrsp4xx "hrsp_4xx" Counter Count "responses with a 4xx status"
        Hrsp5xx "hrsp_5xx" Counter Count "responses with a 5xx status"
        HrspOther "hrsp_other" Counter Count "responses with another status"
        Hanafail "hanafail" Counter Count "errors found by observing traffic"
        ReqRate "req_rate" Rate Count "requests per second, over the last second"
        ReqRateMax "req_rate_max" Max Count "most requests per second"
        ReqTot "req_tot" Counter Count "requests since the start"
        CliAbrt "cli_abrt" Counter Count "transfers aborted by the client"
        SrvAbrt "srv_abrt" Counter Count "transfers aborted by the server"
        CompIn "comp_in" Counter Bytes "bytes fed to the compressor"
        CompOut "comp_out" Counter Bytes "bytes emitted by the compressor"
        CompByp "comp_byp" Counter Bytes "bytes that bypassed the compressor"
        CompRsp "comp_rsp" Counter Count "responses compressed"
        Lastsess "lastsess" Age Seconds "time since the last session; absent before the first"
        Qtime "qtime" Average Millis "time in queue, mean of the last 512 requests"
        Ctime "ctime" Average Millis "time to connect, mean of the last 512 requests"
        Rtime "rtime" Average Millis "time to the response, mean of the last 512 requests; 0 for TCP"
        Ttime "ttime" Average Millis "total time, mean of the last 512 requests"
        AgentCode "agent_code" Gauge Count "numeric code of the last agent check"
        AgentDuration "agent_duration" Gauge Millis "time the last agent check took"
        CheckRise "check_rise" Limit Count "passed checks until a server is up"
        CheckFall "check_fall" Limit Count "failed checks until a server is down"
        CheckHealth "check_health" Gauge Count "health, from 0 to rise + fall - 1"
        AgentRise "agent_rise" Limit Count "passed agent checks until a server is up"
        AgentFall "agent_fall" Limit Count "failed agent checks until a server is down"
        AgentHealth "agent_health" Gauge Count "agent health, from 0 to rise + fall - 1"
        ConnRate "conn_rate" Rate Count "connections per second, over the last second"
        ConnRateMax "conn_rate_max" Max Count "most connections per second"
        ConnTot "conn_tot" Counter Count "connections since the start"
        Intercepted "intercepted" Counter Count "requests answered by HAProxy itself: redirects, statistics"
        Dcon "dcon" Counter Count "connections denied by a rule"
        Dses "dses" Counter Count "sessions denied by a rule"
        Wrew "wrew" Counter Count "failed header rewrites"
        Connect "connect" Counter Count "attempts to connect to a server"
        Reuse "reuse" Counter Count "requests sent over a reused connection"
        CacheLookups "cache_lookups" Counter Count "cache look-ups"
        CacheHits "cache_hits" Counter Count "cache hits"
        SrvIcur "srv_icur" Gauge Count "idle connections that can be reused now"
        SrcIlim "src_ilim" Limit Count "limit on idle connections"
        QtimeMax "qtime_max" Max Millis "longest time in queue"
        CtimeMax "ctime_max" Max Millis "longest time to connect"
        RtimeMax "rtime_max" Max Millis "longest time to the response"
        TtimeMax "ttime_max" Max Millis "longest total time"
        Eint "eint" Counter Count "internal errors"
        IdleConnCur "idle_conn_cur" Gauge Count "unsafe idle connections now"
        SafeConnCur "safe_conn_cur" Gauge Count "safe idle connections now"
        UsedConnCur "used_conn_cur" Gauge Count "connections in use now"
        NeedConnEst "need_conn_est" Gauge Count "estimated number of connections needed"
        Uweight "uweight" Gauge Count "weight set by the user; for a backend, the total of its servers"
        AggServerStatus "agg_server_status" Gauge Count "servers of a backend in each status"
        AggServerCheckStatus "agg_server_check_status" Gauge Count "servers of a backend in each status (former name)"
        AggCheckStatus "agg_check_status" Gauge Count "servers of a backend with each check result"
        Srid "srid" Id Count "revision of the server"
        SessOther "sess_other" Counter Count "sessions of protocols other than HTTP"
        H1sess "h1sess" Counter Count "HTTP/1 sessions"
        H2sess "h2sess" Counter Count "HTTP/2 sessions"
        H3sess "h3sess" Counter Count "HTTP/3 sessions"
        ReqOther "req_other" Counter Count "requests of protocols other than HTTP"
        H1req "h1req" Counter Count "HTTP/1 requests"
        H2req "h2req" Counter Count "HTTP/2 requests"
        H3req "h3req" Counter Count "HTTP/3 requests"
        PrivIdleCur "priv_idle_cur" Gauge Count "private idle connections now"
        Reqbin "reqbin" Counter Bytes "request bytes received"
        Reqbout "reqbout" Counter Bytes "request bytes sent"
        Resbin "resbin" Counter Bytes "response bytes received"
        Resbout "resbout" Counter Bytes "response bytes sent"
        CacheHintHits "cache_hint_hits" Counter Count "cache look-ups answered by the hint"
        SslSess "ssl_sess" Counter Count "TLS sessions"
        SslReusedSess "ssl_reused_sess" Counter Count "TLS sessions that were resumed"
        SslFailedHandshake "ssl_failed_handshake" Counter Count "TLS handshakes that failed"
        SslOcspStaple "ssl_ocsp_staple" Counter Count "OCSP responses stapled"
        SslFailedOcspStaple "ssl_failed_ocsp_staple" Counter Count "OCSP responses too old or missing to be stapled"
        H2HeadersRcvd "h2_headers_rcvd" Counter Count "HTTP/2 HEADERS frames received"
        H2DataRcvd "h2_data_rcvd" Counter Count "HTTP/2 DATA frames received"
        H2SettingsRcvd "h2_settings_rcvd" Counter Count "HTTP/2 SETTINGS frames received"
        H2RstStreamRcvd "h2_rst_stream_rcvd" Counter Count "HTTP/2 stream resets received"
        H2GoawayRcvd "h2_goaway_rcvd" Counter Count "HTTP/2 GOAWAY frames received"
        H2ConnErrors "h2_detected_conn_protocol_errors" Counter Count "HTTP/2 connection protocol errors"
        H2StreamErrors "h2_detected_strm_protocol_errors" Counter Count "HTTP/2 stream protocol errors"
        H2RstStreamResp "h2_rst_stream_resp" Counter Count "HTTP/2 stream resets sent"
        H2GoawayResp "h2_goaway_resp" Counter Count "HTTP/2 GOAWAY frames sent"
        H2OpenConnections "h2_open_connections" Gauge Count "HTTP/2 connections now"
        H2OpenStreams "h2_backend_open_streams" Gauge Count "HTTP/2 streams to servers now"
        H2TotalConnections "h2_total_connections" Counter Count "HTTP/2 connections since the start"
        H2TotalStreams "h2_backend_total_streams" Counter Count "HTTP/2 streams to servers since the start"
        H1OpenConnections "h1_open_connections" Gauge Count "HTTP/1 connections now"
        H1OpenStreams "h1_open_streams" Gauge Count "HTTP/1 streams now"
        H1TotalConnections "h1_total_connections" Counter Count "HTTP/1 connections since the start"
        H1TotalStreams "h1_total_streams" Counter Count "HTTP/1 streams since the start"
        H1BytesIn "h1_bytes_in" Counter Bytes "bytes received over HTTP/1"
        H1BytesOut "h1_bytes_out" Counter Bytes "bytes sent over HTTP/1"
        H1SplicedIn "h1_spliced_bytes_in" Counter Bytes "HTTP/1 bytes received by splicing in the kernel"
        H1SplicedOut "h1_spliced_bytes_out" Counter Bytes "HTTP/1 bytes sent by splicing in the kernel"
    }
}

field_table! {
    /// The numeric keys of `show info` that are recorded over time.
    InfoField {
        Nbthread "Nbthread" Limit Count "threads"
        Nbproc "Nbproc" Limit Count "processes"
        ProcessNum "Process_num" Id Count "number of the process that replied"
        Pid "Pid" Id Count "process identifier"
        UptimeSec "Uptime_sec" Age Seconds "time since the process started"
        StartTimeSec "Start_time_sec" Id Seconds "start as Unix time; 2.4 and newer"
        MemmaxMb "Memmax_MB" Limit Count "memory limit in megabytes; 0 for none"
        PoolUsedMb "PoolUsed_MB" Gauge Count "memory in use by the pools, in megabytes"
        PoolFailed "PoolFailed" Counter Count "failed allocations"
        Maxconn "Maxconn" Limit Count "connection limit of the process"
        UlimitN "Ulimit-n" Limit Count "limit on file descriptors"
        Maxsock "Maxsock" Limit Count "file descriptors that Maxconn connections need"
        Maxpipes "Maxpipes" Limit Count "limit on pipes for splicing; 0 for none"
        PipesUsed "PipesUsed" Gauge Count "pipes in use"
        CurrConns "CurrConns" Gauge Count "connections now"
        CumConns "CumConns" Counter Count "connections since the start"
        CumReq "CumReq" Counter Count "requests since the start"
        CurrSslConns "CurrSslConns" Gauge Count "TLS connections now"
        MaxSslConns "MaxSslConns" Limit Count "limit on TLS connections; 0 for none"
        ConnRate "ConnRate" Rate Count "connections per second, over the last second"
        ConnRateLimit "ConnRateLimit" Limit Count "limit on connections per second; 0 for none"
        SessRate "SessRate" Rate Count "sessions per second, over the last second"
        SessRateLimit "SessRateLimit" Limit Count "limit on sessions per second; 0 for none"
        SslRate "SslRate" Rate Count "TLS sessions per second, over the last second"
        SslRateLimit "SslRateLimit" Limit Count "limit on TLS sessions per second; 0 for none"
        SslFrontendSessionReuse "SslFrontendSessionReuse_pct" Gauge Percent "share of TLS sessions that were resumed"
        RunQueue "Run_queue" Gauge Count "tasks ready to run"
        IdlePct "Idle_pct" Gauge Percent "share of idle time, averaged over all threads"
        Stopping "Stopping" Gauge Count "1 if this old process is finishing"
        Jobs "Jobs" Gauge Count "jobs: listeners, connections"
        Listeners "Listeners" Gauge Count "listeners"
        DroppedLogs "DroppedLogs" Counter Count "log lines lost"
        MaxconnReached "MaxconnReached" Counter Count "connections that waited because the limit was reached; 3.2 and newer"
        BlockedTrafficWarnings "BlockedTrafficWarnings" Counter Count "warnings about a thread that was blocked; 3.2 and newer"
        TotalBytesOut "TotalBytesOut" Counter Bytes "bytes sent since the start"
        BytesOutRate "BytesOutRate" Rate Bytes "bytes sent per second"
    }
}

impl Field {
    /// The counters of responses by status class. Their sum is the number of all responses.
    pub(crate) const RESPONSES: [Self; 6] =
        [Self::Hrsp1xx, Self::Hrsp2xx, Self::Hrsp3xx, Self::Hrsp4xx, Self::Hrsp5xx, Self::HrspOther];

    /// Joins lists of fields, which have `N` fields together. Another number is an error of the build.
    pub(crate) const fn join<const N: usize>(lists: &[&[Self]]) -> [Self; N] {
        let (mut all, mut count, mut list) = ([Self::Scur; N], 0, 0);
        while list < lists.len() {
            let mut place = 0;
            while place < lists[list].len() {
                all[count] = lists[list][place];
                (count, place) = (count + 1, place + 1);
            }
            list += 1;
        }
        assert!(count == N, "the lists have another number of fields");
        all
    }

    /// Returns the counter that measures a row's traffic: sessions for a TCP row or a row without `req_tot`, otherwise
    /// requests. A TCP row may have `req_tot`, but the value stays 0.
    pub(crate) fn traffic_counter(is_tcp: bool, has_requests: bool) -> Self {
        if is_tcp || !has_requests { Self::Stot } else { Self::ReqTot }
    }
}

/// The text columns of `show stat`, except `pxname` and `svname`, which are the names of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextField {
    /// `status`: the state in HAProxy's words.
    Status,
    /// `check_status`: the result of the last check, preceded by `* ` while a check runs.
    CheckStatus,
    /// `check_desc`: a description of `check_status`.
    CheckDesc,
    /// `last_chk`: details of the last check; may contain text sent by the server.
    LastChk,
    /// `agent_status`: the result of the last agent check.
    AgentStatus,
    /// `agent_desc`: a description of `agent_status`.
    AgentDesc,
    /// `last_agt`: the text that the agent sent.
    LastAgt,
    /// `tracked`: the server that this server tracks.
    Tracked,
    /// `addr`: the address and port.
    Addr,
    /// `cookie`: the cookie value of a server, or the cookie name of a backend.
    Cookie,
    /// `mode`: the mode of the proxy, `tcp`, `http` or `health`.
    Mode,
    /// `algo`: the load balancing algorithm.
    Algo,
    /// `proto`: the protocol of a listener or server.
    Proto,
}

impl TextField {
    /// All text fields with HAProxy's names for them.
    pub const ALL: [(Self, &'static str); 13] = [
        (Self::Status, "status"),
        (Self::CheckStatus, "check_status"),
        (Self::CheckDesc, "check_desc"),
        (Self::LastChk, "last_chk"),
        (Self::AgentStatus, "agent_status"),
        (Self::AgentDesc, "agent_desc"),
        (Self::LastAgt, "last_agt"),
        (Self::Tracked, "tracked"),
        (Self::Addr, "addr"),
        (Self::Cookie, "cookie"),
        (Self::Mode, "mode"),
        (Self::Algo, "algo"),
        (Self::Proto, "proto"),
    ];

    /// Returns the text field to which HAProxy gives this name, or `None` if the name is unknown.
    pub fn by_name(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.as_bytes() == name).map(|(field, _)| *field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_finds_every_field() {
        for field in Field::ALL {
            assert_eq!(Field::by_name(field.info().name.as_bytes()), Some(*field));
        }
        for field in InfoField::ALL {
            assert_eq!(InfoField::by_name(field.info().name.as_bytes()), Some(*field));
        }
        assert_eq!(Field::by_name(b"pxname"), None);
        assert_eq!(TextField::by_name(b"last_chk"), Some(TextField::LastChk));
    }
}
