//! CARP, which moves addresses between machines on FreeBSD: the states in the output of `ifconfig`.

/// State of a CARP group on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CarpState {
    /// The interface is down, or CARP has just started.
    Init,
    /// Another machine holds the addresses.
    Backup,
    /// This machine holds the addresses.
    Master,
}

impl CarpState {
    /// Returns the state in the word of `ifconfig`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Init, Self::Backup, Self::Master].into_iter().find(|state| state.as_str() == word)
    }
}

/// A CARP group on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CarpGroup {
    /// Name of the interface.
    pub(crate) interface: String,
    /// Number of the group.
    pub(crate) vhid: u16,
    /// State on this machine.
    pub(crate) state: CarpState,
}

/// Parses the output of `ifconfig`. Lines that are not about CARP are skipped, whatever they contain.
pub(crate) fn parse_ifconfig(text: &str) -> Vec<CarpGroup> {
    let mut interface = "";
    let mut groups = Vec::new();
    for line in text.lines() {
        if !line.starts_with(char::is_whitespace) {
            interface = line.split(':').next().unwrap_or_default();
        }
        groups.extend(parse_line(line).map(|(state, vhid)| CarpGroup { interface: interface.to_owned(), vhid, state }));
    }
    groups
}

/// Parses `carp: MASTER vhid 1 advbase 1 advskew 0` (FreeBSD 10 and newer), or
/// `carp: MASTER carpdev em0 vhid 1 advbase 1 advskew 0` (OpenBSD).
fn parse_line(line: &str) -> Option<(CarpState, u16)> {
    let mut words = line.trim().strip_prefix("carp: ")?.split_whitespace();
    let state = CarpState::parse(words.next()?)?;
    words.find(|word| *word == "vhid")?;
    Some((state, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output of FreeBSD 14.1 with two groups on one interface.
    const FREEBSD: &str = "\
em0: flags=1008943<UP,BROADCAST,RUNNING,PROMISC,SIMPLEX,MULTICAST,LOWER_UP> metric 0 mtu 1500
\toptions=48505bb<RXCSUM,TXCSUM,VLAN_MTU,VLAN_HWTAGGING,JUMBO_MTU,VLAN_HWCSUM,TSO4,LRO,VLAN_HWFILTER,VLAN_HWTSO>
\tether 08:00:27:5e:11:0a
\tinet 10.0.0.11 netmask 0xffffff00 broadcast 10.0.0.255
\tinet 10.0.0.100 netmask 0xffffffff broadcast 10.0.0.100 vhid 1
\tinet6 fe80::a00:27ff:fe5e:110a%em0 prefixlen 64 scopeid 0x1
\tcarp: MASTER vhid 1 advbase 1 advskew 0
\t      peer 224.0.0.18 peer6 ff02::12
\tcarp: BACKUP vhid 2 advbase 1 advskew 100
\t      peer 224.0.0.18 peer6 ff02::12
\tmedia: Ethernet autoselect (1000baseT <full-duplex>)
\tstatus: active
lo0: flags=1008049<UP,LOOPBACK,RUNNING,MULTICAST,LOWER_UP> metric 0 mtu 16384
\tinet 127.0.0.1 netmask 0xff000000
";
    /// Output of OpenBSD 7.5.
    const OPENBSD: &str = "\
carp1: flags=8843<UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST> mtu 1500
\tlladdr 00:00:5e:00:01:07
\tcarp: BACKUP carpdev vio0 vhid 7 advbase 1 advskew 100
\tinet 192.0.2.7 netmask 0xffffff00 broadcast 192.0.2.255
";

    #[test]
    fn parse_ifconfig_finds_every_group_of_freebsd_and_openbsd() {
        let group = |interface: &str, vhid, state| CarpGroup { interface: interface.to_owned(), vhid, state };
        let groups = [group("em0", 1, CarpState::Master), group("em0", 2, CarpState::Backup)];
        assert_eq!(parse_ifconfig(FREEBSD), groups);
        assert_eq!(parse_ifconfig(OPENBSD), [group("carp1", 7, CarpState::Backup)]);
    }

    #[test]
    fn parse_ifconfig_skips_what_it_does_not_know() {
        for text in ["", "em0: flags\n\tcarp: SLEEPING vhid 1", "\tcarp: MASTER", "carp: MASTER vhid x", "\tinet carp:"]
        {
            assert_eq!(parse_ifconfig(text), [], "{text}");
        }
    }
}
