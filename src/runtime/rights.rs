//! What an instance may do at least, for whoever grants rights on a cluster: nothing on the cluster itself, and by prefix
//! only what is named by generation or by shard.

use super::topics::Names;
use crate::config::Config;
use crate::publish::ledgers::Ledger;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic,
    Group,
    TransactionalId,
}

/// What a name stands for: itself, or all names that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Literal,
    Prefix,
}

/// Reading and writing include describing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Create,
    Delete,
    Describe,
    Read,
    Write,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    pub resource: Resource,
    pub pattern: Pattern,
    pub name: String,
    pub operations: Vec<Operation>,
}

/// The rights of `run` and `check --connect`, in the order of the flow.
#[must_use]
pub fn needed(config: &Config, names: &Names) -> Vec<Right> {
    [inputs(names), internal(config, names), outputs(names), groups(names), transactions(names)].concat()
}

fn topic(name: &str, operations: &[Operation]) -> Right {
    right(Resource::Topic, Pattern::Literal, name, operations)
}

fn right(resource: Resource, pattern: Pattern, name: &str, operations: &[Operation]) -> Right {
    Right { resource, pattern, name: name.to_owned(), operations: operations.to_vec() }
}

fn inputs(names: &Names) -> Vec<Right> {
    names.inputs.iter().map(|(_, name)| topic(name, &[Operation::Read])).collect()
}

/// A changed configuration has topics of its own, which are created when the configuration says so.
fn internal(config: &Config, names: &Names) -> Vec<Right> {
    let with = |mut operations: Vec<Operation>| {
        if config.topics.create {
            operations.push(Operation::Create);
        }
        operations
    };
    let both = || with(vec![Operation::Read, Operation::Write]);
    let of_generations = |name: &str, operations: Vec<Operation>| {
        right(Resource::Topic, Pattern::Prefix, Names::any_generation(name), &operations)
    };
    vec![
        topic(&names.journal, &both()),
        of_generations(&names.forwards, both()),
        // What the rollup has merged is deleted by it: no retention knows when.
        of_generations(&names.partials, with(vec![Operation::Read, Operation::Write, Operation::Delete])),
        of_generations(&names.snapshots, both()),
    ]
}

/// What is published is read back by the next owner of the rollup, and by instances that follow it.
fn outputs(names: &Names) -> Vec<Right> {
    let read_back = [&names.kpis, &names.alerts].map(|name| topic(name, &[Operation::Read, Operation::Write]));
    let ledgers = Ledger::ALL.map(|ledger| topic(names.ledger(ledger), &[Operation::Write]));
    let letters = topic(&names.dead_letters, &[Operation::Write]);
    read_back.into_iter().chain(ledgers).chain([letters]).collect()
}

fn groups(names: &Names) -> Vec<Right> {
    let group = |pattern, name: &str, operation| right(Resource::Group, pattern, name, &[operation]);
    vec![
        // Nobody joins it: readers that are in no group name it.
        group(Pattern::Literal, &names.group, Operation::Describe),
        group(Pattern::Literal, &names.ingest_group, Operation::Read),
        group(Pattern::Prefix, Names::any_generation(&names.shards_group), Operation::Read),
        group(Pattern::Prefix, Names::any_generation(&names.rollup_group), Operation::Read),
    ]
}

fn transactions(names: &Names) -> Vec<Right> {
    let of = |pattern, name: &str| right(Resource::TransactionalId, pattern, name, &[Operation::Write]);
    let of_shards = names.shard_transactions(0);
    vec![of(Pattern::Prefix, of_shards.trim_end_matches('0')), of(Pattern::Literal, &names.rollup_transactions())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(create: bool) -> Vec<Right> {
        let text = format!("[topics]\ncreate = {create}\n");
        let config = Config::parse(&text, "tributary.toml", std::iter::empty()).unwrap();
        needed(&config, &Names::new(&config, &config.fold_hash()))
    }

    #[test]
    fn prefixes_end_where_a_generation_or_a_shard_begins() {
        let prefixes: Vec<_> = of(true).into_iter().filter(|right| right.pattern == Pattern::Prefix).collect();
        let names: Vec<_> = prefixes.iter().map(|right| right.name.as_str()).collect();
        let topics = ["tributary-forwards-", "tributary-partials-", "tributary-snapshots-"];
        let others = ["tributary-shards-", "tributary-rollup-", "tributary-shard-"];
        assert_eq!(names, [topics, others].concat());
    }

    #[test]
    fn only_internal_topics_are_created_and_only_if_wanted() {
        let creating = |rights: Vec<Right>| -> Vec<String> {
            let rights = rights.into_iter().filter(|right| right.operations.contains(&Operation::Create));
            rights.map(|right| right.name).collect()
        };
        assert_eq!(creating(of(false)), Vec::<String>::new());
        assert_eq!(creating(of(true)).len(), 4);
        assert!(creating(of(true)).iter().all(|name| name.starts_with("tributary-")));
    }
}
