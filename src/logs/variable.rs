//! The variables of `log-format` that hapulse reads.

/// Content of a request's log line. The order is that of [`Fields`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Address of the client.
    Client,
    /// A port, which is not kept, but separates an IPv6 address.
    Port,
    /// Time at which the request or the connection began.
    Date,
    /// Name of the frontend; `~` follows it for TLS.
    Frontend,
    /// Name of the backend.
    Backend,
    /// Name of the server.
    Server,
    /// Time until the request was complete.
    RequestTime,
    /// Time in queues.
    QueueTime,
    /// Time to connect to the server.
    ConnectTime,
    /// Time until the server's response headers.
    ResponseTime,
    /// Time from the request to the end of the response, or of the TCP session.
    TotalTime,
    /// HTTP status.
    Status,
    /// Bytes sent to the client.
    Bytes,
    /// Termination flags.
    Flags,
    /// First line of the request.
    RequestLine,
    /// HTTP method.
    Method,
    /// URI with or without its query.
    Uri,
    /// Captured headers, in braces; absent if none are captured.
    Captures,
    /// Captured headers, each in quotes; absent if none are captured.
    CaptureList,
    /// Anything else, which is not kept.
    Other,
}

/// Number of variables whose texts are kept.
const KEPT: usize = Variable::Captures as usize;

/// The variables by their names in `log-format`, except those that are [`Variable::Other`].
const NAMES: [(&str, Variable); 34] = [
    ("ci", Variable::Client),
    ("cp", Variable::Port),
    ("fp", Variable::Port),
    ("bp", Variable::Port),
    ("sp", Variable::Port),
    ("t", Variable::Date),
    ("tr", Variable::Date),
    ("T", Variable::Date),
    ("Tl", Variable::Date),
    ("trg", Variable::Date),
    ("trl", Variable::Date),
    ("f", Variable::Frontend),
    ("ft", Variable::Frontend),
    ("b", Variable::Backend),
    ("s", Variable::Server),
    ("TR", Variable::RequestTime),
    ("Tq", Variable::RequestTime),
    ("Tw", Variable::QueueTime),
    ("Tc", Variable::ConnectTime),
    ("Tr", Variable::ResponseTime),
    ("Ta", Variable::TotalTime),
    ("Tt", Variable::TotalTime),
    ("ST", Variable::Status),
    ("B", Variable::Bytes),
    ("ts", Variable::Flags),
    ("tsc", Variable::Flags),
    ("r", Variable::RequestLine),
    ("HM", Variable::Method),
    ("HU", Variable::Uri),
    ("HP", Variable::Uri),
    ("hr", Variable::Captures),
    ("hs", Variable::Captures),
    ("hrl", Variable::CaptureList),
    ("hsl", Variable::CaptureList),
];

/// The other variables of HAProxy 2.0 to 3.2.
const OTHER_NAMES: [&str; 41] = [
    "CC", "CS", "E", "F", "H", "HPO", "HQ", "HV", "ID", "OG", "OP", "Tc", "Td", "Th", "Ti", "Ts", "Tu", "U", "X", "ac",
    "bc", "bi", "bq", "fc", "fi", "lc", "ms", "pid", "rc", "rt", "sc", "si", "sq", "sslc", "sslv", "Hs", "HVO", "Hi",
    "sid", "ta", "th",
];

/// Sample expressions that are the same as a variable.
const EXPRESSIONS: [(&str, Variable); 10] = [
    ("src", Variable::Client),
    ("capture.req.method", Variable::Method),
    ("method", Variable::Method),
    ("capture.req.uri", Variable::Uri),
    ("path", Variable::Uri),
    ("pathq", Variable::Uri),
    ("url", Variable::Uri),
    ("fe_name", Variable::Frontend),
    ("be_name", Variable::Backend),
    ("srv_name", Variable::Server),
];

impl Variable {
    /// Returns the variable with a name in `log-format`; `None` if HAProxy has no such variable.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let kept = NAMES.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable);
        kept.or_else(|| OTHER_NAMES.contains(&name).then_some(Self::Other))
    }

    /// Returns the variable with the same value as a sample expression.
    pub(super) fn from_expression(expression: &str) -> Self {
        EXPRESSIONS.iter().find(|(known, _)| *known == expression).map_or(Self::Other, |(_, variable)| *variable)
    }

    /// Returns whether a value may contain blanks.
    pub(super) fn may_have_blanks(self) -> bool {
        matches!(self, Self::Date | Self::RequestLine | Self::Captures | Self::Other)
    }
}

/// The texts of the variables of one line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fields<'l>([Option<&'l [u8]>; KEPT]);

impl<'l> Fields<'l> {
    /// Returns the text of a variable; `None` if the format does not contain it.
    pub(super) fn get(&self, variable: Variable) -> Option<&'l [u8]> {
        self.0.get(variable as usize).copied().flatten()
    }

    /// Sets the text of a variable that is kept.
    pub(super) fn set(&mut self, variable: Variable, text: &'l [u8]) {
        if let Some(place) = self.0.get_mut(variable as usize) {
            *place = Some(text);
        }
    }
}
