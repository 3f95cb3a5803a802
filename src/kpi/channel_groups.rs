//! The group of a channel: paid, owned or earned, `(unattributed)` on its own, as the built-in lists say unless the
//! configuration moves it.

use crate::config::Channels;
use crate::model::event::UNATTRIBUTED;

const PAID: [&str; 4] = ["display", "affiliates", "content_syndication", "cross_network"];
const OWNED: [&str; 9] =
    ["email", "webinar", "direct_mail", "sms", "push", "community", "product", "messaging", "direct"];

#[must_use]
pub fn channel_group<'a>(channels: &'a Channels, channel: &str) -> &'a str {
    if channel == UNATTRIBUTED {
        return UNATTRIBUTED;
    }
    if let Some(group) = channels.groups.get(channel) {
        return group;
    }
    if channel.starts_with("paid_") || PAID.contains(&channel) {
        "paid"
    } else if OWNED.contains(&channel) {
        "owned"
    } else {
        "earned"
    }
}
