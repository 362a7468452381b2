//! `multipart/form-data`, without I/O: bytes in, parts out, the same however the input is cut.
//!
//! A line of content may begin like the boundary. So a delimiter is a line end, two dashes and the boundary only if its
//! own line ends there: after nothing but blanks, and after two more dashes if it is the last. Anything else is content.

use bytes::{Bytes, BytesMut};

/// The longest head of a part, in bytes.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// The longest boundary the format allows, in bytes.
const BOUNDARY_BYTES_MAX: usize = 70;

/// The most blanks that may stand between a boundary and the end of its line. No client sends any.
const BLANKS_MAX: usize = 64;

/// What is wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Malformed(pub(super) &'static str);

/// The head of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartHead {
    /// The field's name.
    pub(super) name: String,
    /// The name of the file, when the part is one.
    pub(super) file_name: Option<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A part begins.
    Part(PartHead),
    /// Bytes of the part.
    Data(Bytes),
    /// The part is complete.
    End,
    /// The form is complete.
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first part, or in a part's content.
    Content { part: bool },
    /// In a part's head.
    Head,
    /// After the last delimiter.
    Finished,
}

/// The state between two pieces of input.
#[derive(Debug)]
pub(super) struct Multipart {
    delimiter: Vec<u8>,
    buffer: BytesMut,
    state: State,
    /// No more input will come.
    ended: bool,
}

/// What the bytes after a delimiter make of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    /// Its line ends after this many bytes, and a part begins.
    Part(usize),
    /// Its line ends after this many bytes, and so does the form.
    Form(usize),
    /// It is content that looks like a delimiter.
    Content,
    /// That depends on what comes.
    Open,
}

impl Tail {
    /// Looks at what follows a delimiter. The last line of a form may end with a bare line feed or with the input.
    fn read(after: &[u8], ended: bool) -> Self {
        let last = after.starts_with(b"--");
        let dashes = if last { 2 } else { 0 };
        let line = &after[dashes..];
        let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if blanks > BLANKS_MAX {
            return Self::Content;
        }
        let end = match &line[blanks..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] if last => 1,
            [] if last && ended => 0,
            // What may still become a line end, or the second dash.
            [] | [b'\r'] if !ended => return Self::Open,
            [b'-'] if !ended && !last && blanks == 0 => return Self::Open,
            _ => return Self::Content,
        };
        let bytes = dashes + blanks + end;
        if last { Self::Form(bytes) } else { Self::Part(bytes) }
    }
}

impl Multipart {
    /// A form with this `Content-Type`; `None` when it is no form.
    pub(super) fn new(content_type: &str) -> Option<Self> {
        let (kind, parameters) = content_type.split_once(';')?;
        let mut parameters = parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
        let boundary = parameters.find(|(name, _)| name.eq_ignore_ascii_case("boundary")).map(|(_, value)| value)?;
        let boundary = boundary.trim_matches('"');
        let form = kind.trim().eq_ignore_ascii_case("multipart/form-data");
        let fits = (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len());
        (form && fits).then(|| Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            // The first delimiter has no line end before it.
            buffer: BytesMut::from(&b"\r\n"[..]),
            state: State::Content { part: false },
            ended: false,
        })
    }

    /// Takes the end of the input; whether it was not taken before.
    pub(super) fn end(&mut self) -> bool {
        !std::mem::replace(&mut self.ended, true)
    }

    /// Takes more input.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.state != State::Finished {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next event; `None` when more input is needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            match self.state {
                State::Content { part } => match self.content() {
                    // What stands before the first part is for nobody.
                    Some(_) if !part => {}
                    event => return Ok(event),
                },
                State::Head => {
                    let Some(end) = find(&self.buffer, b"\r\n\r\n") else {
                        return if self.buffer.len() > HEAD_BYTES_MAX { Err(TOO_LONG) } else { Ok(None) };
                    };
                    if end > HEAD_BYTES_MAX {
                        return Err(TOO_LONG);
                    }
                    let head = self.buffer.split_to(end + 4);
                    self.state = State::Content { part: true };
                    return PartHead::parse(&head[..end]).map(Event::Part).map(Some);
                }
                State::Finished => {
                    self.buffer.clear();
                    return Ok(Some(Event::Finished));
                }
            }
        }
    }

    /// Content up to a delimiter, or as much as surely does not begin one.
    fn content(&mut self) -> Option<Event> {
        let mut from = 0;
        while let Some(at) = find(&self.buffer[from..], &self.delimiter).map(|at| from + at) {
            let after = at + self.delimiter.len();
            match Tail::read(&self.buffer[after..], self.ended) {
                Tail::Content => from = at + 1,
                _ if at > 0 => return Some(Event::Data(self.buffer.split_to(at).freeze())),
                Tail::Open => return None,
                Tail::Part(bytes) => return Some(self.delimited(after + bytes, State::Head)),
                Tail::Form(bytes) => return Some(self.delimited(after + bytes, State::Finished)),
            }
        }
        let sure = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
        (sure > 0).then(|| Event::Data(self.buffer.split_to(sure).freeze()))
    }

    /// Passes over a delimiter.
    fn delimited(&mut self, bytes: usize, state: State) -> Event {
        let _ = self.buffer.split_to(bytes);
        self.state = state;
        Event::End
    }
}

const TOO_LONG: Malformed = Malformed("the head of a part is too long");

/// Where `needle` begins. It always begins with a carriage return, of which there are few.
fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = hay.get(from..)?.iter().position(|byte| *byte == needle[0]) {
        if hay[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

impl PartHead {
    fn parse(head: &[u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(head).map_err(|_| Malformed("the head of a part is not text"))?;
        // Any other line shows that this is no head, but content after a line that was taken for a delimiter.
        let is_header = |line: &str| {
            let name = line.split_once(':').map_or("", |(name, _)| name.trim_end());
            let token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/;<=>?@[\\]{}".contains(&byte);
            line.starts_with([' ', '\t']) || (!name.is_empty() && name.bytes().all(token))
        };
        if !text.split("\r\n").all(is_header) {
            return Err(Malformed("the head of a part has a line that is no header"));
        }
        let mut dispositions = text.split("\r\n").filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value.trim())
        });
        let value = dispositions.next().ok_or(Malformed("a part has no Content-Disposition"))?;
        let rest = value.get(..9).filter(|kind| kind.eq_ignore_ascii_case("form-data")).map(|_| &value[9..]);
        let mut rest = rest.ok_or(Malformed("a part is not form-data"))?;
        let mut parsed = Self::default();
        let mut named = false;
        while let Some((name, value, after)) = parameter(rest)? {
            match name.to_ascii_lowercase().as_str() {
                "name" => {
                    parsed.name = value;
                    named = true;
                }
                "filename" => parsed.file_name = Some(value),
                _ => {}
            }
            rest = after;
        }
        if named { Ok(parsed) } else { Err(Malformed("a part has no name")) }
    }
}

/// One `; name="value"`, and what follows it.
fn parameter(text: &str) -> Result<Option<(&str, String, &str)>, Malformed> {
    let text = text.trim_start();
    if text.is_empty() {
        return Ok(None);
    }
    let bad = Malformed("a Content-Disposition cannot be read");
    let (name, rest) = text.strip_prefix(';').and_then(|text| text.split_once('=')).ok_or(bad)?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(';').unwrap_or(rest.len());
        return Ok(Some((name.trim(), rest[..end].trim().to_owned(), &rest[end..])));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok(Some((name.trim(), value, &quoted[at + 1..]))),
            // Only a quote is escaped; browsers of old send bare backslashes in paths.
            '\\' if quoted[at + 1..].starts_with('"') => {
                value.push('"');
                characters.next();
            }
            other => value.push(other),
        }
    }
    Err(bad)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"x-y\"";

    /// Every part with its content, and whether the form was finished.
    type Parsed = (Vec<(PartHead, Vec<u8>)>, bool);

    fn run(pieces: &[&[u8]]) -> Result<Parsed, Malformed> {
        let mut form = Multipart::new(TYPE).expect("a form");
        let (mut parts, mut pieces) = (Vec::<(PartHead, Vec<u8>)>::new(), pieces.iter());
        loop {
            match form.next()? {
                Some(Event::Part(head)) => parts.push((head, Vec::new())),
                Some(Event::Data(bytes)) => parts.last_mut().expect("a part").1.extend_from_slice(&bytes),
                Some(Event::End) => {}
                Some(Event::Finished) => return Ok((parts, true)),
                None => match pieces.next() {
                    Some(piece) => form.push(piece),
                    None if form.end() => {}
                    None => return Ok((parts, false)),
                },
            }
        }
    }

    const FORM: &[u8] = b"preamble\r\n--x-y\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na/${filename}\r\n\
        --x-y\r\ncontent-disposition: Form-Data; name=empty\r\n\r\n\r\n\
        --x-y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a\\\"b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\n\
        one\r\n--x-z\r\n--x-\r\n\r\n--x-y--\r\nepilogue";

    #[test]
    fn every_cut_of_the_input_gives_the_same() {
        let whole = run(&[FORM]).expect("parses");
        let parts: Vec<_> = whole.0.iter().map(|(head, content)| (head.name.as_str(), content.as_slice())).collect();
        assert_eq!(parts, [("key", &b"a/${filename}"[..]), ("empty", b""), ("file", b"one\r\n--x-z\r\n--x-\r\n")]);
        assert_eq!(whole.0[2].0.file_name.as_deref(), Some("C:\\a\"b\".txt"));
        assert!(whole.1);
        for first in 0..=FORM.len() {
            for second in (first..=FORM.len()).step_by(3) {
                let pieces = [&FORM[..first], &FORM[first..second], &FORM[second..]];
                assert_eq!(run(&pieces).expect("parses"), whole, "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn only_a_whole_line_is_a_delimiter() {
        let contents = |between: &str| -> Option<Vec<Vec<u8>>> {
            let head = "--x-y\r\nContent-Disposition: form-data; name=a\r\n\r\n";
            let form = format!("{head}one\r\n--x-y{between}two\r\n--x-y--\r\n");
            let whole = run(&[form.as_bytes()]).ok();
            for cut in 0..form.len() {
                let (first, second) = form.as_bytes().split_at(cut);
                assert_eq!(run(&[first, second]).ok(), whole, "{between:?} cut at {cut}");
                let single: Vec<_> = form.as_bytes().chunks(1).collect();
                assert_eq!(run(&single).ok(), whole, "{between:?} byte by byte");
            }
            whole
                .filter(|(_, finished)| *finished)
                .map(|(parts, _)| parts.into_iter().map(|(_, content)| content).collect())
        };
        let part = "Content-Disposition: form-data; name=b\r\n\r\n";
        for between in ["\r\n", " \r\n", "\t \r\n"] {
            let parts = contents(&format!("{between}{part}"));
            assert_eq!(parts, Some(vec![b"one".to_vec(), b"two".to_vec()]), "{between:?}");
        }
        for between in ["--\r\n", "-- \r\n", "--\n"] {
            assert_eq!(contents(between), Some(vec![b"one".to_vec()]), "{between:?}");
        }
        let many = " ".repeat(BLANKS_MAX + 1);
        for between in [
            "z", "", "\n", "\r", "\rz", "-", "-\r\n", "--z", "--\r", "--\rz", " --\r\n", " z\r\n", " - \r\n", &many,
            "\0\r\n",
        ] {
            let content = format!("one\r\n--x-y{between}two").into_bytes();
            assert_eq!(contents(between), Some(vec![content]), "{between:?}");
        }
    }

    #[test]
    fn a_form_that_ends_early_is_not_finished() {
        let last = FORM.len() - b"\r\nepilogue".len();
        for end in 0..last {
            assert!(!run(&[&FORM[..end]]).is_ok_and(|(_, finished)| finished), "{end}");
        }
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for kind in [
            "",
            "multipart/form-data",
            "multipart/mixed; boundary=x",
            "multipart/form-data; boundary=",
            "text/plain; boundary=x",
        ] {
            assert!(Multipart::new(kind).is_none(), "{kind}");
        }
        assert!(Multipart::new(&format!("multipart/form-data; boundary={}", "x".repeat(71))).is_none());
        for head in [
            "",
            "X: y",
            "Content-Disposition: attachment; name=\"a\"",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data, name=a",
            "Content-Disposition: form-data; name=a\r\nno header",
            "--x-z\r\nContent-Disposition: form-data; name=a",
            "a b: c\r\nContent-Disposition: form-data; name=a",
        ] {
            let form = format!("--x-y\r\n{head}\r\n\r\nv\r\n--x-y--");
            assert!(run(&[form.as_bytes()]).is_err(), "{head}");
        }
        assert!(run(&[b"--x-yz\r\n"]).is_ok_and(|(parts, finished)| parts.is_empty() && !finished));
        assert!(run(&[b"--x-y\r\n", &[b'a'; 5_000]]).is_err());
    }

    proptest! {
        #[test]
        fn content_comes_out_as_it_went_in(contents in prop::collection::vec("(\r|\n|-|x|y|\t| |\r\n--x-|\r\n--x-y|[ -~]){0,40}", 1..5), cut in 1usize..30) {
            // All but what is a delimiter by the book.
            let delimits = |line: &str| line.strip_prefix("--x-y").is_some_and(|rest| {
                let rest = rest.strip_prefix("--").map_or(rest, |rest| rest.trim_start_matches([' ', '\t']).split('\n').next().unwrap_or_default());
                rest.trim_matches([' ', '\t']).is_empty()
            });
            let lines = |text: &str| format!("{text}\r\n").split("\r\n").skip(1).any(delimits);
            prop_assume!(contents.iter().all(|text| !lines(&format!("\r\n{text}"))));
            let mut form = String::new();
            for text in &contents {
                form.push_str(&format!("--x-y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{text}\r\n"));
            }
            form.push_str("--x-y--");
            let pieces: Vec<&[u8]> = form.as_bytes().chunks(cut).collect();
            let (parts, finished) = run(&pieces).expect("parses");
            let parts: Vec<_> = parts.into_iter().map(|(_, content)| String::from_utf8(content).expect("text")).collect();
            prop_assert!(finished);
            prop_assert_eq!(parts, contents);
        }

        #[test]
        fn garbage_never_panics(pieces: Vec<Vec<u8>>) {
            let mut all: Vec<&[u8]> = vec![b"--x-y\r\n"];
            all.extend(pieces.iter().map(Vec::as_slice));
            let _ = run(&all);
        }
    }
}
