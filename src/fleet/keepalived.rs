//! keepalived, which moves addresses between machines by VRRP: its report in JSON, and the addresses in its
//! configuration.

use std::net::IpAddr;

use serde_json::Value as JsonValue;

/// State of a VRRP instance on one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VrrpState {
    /// It starts.
    Init,
    /// Another machine holds the addresses.
    Backup,
    /// This machine holds the addresses.
    Master,
    /// This machine cannot hold the addresses: an interface is down, or a check fails.
    Fault,
}

impl VrrpState {
    /// The states by the numbers in keepalived's report.
    const BY_NUMBER: [Self; 4] = [Self::Init, Self::Backup, Self::Master, Self::Fault];

    /// Returns the state in keepalived's word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
            Self::Fault => "FAULT",
        }
    }
}

/// A VRRP instance in keepalived's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VrrpInstance {
    /// Name in the configuration.
    pub(crate) name: String,
    /// State on this machine.
    pub(crate) state: VrrpState,
    /// Addresses that it moves.
    pub(crate) addresses: Vec<IpAddr>,
}

/// Parses the file that keepalived writes when it receives the signal `keepalived --signum=JSON`: a list of VRRP
/// instances. Returns an empty list for other contents; instances without a known state are left out.
pub(crate) fn parse_report(json: &[u8]) -> Vec<VrrpInstance> {
    let Ok(report) = serde_json::from_slice::<JsonValue>(json) else { return Vec::new() };
    // Version 2.2 writes a list, later ones may write an object with the list in `vrrp`.
    let list = report.as_array().or_else(|| report.get("vrrp")?.as_array());
    let instance = |entry: &JsonValue| {
        let data = entry.get("data")?;
        let number = usize::try_from(data.get("state")?.as_u64()?).ok()?;
        let name = crate::haproxy::safe_text::SafeText::from(data.get("iname")?.as_str()?).to_string();
        let addresses = data.get("vips").and_then(JsonValue::as_array).into_iter().flatten();
        Some(VrrpInstance {
            name,
            state: *VrrpState::BY_NUMBER.get(number)?,
            addresses: addresses.filter_map(|text| parse_address(text.as_str()?)).collect(),
        })
    };
    list.into_iter().flatten().filter_map(instance).collect()
}

/// Parses `10.77.0.100/24 dev eth0 scope global`.
fn parse_address(line: &str) -> Option<IpAddr> {
    line.split_whitespace().next()?.split('/').next()?.parse().ok()
}

/// Blocks of the configuration that list addresses to move.
const ADDRESS_BLOCKS: [&str; 2] = ["virtual_ipaddress", "virtual_ipaddress_excluded"];

/// The part of a configuration file that is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeepalivedConfig {
    /// Addresses to move, in their order, each once.
    pub(crate) addresses: Vec<IpAddr>,
    /// Arguments of `include`, in their order.
    pub(crate) includes: Vec<String>,
}

/// Reads the addresses in the blocks of all VRRP instances. `#` and `!` start comments; braces may stand anywhere in a
/// line.
pub(crate) fn parse_config(text: &str) -> KeepalivedConfig {
    let mut config = KeepalivedConfig::default();
    // Words after which the next opening brace begins a block of addresses.
    let mut is_announced = false;
    let mut is_inside = false;
    for line in text.lines() {
        let line = line.split(['#', '!']).next().unwrap_or_default().replace('{', " { ").replace('}', " } ");
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [first, path, ..] = words.as_slice()
            && first.starts_with("include")
        {
            config.includes.push((*path).to_owned());
            continue;
        }
        // In a block, only the first word of a line is an address: `10.0.0.9/24 dev eth0`.
        let mut is_first = true;
        for word in words {
            match word {
                "{" => is_inside = std::mem::take(&mut is_announced),
                "}" => is_inside = false,
                word if is_inside => {
                    let address = parse_address(word).filter(|_| std::mem::take(&mut is_first));
                    let new = address.filter(|ip| !config.addresses.contains(ip));
                    config.addresses.extend(new);
                }
                word => is_announced = is_announced || ADDRESS_BLOCKS.contains(&word),
            }
        }
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Report of keepalived 2.2.7 as master, without the keys that are not used.
    const REPORT: &str = r#"[{"data":{"iname":"VI_1","ifp_ifname":"eth0","last_transition":1796080331.733776,"vrid":51,
        "state":2,"wantstate":2,"vips":["10.77.0.100/24 dev eth0 scope global set","fd00::9/64 dev eth0 scope global"]},
        "stats":{"advert_rcvd":0}},{"data":{"iname":"VI_2","state":3}},{"data":{"iname":"VI_3","state":9}}]"#;

    #[test]
    fn parse_report_reads_states_and_addresses() {
        let found = parse_report(REPORT.as_bytes());
        let states: Vec<(&str, VrrpState)> = found.iter().map(|vrrp| (vrrp.name.as_str(), vrrp.state)).collect();
        assert_eq!(states, [("VI_1", VrrpState::Master), ("VI_2", VrrpState::Fault)]);
        let addresses: Vec<String> = found[0].addresses.iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["10.77.0.100", "fd00::9"]);
        assert_eq!(parse_report(format!("{{\"vrrp\":{REPORT}}}").as_bytes()).len(), 2);
        for text in ["", "{}", "[1]", "[{\"data\":{}}]", "null"] {
            assert_eq!(parse_report(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn parse_report_escapes_control_characters_in_names() {
        let found = parse_report(br#"[{"data":{"iname":"V\u001b[2J","state":1}}]"#);
        assert!(!found[0].name.contains('\u{1b}'), "{found:?}");
    }

    #[test]
    fn parse_config_finds_addresses_in_every_layout() {
        let addresses =
            |text: &str| -> Vec<String> { parse_config(text).addresses.iter().map(ToString::to_string).collect() };
        let usual = "vrrp_instance VI_1 {\n  interface eth0\n  unicast_peer {\n    10.0.0.2\n  }\n  virtual_ipaddress {\n\
                     \x20   10.0.0.9/24 dev eth0 # the site\n    !10.0.0.8\n    fd00::9/64\n  }\n}\n";
        assert_eq!(addresses(usual), ["10.0.0.9", "fd00::9"]);
        assert_eq!(
            addresses("virtual_ipaddress\n{\n10.0.0.9\n}\nvirtual_ipaddress_excluded {10.0.0.7}"),
            ["10.0.0.9", "10.0.0.7"]
        );
        assert_eq!(addresses("virtual_routes { 10.0.0.9 }\nvirtual_ipaddress { }\n10.0.0.1"), [""; 0]);
        assert_eq!(parse_config("include /etc/keepalived/conf.d/*.conf\n").includes, ["/etc/keepalived/conf.d/*.conf"]);
    }

    proptest! {
        #[test]
        fn parsers_never_panic(text in "[ -~\n{}#!]{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse_config(&text);
            parse_report(&bytes);
            crate::fleet::carp::parse_ifconfig(&text);
        }
    }
}
