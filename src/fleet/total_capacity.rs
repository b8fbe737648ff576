//! Capacity of the backends that several balancers have in common: the servers that can take traffic, on all of them
//! together and on the balancer with the fewest.

use crate::actions::capacity::Capacity;
use crate::haproxy::safe_text::SafeText;
use crate::observe::sample::Sample;
use crate::units::pluralize;

/// Capacity of the backends of several balancers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TotalCapacity {
    backends: Vec<BackendTotal>,
}

/// One backend. Backends of different modes are not the same, even if they have the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct BackendTotal {
    name: SafeText,
    is_tcp: bool,
    /// Names of the balancers, and the capacity of each.
    parts: Vec<(String, Capacity)>,
}

impl TotalCapacity {
    /// Adds the capacity of a backend of one balancer. `sample` is the balancer's and has the backend's mode. A later
    /// capacity of the same balancer replaces the earlier one.
    pub(crate) fn set(&mut self, balancer: &str, sample: &Sample, backend: &SafeText, capacity: Capacity) {
        let Some(rows) = sample.backend_named(backend) else { return };
        let is_tcp = sample.table.rows()[rows.row].is_tcp();
        let known = self.backends.iter().position(|total| total.name == *backend && total.is_tcp == is_tcp);
        let place = known.unwrap_or_else(|| {
            self.backends.push(BackendTotal { name: backend.clone(), is_tcp, parts: Vec::new() });
            self.backends.len() - 1
        });
        let parts = &mut self.backends[place].parts;
        match parts.iter_mut().find(|(name, _)| name == balancer) {
            Some((_, known)) => *known = capacity,
            None => parts.push((balancer.to_owned(), capacity)),
        }
    }

    /// Describes each backend that several balancers have:
    /// `9 of 12 servers of be_web usable on 3 balancers, fewest on lb02: 2 of 4 servers`.
    pub(crate) fn describe(&self) -> Vec<String> {
        self.backends.iter().filter(|total| total.parts.len() > 1).map(BackendTotal::describe).collect()
    }
}

impl BackendTotal {
    fn describe(&self) -> String {
        let Self { name, parts, .. } = self;
        let sum = parts.iter().fold(Capacity::default(), |sum, (_, part)| Capacity {
            active: sum.active + part.active,
            usable: sum.usable + part.usable,
            backup: sum.backup + part.backup,
            all_backups: sum.all_backups + part.all_backups,
            // Only the shares of weights on one balancer mean something.
            weight: 0,
        });
        let count = pluralize(parts.len() as i64, "balancer");
        let total = format!("{} of {name} usable on {count}", sum.describe_usable());
        let empty: Vec<&str> =
            parts.iter().filter(|(_, part)| !part.is_available()).map(|(balancer, _)| balancer.as_str()).collect();
        if !empty.is_empty() {
            return format!("{total}, none on {}", empty.join(", "));
        }
        let usable = |part: &Capacity| (part.usable, part.backup);
        let fewest = parts.iter().min_by_key(|(_, part)| usable(part));
        match fewest.filter(|(_, least)| parts.iter().any(|(_, part)| usable(part) != usable(least))) {
            Some((balancer, least)) => format!("{total}, fewest on {balancer}: {}", least.describe_usable()),
            None => total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;
    use std::sync::Arc;

    fn sample(mode: &str) -> Arc<Sample> {
        let stat = format!("# pxname,svname,type,status,mode,\nbe,s1,2,UP,{mode},\nbe,BACKEND,1,UP,{mode},\n");
        SampleBuilder::default().build_at_millis(0, &stat)
    }

    fn usable(usable: usize) -> Capacity {
        Capacity { active: 4, usable, weight: 100, ..Capacity::default() }
    }

    fn described(parts: &[(&str, &str, usize)]) -> Vec<String> {
        let mut total = TotalCapacity::default();
        for (balancer, mode, count) in parts {
            total.set(balancer, &sample(mode), &"be".into(), usable(*count));
        }
        total.describe()
    }

    #[test]
    fn describe_names_balancer_with_fewest_servers() {
        assert_eq!(described(&[("a", "http", 3), ("b", "http", 3)]), ["6 of 8 servers of be usable on 2 balancers"]);
        assert_eq!(
            described(&[("a", "http", 3), ("b", "http", 2), ("c", "http", 4)]),
            ["9 of 12 servers of be usable on 3 balancers, fewest on b: 2 of 4 servers"]
        );
        assert_eq!(
            described(&[("a", "http", 0), ("b", "http", 3), ("c", "http", 0)]),
            ["3 of 12 servers of be usable on 3 balancers, none on a, c"]
        );
        let replaced = described(&[("a", "http", 4), ("b", "http", 4), ("a", "http", 3), ("b", "http", 3)]);
        assert_eq!(replaced, ["6 of 8 servers of be usable on 2 balancers"]);
    }

    #[test]
    fn describe_keeps_modes_apart_and_omits_single_balancers() {
        assert_eq!(described(&[("a", "http", 3), ("b", "tcp", 3)]), [""; 0]);
        let both = described(&[("a", "http", 3), ("b", "tcp", 3), ("c", "tcp", 3)]);
        assert_eq!(both, ["6 of 8 servers of be usable on 2 balancers"]);
    }
}
