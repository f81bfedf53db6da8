//! Days that spreadsheets count, as dates and times of day.

use jiff::civil::{Date, DateTime};
use jiff::{RoundMode, Span, Unit};

/// Seconds of a day.
const DAY: f64 = 86_400.0;
/// Spreadsheets know no later day than the end of 9999.
const MAX_DAYS: f64 = 2_958_466.0;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::parsers) enum Epoch {
    /// Day 1 is 1 January 1900, and 1900 is taken for a leap year, as Lotus 1-2-3 did.
    #[default]
    Y1900,
    /// Day 0 is 1 January 1904.
    Y1904,
}

/// A piece of a date or of a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// With this many digits.
    Year(usize),
    /// 1 or 2 digits, or a name of 3 letters or in full, or its first letter.
    Month(usize),
    /// 1 or 2 digits, or a name of 3 letters or in full.
    Day(usize),
    Hour(usize),
    Minute(usize),
    Second(usize),
    /// Digits behind the second.
    Fraction(usize),
    HalfDay,
    /// All hours, minutes or seconds since zero, with at least this many digits.
    Elapsed(Unit, usize),
}

/// A moment as a spreadsheet stores it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    days: f64,
    time: DateTime,
    pub(super) in_halves: bool,
}

impl Moment {
    /// The moment `days` after the epoch; `None` where no spreadsheet shows one. Rounded to `unit`.
    pub(super) fn new(days: f64, epoch: Epoch, unit: Unit) -> Option<Self> {
        if !(0.0..MAX_DAYS).contains(&days) {
            return None;
        }
        let first = match epoch {
            Epoch::Y1904 => Date::constant(1904, 1, 1),
            // Day 60 is the 29 February that 1900 did not have.
            Epoch::Y1900 if days < 60.0 => Date::constant(1899, 12, 31),
            Epoch::Y1900 => Date::constant(1899, 12, 30),
        };
        #[allow(clippy::cast_possible_truncation, reason = "below 2^53: checked above")]
        let millis = (days * DAY * 1000.0).round() as i64;
        let time = first.at(0, 0, 0, 0).checked_add(Span::new().try_milliseconds(millis).ok()?);
        let round = jiff::civil::DateTimeRound::new().smallest(unit).mode(RoundMode::HalfExpand);
        let time = time.ok()?.round(round).ok()?;
        Some(Self { days, time, in_halves: false })
    }

    /// One piece of it, as text.
    pub(super) fn show(&self, part: Part) -> String {
        let time = &self.time;
        let name = |names: &[&'static str], number: i8| {
            let index = usize::try_from(number - 1).unwrap_or_default();
            names.get(index).copied().unwrap_or_default()
        };
        let padded = |number: i8, width: usize| format!("{number:0width$}", width = width.min(2));
        match part {
            Part::Year(digits) if digits <= 2 => format!("{:02}", time.year().rem_euclid(100)),
            Part::Year(_) => format!("{:04}", time.year()),
            Part::Month(width) => match width {
                0..=2 => padded(time.month(), width),
                3 => name(&MONTHS, time.month()).chars().take(3).collect(),
                5 => name(&MONTHS, time.month()).chars().take(1).collect(),
                _ => name(&MONTHS, time.month()).to_owned(),
            },
            Part::Day(width) => {
                let weekday = name(&WEEKDAYS, time.weekday().to_monday_one_offset());
                match width {
                    0..=2 => padded(time.day(), width),
                    3 => weekday.chars().take(3).collect(),
                    _ => weekday.to_owned(),
                }
            }
            Part::Hour(width) if self.in_halves => padded((time.hour() + 11) % 12 + 1, width),
            Part::Hour(width) => padded(time.hour(), width),
            Part::Minute(width) => padded(time.minute(), width),
            Part::Second(width) => padded(time.second(), width),
            Part::Fraction(width) => {
                let digits = format!("{:03}", time.millisecond());
                format!(".{}", digits.get(..width.min(3)).unwrap_or_default())
            }
            Part::HalfDay => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            Part::Elapsed(unit, width) => self.elapsed(unit, width),
        }
    }

    fn elapsed(&self, unit: Unit, width: usize) -> String {
        let per_day = if unit == Unit::Hour {
            24.0
        } else if unit == Unit::Minute {
            24.0 * 60.0
        } else {
            DAY
        };
        // Half a millisecond on top: 0.75 days times 24 may come out as 17.999….
        let n = (self.days * per_day + per_day * 0.0005 / DAY).floor();
        format!("{n:0width$.0}", width = width.min(9))
    }
}
