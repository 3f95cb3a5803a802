//! Topics and rights as resources of Strimzi's operators (`kafka.strimzi.io/v1`): a `KafkaTopic` each, and the `KafkaUser`
//! that an instance runs as.

use std::collections::BTreeMap;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::runtime::log::NewTopic;
use crate::runtime::rights::{Operation, Pattern, Resource, Right};

/// The longest name of a resource in Kubernetes.
const LONGEST: usize = 253;

/// A resource of either kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<S> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata,
    spec: S,
}

#[derive(Serialize)]
struct Metadata {
    name: String,
    labels: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TopicSpec<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_name: Option<&'a str>,
    partitions: u16,
    replicas: u16,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct UserSpec<'a> {
    authentication: Typed,
    authorization: Authorization<'a>,
}

#[derive(Serialize)]
struct Typed {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Authorization<'a> {
    r#type: &'static str,
    acls: Vec<Acl<'a>>,
}

#[derive(Serialize)]
struct Acl<'a> {
    resource: AclResource<'a>,
    operations: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AclResource<'a> {
    r#type: &'static str,
    name: &'a str,
    pattern_type: &'static str,
}

/// All documents, as YAML: the topics in the order of the flow, then the user.
pub(super) fn manifests(
    cluster: &str,
    user: &str,
    topics: &[NewTopic],
    rights: &[Right],
) -> Result<String, yaml_serde::Error> {
    let labels = || BTreeMap::from([("strimzi.io/cluster", cluster.to_owned())]);
    let mut text = String::new();
    for topic in topics {
        let name = resource_name(&topic.name);
        let spec = TopicSpec {
            topic_name: (name != topic.name).then_some(&topic.name),
            partitions: topic.partitions,
            replicas: topic.replication_factor,
            config: topic.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect(),
        };
        push(&mut text, "KafkaTopic", Metadata { name, labels: labels() }, spec)?;
    }
    let spec = UserSpec {
        // The operator makes a secret of the user's name, with the password.
        authentication: Typed { r#type: "scram-sha-512" },
        authorization: Authorization { r#type: "simple", acls: rights.iter().map(acl).collect() },
    };
    push(&mut text, "KafkaUser", Metadata { name: resource_name(user), labels: labels() }, spec)?;
    Ok(text)
}

fn push<S: Serialize>(
    text: &mut String,
    kind: &'static str,
    metadata: Metadata,
    spec: S,
) -> Result<(), yaml_serde::Error> {
    let manifest = Manifest { api_version: "kafka.strimzi.io/v1", kind, metadata, spec };
    text.push_str("---\n");
    text.push_str(&yaml_serde::to_string(&manifest)?);
    Ok(())
}

fn acl(right: &Right) -> Acl<'_> {
    let r#type = match right.resource {
        Resource::Topic => "topic",
        Resource::Group => "group",
        Resource::TransactionalId => "transactionalId",
    };
    let pattern_type = match right.pattern {
        Pattern::Literal => "literal",
        Pattern::Prefix => "prefix",
    };
    let in_words = |operation: &Operation| match operation {
        Operation::Create => "Create",
        Operation::Delete => "Delete",
        Operation::Describe => "Describe",
        Operation::Read => "Read",
        Operation::Write => "Write",
    };
    Acl {
        resource: AclResource { r#type, name: &right.name, pattern_type },
        operations: right.operations.iter().map(in_words).collect(),
    }
}

/// The name itself where Kubernetes takes it, else one like it that no other name has.
fn resource_name(name: &str) -> String {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = |part: &str| part.starts_with(is_end) && part.ends_with(is_end);
    let legal = name.chars().all(|c| is_end(c) || matches!(c, '-' | '.'));
    if legal && name.len() <= LONGEST && name.split('.').all(fits) {
        return name.to_owned();
    }
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let like: String = name.chars().map(plain).take(LONGEST - 9).collect();
    let like = like.trim_matches('-');
    let hash = xxh3_64(name.as_bytes()) >> 32;
    if like.is_empty() { format!("topic-{hash:08x}") } else { format!("{like}-{hash:08x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_kubernetes_takes_and_stay_apart() {
        for name in ["kpis", "tributary-forwards-0a1b2c3d", "b2b.marketing.kpis", "7"] {
            assert_eq!(resource_name(name), name);
        }
        let odd =
            ["Kpis", "kpis_", "deal_stages", "deal.stages_", "-kpis", "kpis.", "a..b", "_", "__", &"x".repeat(254)];
        let names: Vec<_> = odd.iter().map(|name| resource_name(name)).collect();
        for name in &names {
            assert!(name.len() <= LONGEST && resource_name(name) == *name, "{name}");
        }
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), odd.len(), "{names:?}");
    }
}
