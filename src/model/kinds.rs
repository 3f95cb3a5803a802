//! The kinds of a touchpoint and of a form: closed lists, with the names that events carry.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($variant:ident = $name:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $type { $($variant,)+ }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// What a visitor or a lead did, or what was done to them.
    TouchKind {
        Impression = "impression",
        Click = "click",
        PageView = "page_view",
        EmailSent = "email_sent",
        EmailDelivered = "email_delivered",
        EmailBounced = "email_bounced",
        EmailOpened = "email_opened",
        EmailClicked = "email_clicked",
        EmailUnsubscribed = "email_unsubscribed",
        WebinarRegistered = "webinar_registered",
        WebinarAttended = "webinar_attended",
        WebinarQuestion = "webinar_question",
        WebinarReplayed = "webinar_replayed",
        MailSent = "mail_sent",
        MailOpened = "mail_opened",
        MailClaimed = "mail_claimed",
        MeetingBooked = "meeting_booked",
        DemoBooked = "demo_booked",
        ContentRead = "content_read",
        SocialEngaged = "social_engaged",
        NurtureJoined = "nurture_joined",
        CommunityJoined = "community_joined",
        CommunityLeft = "community_left",
        CommunityActive = "community_active",
        QuestionAsked = "question_asked",
        QuestionAnswered = "question_answered",
        ProductUsed = "product_used",
        ReferralMade = "referral_made",
    }
}

named! {
    /// What a form was for. Every kind but `survey` makes a raw lead of its sender.
    FormKind {
        Contact = "contact",
        DemoRequest = "demo_request",
        Content = "content",
        Webinar = "webinar",
        Newsletter = "newsletter",
        Qualification = "qualification",
        Survey = "survey",
    }
}

named! {
    /// What money was spent on.
    SpendCategory {
        Media = "media",
        Content = "content",
        Tools = "tools",
        People = "people",
    }
}

impl TouchKind {
    /// The kinds that make no step of a journey unless the configuration says otherwise.
    pub const NOT_ENGAGING: &'static [Self] = &[
        Self::Impression,
        Self::EmailSent,
        Self::EmailDelivered,
        Self::EmailOpened,
        Self::EmailBounced,
        Self::EmailUnsubscribed,
        Self::MailSent,
        Self::CommunityLeft,
    ];
}
