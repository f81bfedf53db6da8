//! Who wrote a message to whom, when and about what: its first lines.

use mail_parser::{Address, DateTime, Message};

use crate::parsers::assemble::{Facts, one_line};

/// Addresses of one field that are shown; lists of hundreds help nobody who searches.
const MAX_ADDRESSES: usize = 30;

/// What is known about a message.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) cc: String,
    /// As people write it, and as programs do.
    pub(super) date: (String, String),
    pub(super) subject: String,
    pub(super) id: String,
}

impl Head {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let sender = message.from().or_else(|| message.sender());
        let text = |text: Option<&str>| text.map(one_line).unwrap_or_default();
        Self {
            from: addresses(sender),
            to: addresses(message.to()),
            cc: addresses(message.cc()),
            date: message.date().filter(|date| date.is_valid()).map(dates).unwrap_or_default(),
            subject: text(message.subject()),
            id: text(message.message_id()),
        }
    }

    pub(super) fn facts(&self, facts: &mut Facts) {
        facts.offer_title(&self.subject);
        for (key, value) in [
            ("author", &self.from),
            ("to", &self.to),
            ("cc", &self.cc),
            ("created", &self.date.1),
            ("subject", &self.subject),
            ("message_id", &self.id),
        ] {
            facts.note(key, value);
        }
    }

    /// The lines before the message, `attached` among them.
    pub(super) fn lines(&self, attached: &[String]) -> String {
        let attached = shortened(attached);
        let lines = [
            ("From", &self.from),
            ("To", &self.to),
            ("Cc", &self.cc),
            ("Date", &self.date.0),
            ("Subject", &self.subject),
            ("Attachments", &attached),
        ];
        let lines = lines.iter().filter(|(_, value)| !value.is_empty());
        lines.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
    }
}

fn addresses(field: Option<&Address<'_>>) -> String {
    let Some(field) = field else { return String::new() };
    let all: Vec<String> = field
        .iter()
        .filter_map(|one| match (one.name.as_deref(), one.address.as_deref()) {
            (Some(name), Some(address)) if name != address => Some(format!("{name} <{address}>")),
            (Some(one), _) | (None, Some(one)) => Some(one.to_owned()),
            (None, None) => None,
        })
        .map(|one| one_line(&one))
        .collect();
    shortened(&all)
}

/// The first few, and how many others there are.
pub(super) fn shortened(all: &[String]) -> String {
    let mut shown: Vec<String> = all.iter().take(MAX_ADDRESSES).cloned().collect();
    if all.len() > shown.len() {
        shown.push(format!("{} more", all.len() - shown.len()));
    }
    shown.join(", ")
}

fn dates(date: &DateTime) -> (String, String) {
    let zone = if date.tz_before_gmt { '-' } else { '+' };
    let shown = format!(
        "{:04}-{:02}-{:02} {:02}:{:02} {zone}{:02}{:02}",
        date.year, date.month, date.day, date.hour, date.minute, date.tz_hour, date.tz_minute
    );
    (shown, date.to_rfc3339())
}
