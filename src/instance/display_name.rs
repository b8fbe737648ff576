//! The name of an instance for people, the same on the screen and in lines of text.

use crate::haproxy::safe_text::SafeText;
use crate::instance::state::Instance;

/// The names of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InstanceNames<'a> {
    /// Configured name, or the address if it has no name.
    pub(crate) label: &'a str,
    /// Address of the stats socket.
    pub(crate) address: &'a str,
    /// Name that HAProxy reports, if known.
    node: Option<&'a str>,
}

impl<'a> InstanceNames<'a> {
    /// Returns the names of an instance with this label and address.
    pub(crate) fn new(label: &'a str, address: &'a str, instance: &'a Instance) -> Self {
        let node = instance.latest().and_then(|sample| sample.info.node()).map(SafeText::as_str);
        Self { label, address, node }
    }

    /// Returns the configured name, or else HAProxy's own name, or else the address.
    fn preferred(&self) -> &'a str {
        self.node.filter(|_| self.label == self.address).unwrap_or(self.label)
    }

    /// Returns the name to display, among all instances of this run. Two instances of the same name, such as two
    /// HAProxies that are called like their machine, are displayed by their addresses.
    pub(crate) fn display_name(self, all: impl Iterator<Item = Self>) -> &'a str {
        let preferred = self.preferred();
        let is_unique = all.filter(|other| other.preferred() == preferred).count() <= 1;
        if is_unique { preferred } else { self.label }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::{SampleBuilder, stat_of_site};

    #[test]
    fn display_name_prefers_configured_name_then_node_then_address() {
        let mut instance = Instance::default();
        let name = |label, instance: &Instance| {
            let names = InstanceNames::new(label, "/run/a.sock", instance);
            names.display_name(std::iter::once(names)).to_owned()
        };
        assert_eq!(name("/run/a.sock", &instance), "/run/a.sock");
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        assert_eq!(name("/run/a.sock", &instance), "lb01");
        assert_eq!(name("eu", &instance), "eu");
    }

    #[test]
    fn display_name_of_two_instances_differs() {
        let mut instance = Instance::default();
        instance.add_sample(SampleBuilder::default().build_at_millis(0, &stat_of_site()), 0);
        let all =
            ["/run/a.sock", "/run/b.sock", "lb01"].map(|label| (label, if label == "lb01" { "x:1" } else { label }));
        let all = || all.iter().map(|(label, address)| InstanceNames::new(label, address, &instance));
        let names: Vec<&str> = all().map(|names| names.display_name(all())).collect();
        assert_eq!(names, ["/run/a.sock", "/run/b.sock", "lb01"]);
        let two = || all().skip(1).take(1);
        assert_eq!(two().next().unwrap().display_name(two()), "lb01");
    }
}
