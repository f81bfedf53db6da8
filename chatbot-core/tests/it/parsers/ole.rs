//! Documents of Office 97 to 2003, and the compound files that they are.

use chatbot_core::Reason;

use super::fixtures::{outline, parse};

const SECTOR: usize = 512;
const END: u32 = 0xFFFF_FFFE;
const FREE: u32 = 0xFFFF_FFFF;

/// A compound file with these streams. Each is padded so that it lies in sectors of its own.
fn ole(streams: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut table, mut data) = (vec![0xFFFF_FFFDu32], Vec::new());
    let mut directory = entry("Root Entry", 5, (FREE, FREE, 1), (END, 0));
    for (i, (name, bytes)) in streams.iter().enumerate() {
        let first = u32::try_from(table.len()).unwrap();
        let len = bytes.len().max(4096).next_multiple_of(SECTOR);
        let n = u32::try_from(len / SECTOR).unwrap();
        table.extend((1..n).map(|at| first + at).chain([END]));
        data.extend(bytes);
        data.resize(data.len() + len - bytes.len(), 0);
        let next = if i + 1 < streams.len() { u32::try_from(i + 2).unwrap() } else { FREE };
        directory.extend(entry(name, 2, (FREE, next, FREE), (first, u32::try_from(len).unwrap())));
    }
    directory.resize(directory.len().next_multiple_of(SECTOR), 0);
    let at = u32::try_from(table.len()).unwrap();
    let n = u32::try_from(directory.len() / SECTOR).unwrap();
    table.extend((1..n).map(|step| at + step).chain([END]));
    assert!(table.len() <= SECTOR / 4, "one sector of table is enough");
    table.resize(SECTOR / 4, FREE);
    let mut out = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    out.resize(SECTOR, 0xFF);
    let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
    put(30, &9u16.to_le_bytes());
    put(32, &6u16.to_le_bytes());
    for (place, number) in [(44, 1), (48, at), (56, 4096), (60, END), (64, 0), (68, END), (76, 0)] {
        put(place, &number.to_le_bytes());
    }
    out.extend(table.iter().flat_map(|number| number.to_le_bytes()));
    out.extend(data);
    out.extend(directory);
    out
}

fn entry(name: &str, kind: u8, links: (u32, u32, u32), (start, len): (u32, u32)) -> Vec<u8> {
    let mut out: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name_len = u16::try_from(out.len() + 2).unwrap();
    out.resize(128, 0);
    out[64..66].copy_from_slice(&name_len.to_le_bytes());
    out[66] = kind;
    for (at, number) in [(68, links.0), (72, links.1), (76, links.2), (116, start), (120, len)] {
        out[at..at + 4].copy_from_slice(&number.to_le_bytes());
    }
    out
}

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).unwrap();
    [&kind.to_le_bytes(), &len.to_le_bytes(), data].concat()
}

/// A record of a cell: row, column, style, and what is in it.
fn cell(kind: u16, [row, column, style]: [u16; 3], data: &[u8]) -> Vec<u8> {
    let place: Vec<u8> = [row, column, style].iter().flat_map(|n| n.to_le_bytes()).collect();
    record(kind, &[&place, data].concat())
}

/// A text whose length takes two bytes, in 8 bits a character.
fn text(text: &str) -> Vec<u8> {
    let len = u16::try_from(text.len()).unwrap();
    [&len.to_le_bytes(), b"\0".as_slice(), text.as_bytes()].concat()
}

pub(crate) fn xls(cells: &[Vec<u8>]) -> Vec<u8> {
    let begin = record(0x809, b"\x00\x06\x05\x00");
    let strings = [2u32.to_le_bytes(), 2u32.to_le_bytes()].concat();
    let strings = [strings, text("Name"), text("Day")].concat();
    let format = [&164u16.to_le_bytes(), text("0.0").as_slice()].concat();
    let globals = |start: u32| {
        let sheet = [&start.to_le_bytes(), b"\0\0\x05\0Sales".as_slice()].concat();
        [
            begin.clone(),
            record(0x41E, &format),
            record(0xE0, &[0, 0, 0, 0]),
            record(0xE0, &[0, 0, 14, 0]),
            record(0xE0, &[0, 0, 164, 0]),
            record(0x85, &sheet),
            record(0xFC, &strings),
            record(0x0A, &[]),
        ]
        .concat()
    };
    let start = u32::try_from(globals(0).len()).unwrap();
    let sheet = [begin.clone(), cells.concat(), record(0x0A, &[])].concat();
    ole(&[("Workbook", [globals(start), sheet].concat())])
}

/// A cell with a text in it.
pub(crate) fn old_text_cell(content: &str) -> Vec<u8> {
    cell(0x204, [0, 0, 0], &text(content))
}

#[test]
fn cells_of_old_workbooks_read_as_they_are_shown() {
    let number = |n: f64| n.to_le_bytes();
    let formula = |result: &[u8; 8]| [result.as_slice(), &[0; 6]].concat();
    let cells = [
        cell(0xFD, [0, 0, 0], &0u32.to_le_bytes()),
        cell(0xFD, [0, 3, 0], &1u32.to_le_bytes()),
        cell(0x204, [1, 0, 0], &text("in place")),
        cell(0x203, [1, 3, 1], &number(45_000.0)),
        cell(0x27E, [2, 0, 2], &(7u32 << 2 | 2).to_le_bytes()),
        cell(0x06, [2, 3, 0], &formula(b"\0\0\0\0\0\0\xFF\xFF")),
        record(0x207, &text("by formula")),
        cell(0x205, [3, 0, 0], &[1, 0]),
        record(
            0xBD,
            &[
                [4u16, 0].map(u16::to_le_bytes).concat(),
                [vec![2, 0], (3u32 << 2 | 2).to_le_bytes().to_vec()].concat(),
                vec![0, 0],
            ]
            .concat(),
        ),
        // A chart inside the sheet.
        record(0x809, b"\x00\x06\x20\x00"),
        cell(0x203, [9, 9, 0], &number(1.0)),
        record(0x0A, &[]),
    ];
    let document = parse("a.xls", xls(&cells)).unwrap();
    let expected = [
        "h1: Sales",
        "th: Name | Day",
        "tr: in place | 2023-03-15",
        "tr: 7.0 | by formula",
        "tr: TRUE",
        "tr: 3.0",
    ];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.pages.len(), 1);
}

#[test]
fn protected_damaged_and_empty_files_have_their_reasons() {
    let protected =
        ole(&[("Workbook", [record(0x809, b"\0\x06\x05\0"), record(0x2F, &[0; 6])].concat())]);
    let secret_word = ole(&[("WordDocument", b"\xEC\xA5\xC1\0\0\0\0\0\0\0\0\x01".to_vec())]);
    let cases = [
        ("a.xls", protected, Reason::Encrypted),
        ("a.doc", secret_word, Reason::Encrypted),
        ("a.doc", ole(&[("WordDocument", vec![0; 100])]), Reason::Corrupt),
        ("a.ppt", ole(&[("PowerPoint Document", vec![0; 100])]), Reason::Corrupt),
        ("a.xls", xls(&[]), Reason::Empty),
        ("a.msg", ole(&[("__properties_version1.0", vec![0])]), Reason::Corrupt),
    ];
    for (i, (name, bytes, reason)) in cases.into_iter().enumerate() {
        assert_eq!(parse(name, bytes).unwrap_err().reason(), Some(reason), "case {i}");
    }
}

#[test]
fn chains_in_circles_and_every_cut_end() {
    let whole = xls(&[cell(0x203, [0, 0, 0], &1f64.to_le_bytes())]);
    let mut circle = whole.clone();
    // The sector after the table goes on with itself, and entries of the directory with one another.
    circle[SECTOR + 4..SECTOR + 8].copy_from_slice(&1u32.to_le_bytes());
    let directory = circle.len() - SECTOR;
    circle[directory + 128 + 68..directory + 128 + 72].copy_from_slice(&1u32.to_le_bytes());
    let _ = parse("a.xls", circle);
    for n in (0..whole.len()).step_by(97) {
        let _ = parse("a.xls", &whole[..n]);
    }
}

/// The header of a Word document with these flags and numbers at these places.
fn word_header(flags: u16, numbers: &[(usize, u32)]) -> Vec<u8> {
    let mut out = vec![0; 0x400];
    out[..4].copy_from_slice(b"\xEC\xA5\xC1\0");
    out[10..12].copy_from_slice(&flags.to_le_bytes());
    for (at, number) in numbers {
        out[*at..*at + 4].copy_from_slice(&number.to_le_bytes());
    }
    out
}

#[test]
fn pieces_of_old_word_documents_are_put_in_order() {
    let first = "Head\rLink \u{13}HYPERLINK x\u{14}shown\u{15}.\r";
    let second: Vec<u16> = "Ünï\u{B}code\rA\u{7}B\u{7}\u{7}Note.\r".encode_utf16().collect();
    let n_first = u32::try_from(first.len()).unwrap();
    let n_all = n_first + u32::try_from(second.len()).unwrap();
    let n_note = 6;
    let places = [(0x4C, n_all - n_note), (0x50, n_note), (0x1A2, 0), (0x1A6, 100)];
    let mut stream = word_header(0x200, &places);
    let second_at = u32::try_from(stream.len()).unwrap();
    stream.extend(second.iter().flat_map(|unit| unit.to_le_bytes()));
    let first_at = u32::try_from(stream.len()).unwrap();
    stream.extend(first.as_bytes());
    let mut table = vec![1, 2, 0, 9, 9, 2];
    let mut list: Vec<u8> = [0, n_first, n_all].iter().flat_map(|n| n.to_le_bytes()).collect();
    for place in [(first_at * 2) | 0x4000_0000, second_at] {
        list.extend([0, 0]);
        list.extend(place.to_le_bytes());
        list.extend([0, 0]);
    }
    table.extend(u32::try_from(list.len()).unwrap().to_le_bytes());
    table.extend(list);
    let document = parse("a.doc", ole(&[("WordDocument", stream), ("1Table", table)])).unwrap();
    let expected = ["p: Head", "p: Link shown.", "p: Ünï\ncode", "tr: A | B", "note: Note."];
    assert_eq!(outline(&document), expected);
}

/// A record of a presentation.
fn ppt_record(kind: u16, first: u16, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    [&first.to_le_bytes(), &kind.to_le_bytes(), len.to_le_bytes().as_slice(), data].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

#[test]
fn slides_of_old_presentations_are_those_of_the_last_save() {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let listed = [
        ppt_record(0x3F3, 0, &numbers(&[2, 0, 1, 256])),
        ppt_record(0xF9F, 0, &numbers(&[0])),
        ppt_record(0xFA0, 0, &wide("The tälk")),
        ppt_record(0xF9F, 0, &numbers(&[1])),
        ppt_record(0xFA8, 0, b"one\rtwo"),
    ];
    let list = ppt_record(0xFF0, 0xF, &listed.concat());
    let document = ppt_record(0x3E8, 0xF, &list);
    let slide = |text: &[u8]| {
        let shapes = [
            ppt_record(0xF9E, 0, &numbers(&[1])),
            ppt_record(0xF9F, 0, &numbers(&[4])),
            ppt_record(0xFA8, 0, text),
        ];
        ppt_record(0x3EE, 0xF, &ppt_record(0xF00D, 0xF, &shapes.concat()))
    };
    let mut stream = document;
    let mut add = |record: Vec<u8>| {
        let at = u32::try_from(stream.len()).unwrap();
        stream.extend(record);
        at
    };
    let (old, new) = (add(slide(b"old")), add(slide(b"in a box")));
    let first_places = add(ppt_record(0x1772, 0, &numbers(&[2 << 20 | 1, 0, old])));
    let first_save = add(ppt_record(0xFF5, 0, &numbers(&[0, 0, 0, first_places, 1])));
    let last_places = add(ppt_record(0x1772, 0, &numbers(&[1 << 20 | 2, new])));
    let last_save = add(ppt_record(0xFF5, 0, &numbers(&[0, 0, first_save, last_places, 1])));
    let user = numbers(&[0, 0, 20, 0xE391_C05F, last_save]);
    let file = ole(&[("Current User", user), ("PowerPoint Document", stream)]);
    let document = parse("a.ppt", file).unwrap();
    let expected = ["h2: The tälk", "li: - one", "li: - two", "p: in a box"];
    assert_eq!(outline(&document), expected);
    assert_eq!(document.title.as_deref(), Some("The tälk"));
}
