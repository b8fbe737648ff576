//! Servers of one name whose addresses differ between balancers, so that an action on all of them may be about different
//! machines.

use crate::actions::intent::ActionTarget;
use crate::fleet::merged;
use crate::observe::sample::Sample;

/// Maximum number of servers that are described.
const MAX_DESCRIBED: usize = 3;

/// Describes the targets whose address on this balancer differs from that of the server of the same name on the first
/// balancer, `first`: `be/s1 is 10.0.0.2:80 here, and 10.0.0.1:80 on lb1`. Addresses that are unknown, or come from DNS, are not
/// compared.
pub(crate) fn describe<'a>(
    targets: impl Iterator<Item = &'a ActionTarget>,
    here: &Sample,
    first: (&str, &Sample),
) -> Vec<String> {
    let (name, first) = first;
    let difference = |target: &ActionTarget| {
        let (own, other) = (address(here, target)?, address(first, target)?);
        let server = format!("{}/{}", target.proxy, target.name);
        (own != other).then(|| format!("{server} is {own} here, and {other} on {name}"))
    };
    let mut lines: Vec<String> = targets.filter_map(difference).collect();
    let more = lines.len().saturating_sub(MAX_DESCRIBED);
    lines.truncate(MAX_DESCRIBED);
    lines.extend((more > 0).then(|| format!("{more} more have other addresses than on {name}")));
    lines
}

fn address<'a>(sample: &'a Sample, target: &ActionTarget) -> Option<&'a str> {
    let backend = sample.backend_named(&target.proxy)?;
    let is_it = |server: &&usize| sample.table.rows()[**server].name == target.name;
    merged::server_address(sample, *backend.servers.iter().find(is_it)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::test_samples::SampleBuilder;

    #[test]
    fn describe_names_servers_with_another_address() {
        let sample = |rows: &str| {
            let stat = format!("# pxname,svname,type,status,addr,\n{rows}be,BACKEND,1,UP,,\n");
            SampleBuilder::default().build_at_millis(0, &stat)
        };
        let first = sample("be,s1,2,UP,10.0.0.1:80,\nbe,s2,2,UP,10.0.0.2:80,\nbe,s3,2,UP,,\n");
        let here = sample("be,s1,2,UP,10.0.0.1:80,\nbe,s2,2,UP,10.9.0.2:80,\nbe,s3,2,UP,10.9.0.3:80,\nbe,s4,2,UP,x,\n");
        let targets = |names: &[&str]| -> Vec<ActionTarget> {
            names.iter().map(|name| ActionTarget::without_row("be".into(), (*name).into())).collect()
        };
        let lines = |names: &[&str]| describe(targets(names).iter(), &here, ("lb1", &first));
        assert_eq!(lines(&["s1", "s2", "s3", "s4"]), ["be/s2 is 10.9.0.2:80 here, and 10.0.0.2:80 on lb1"]);
        assert_eq!(lines(&["s2"; 5])[3], "2 more have other addresses than on lb1");
    }
}
