//! Recordings, compiled in: the initial replies for fuzz targets that simulate a whole HAProxy.

/// Replies of one HAProxy version.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    pub info: &'static [u8],
    pub stat: &'static [u8],
    pub states: &'static [u8],
    pub sessions: &'static [u8],
    pub sessions_in_full: &'static [u8],
    pub tables: &'static [u8],
    pub entries: &'static [u8],
    pub help: &'static [u8],
}

macro_rules! recorded {
    ($version:literal, $file:literal) => {
        include_bytes!(concat!("../../fixtures/", $version, "/", $file))
    };
    ($version:literal) => {
        Recorded {
            info: recorded!($version, "show-info.txt"),
            stat: recorded!($version, "show-stat.csv"),
            states: recorded!($version, "show-servers-state.txt"),
            sessions: recorded!($version, "show-sess.txt"),
            sessions_in_full: recorded!($version, "show-sess-all.txt"),
            tables: recorded!($version, "show-table.txt"),
            entries: recorded!($version, "show-table-keys.txt"),
            help: recorded!($version, "help.txt"),
        }
    };
}

/// Recordings of the most common version, the newest version and an old version.
pub static RECORDED: [Recorded; 3] = [recorded!("2.6.12"), recorded!("3.2.0"), recorded!("1.8.0")];
