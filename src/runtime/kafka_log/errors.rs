//! librdkafka's errors as the runtime needs them: try again, make a new client, stop because fenced, or give up. What is
//! said of them names codes and settings, never values: those may be secrets.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::runtime::log::LogError;

/// What a code means for somebody who was doing `what`.
pub(super) fn from_code(code: Code, what: &str) -> LogError {
    let text = match code {
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut | Code::Resolve => {
            format!("{what}: the brokers of `kafka.brokers` do not answer: {code}")
        }
        _ => format!("{what}: {code}"),
    };
    match code {
        Code::ProducerFenced | Code::InvalidProducerEpoch | Code::Fenced => LogError::Fenced(text),
        Code::Fatal => LogError::Spent(text),
        _ if is_hopeless(code) => LogError::Fatal(text),
        _ => LogError::Retriable(text),
    }
}

/// No retry helps: rights, names, sizes, settings.
fn is_hopeless(code: Code) -> bool {
    matches!(
        code,
        Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::DelegationTokenAuthorizationFailed
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::UnsupportedVersion
            | Code::UnsupportedFeature
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::InvalidTopic
            | Code::InvalidPartitions
            | Code::InvalidReplicationFactor
            | Code::InvalidConfig
            | Code::InvalidArgument
            | Code::InvalidTransactionTimeout
            | Code::PolicyViolation
            | Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidRequiredAcks
            | Code::SecurityDisabled
    )
}

/// Whether an error of a client says that its rights or settings are wrong.
pub(super) fn is_fatal(error: &LogError) -> bool {
    matches!(error, LogError::Fatal(_))
}

pub(super) fn from_kafka(error: &KafkaError, what: &str) -> LogError {
    match error {
        KafkaError::ClientConfig(_, description, name, _) => {
            LogError::Fatal(format!("{what}: the property {name}: {description}"))
        }
        KafkaError::ClientCreation(text) => LogError::Fatal(format!("{what}: {text}")),
        KafkaError::Transaction(error) => from_code(error.code(), what),
        KafkaError::MessageConsumptionFatal(code) => LogError::Spent(format!("{what}: {code}")),
        KafkaError::Nul(_) => LogError::Fatal(format!("{what}: a name holds a NUL byte")),
        KafkaError::AdminOpCreation(text) => LogError::Fatal(format!("{what}: {text}")),
        other => match other.rdkafka_error_code() {
            Some(code) => from_code(code, what),
            None => LogError::Retriable(format!("{what}: {other}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_does_not_tell_the_value_of_a_property() {
        let error = rdkafka::ClientConfig::new().set("sasl.pasword", "hunter2").create_native_config().err();
        let told = from_kafka(&error.expect("no such property"), "writer").to_string();
        assert!(told.contains("sasl.pasword") && !told.contains("hunter2"), "{told}");
    }
}
