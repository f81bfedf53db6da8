//! WebVTT and SubRip: what is said, in passages that begin with their time.

use super::Page;
use crate::error::Result;
use crate::types::BlockKind;

/// A passage goes on for this many bytes at least, and then to the end of a sentence.
const PASSAGE_BYTES: usize = 300;
/// Silence that ends a passage, in seconds.
const SILENCE_S: f64 = 4.0;

pub(super) fn read(text: &str, page: &mut Page<'_>) -> Result<bool> {
    let mut passage: Option<Passage> = None;
    let mut n_cues = 0_usize;
    for block in text.split("\n\n") {
        page.watch.tick()?;
        let mut lines = block.lines().skip_while(|line| !line.contains("-->"));
        let Some((start, end)) = lines.next().and_then(times) else { continue };
        n_cues += 1;
        let (speaker, said) = spoken(lines);
        let goes_on = |open: &Passage| {
            start - open.end <= SILENCE_S && !open.is_full() && open.speaker == speaker
        };
        if let Some(ended) = passage.take_if(|open| !goes_on(open)) {
            ended.write(page)?;
        }
        let open = passage.get_or_insert(Passage { start, end, speaker, text: String::new() });
        open.end = end;
        open.say(&said);
    }
    if let Some(last) = passage {
        last.write(page)?;
    }
    Ok(n_cues > 0)
}

#[derive(Debug)]
struct Passage {
    start: f64,
    end: f64,
    speaker: Option<String>,
    text: String,
}

impl Passage {
    fn is_full(&self) -> bool {
        self.text.len() >= PASSAGE_BYTES
            && self.text.ends_with(['.', '!', '?', '…', '。', '？', '！'])
            || self.text.len() >= 3 * PASSAGE_BYTES
    }

    fn say(&mut self, said: &str) {
        // Captions that roll repeat the line before.
        if said.is_empty() || self.text.ends_with(said) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(said);
    }

    fn write(&self, page: &mut Page<'_>) -> Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let speaker = self.speaker.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        let text = format!("[{}] {speaker}{}", clock(self.start), self.text);
        page.assembly.block(BlockKind::Paragraph, &text)
    }
}

/// Who speaks, where that is said, and what, without tags.
fn spoken<'l>(lines: impl Iterator<Item = &'l str>) -> (Option<String>, String) {
    let (mut speaker, mut said) = (None, String::new());
    for line in lines {
        let mut rest = line;
        while let Some((before, tag)) = rest.split_once('<') {
            said.push_str(before);
            let Some((tag, after)) = tag.split_once('>') else {
                said.push('<');
                rest = tag;
                continue;
            };
            let (name, value) = tag.split_once(' ').unwrap_or((tag, ""));
            if name == "v" || name.starts_with("v.") {
                speaker = Some(value.trim().to_owned()).filter(|name| !name.is_empty());
            }
            rest = after;
        }
        said.push_str(rest);
        said.push(' ');
    }
    let said =
        said.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ");
    (speaker, said.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// `00:01:02.500 --> 00:01:04.000 line:0`, in seconds.
fn times(line: &str) -> Option<(f64, f64)> {
    let (start, rest) = line.split_once("-->")?;
    let end = rest.split_whitespace().next()?;
    Some((seconds(start.trim())?, seconds(end)?))
}

fn seconds(time: &str) -> Option<f64> {
    let mut total = 0.0;
    for part in time.split(':') {
        let part: f64 = part.replace(',', ".").parse().ok()?;
        total = total * 60.0 + part;
    }
    total.is_finite().then_some(total)
}

fn clock(seconds: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time in a film; what is none becomes the largest number"
    )]
    let whole = seconds.max(0.0) as u64;
    format!("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
}
