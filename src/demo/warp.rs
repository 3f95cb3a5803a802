//! Time in the live part of the story: what follows the beginning comes faster than life. A record's times are moved
//! accordingly; what came before the beginning stays where it was.

use serde_json::{Map, Value};

use crate::generate::Produced;
use crate::model::time::Millis;

#[derive(Clone, Copy, Debug)]
pub struct Warp {
    pub begin: Millis,
    pub speed: u32,
}

impl Warp {
    #[must_use]
    pub fn moment(self, at: Millis) -> Millis {
        if at <= self.begin { at } else { Millis(self.begin.0 + (at.0 - self.begin.0) / i64::from(self.speed)) }
    }

    /// A record that is not an object of JSON stays as it is.
    #[must_use]
    pub fn record(self, produced: Produced) -> Produced {
        let timestamp = self.moment(produced.timestamp);
        if timestamp == produced.timestamp {
            return produced;
        }
        let value = produced.value.map(|bytes| match serde_json::from_slice::<Map<String, Value>>(&bytes) {
            Ok(fields) => Value::Object(self.fields(fields)).to_string().into_bytes(),
            Err(_) => bytes,
        });
        Produced { value, timestamp, ..produced }
    }

    fn fields(self, mut fields: Map<String, Value>) -> Map<String, Value> {
        for name in ["occurred_at", "period_start", "period_end"] {
            if let Some(value) = fields.get_mut(name)
                && let Some(at) = read(value)
            {
                *value = self.moment(at).0.into();
            }
        }
        fields
    }
}

fn read(value: &Value) -> Option<Millis> {
    let text = || value.as_str()?.parse::<jiff::Timestamp>().ok();
    value.as_i64().or_else(|| Some(text()?.as_millisecond())).map(Millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Topic;

    fn warped(value: &str, timestamp: i64) -> (String, i64) {
        let value = Some(value.as_bytes().to_vec());
        let topic = Topic::Touchpoints;
        let produced =
            Produced { topic, key: None, value, timestamp: Millis(timestamp), rejected_as: None, duplicate: false };
        let warped = Warp { begin: Millis(1000), speed: 10 }.record(produced);
        (String::from_utf8(warped.value.expect("a value")).expect("text"), warped.timestamp.0)
    }

    #[test]
    fn times_after_the_beginning_come_closer() {
        let (value, timestamp) =
            warped(r#"{"event_id":"a","occurred_at":3000,"period_end":"1970-01-01T00:00:05Z"}"#, 4000);
        assert_eq!((value.as_str(), timestamp), (r#"{"event_id":"a","occurred_at":1200,"period_end":1400}"#, 1300));
        assert_eq!(warped(r#"{"occurred_at":900}"#, 2000).0, r#"{"occurred_at":900}"#);
    }

    #[test]
    fn what_came_before_and_what_is_broken_stays() {
        assert_eq!(warped(r#"{"occurred_at":  900}"#, 1000), (r#"{"occurred_at":  900}"#.to_owned(), 1000));
        assert_eq!(warped(r#"{"occurred_at":"#, 2000).0, r#"{"occurred_at":"#);
        assert_eq!(warped(r#"{"occurred_at":true}"#, 2000).0, r#"{"occurred_at":true}"#);
    }
}
