//! The canonical text: one form only, and nothing else is read.

use proptest::prelude::*;

use super::any_facts::any_facts;
use crate::settlement::*;
use crate::staking::PARAMETER_RULES;

fn sample() -> EpochInputs {
    (0..).map(any_facts).find(|inputs| inputs.stakes.len() > 3 && inputs.buckets.len() > 2).unwrap()
}

/// What is read of a text that was changed in one place.
fn changed(from: &str, to: &str) -> Result<EpochInputs, ParseError> {
    let text = encode(&sample());
    assert!(text.contains(from), "{from} is in\n{text}");
    parse(text.replacen(from, to, 1).as_bytes())
}

#[test]
fn other_forms_of_the_same_facts_are_refused() {
    let text = encode(&sample());
    assert_eq!(parse(text.as_bytes()), Ok(sample().sorted()));
    for (from, to) in [
        ("\nepoch ", "\nepoch 0"),
        ("\nepoch ", "\nepoch +"),
        ("\nepoch ", "\nepoch  "),
        ("\nlength", "\r\nlength"),
        ("\nlength", " \nlength"),
        ("\nend\n", "\nend"),
        ("\nend\n", "\nend\n\n"),
        ("haulout", "\u{feff}haulout"),
        ("caught-up no", "caught-up NO"),
        ("parameter burn_bp ", "parameter burn_bp 9"),
    ] {
        assert!(changed(from, to).is_err(), "{from:?} as {to:?}");
    }
    let mut lines: Vec<_> = text.lines().collect();
    let buckets: Vec<_> = (0..lines.len()).filter(|at| lines[*at].starts_with("bucket ")).collect();
    lines.swap(buckets[0], buckets[1]);
    let error = parse((lines.join("\n") + "\n").as_bytes()).unwrap_err();
    assert_eq!(error.line, buckets[0] + 1, "the line that is wrong is named");
}

#[test]
fn facts_that_contradict_each_other_are_refused() {
    let mut inputs = sample();
    inputs.buckets[1] = inputs.buckets[0].clone();
    let error = parse(encode(&inputs).as_bytes()).unwrap_err();
    assert!(error.reason.contains("is there twice"), "{error}");
    let mut inputs = sample();
    inputs.payers.clear();
    assert!(parse(encode(&inputs).as_bytes()).unwrap_err().reason.contains("nobody pays"));
}

#[test]
fn a_floor_that_was_changed_is_none() {
    let text = encode(&super::stories::an_eventful_epoch());
    assert!(parse(text.as_bytes()).is_ok());
    for (from, to) in [(",39,2500,", ",39,2501,"), (",39,2500,", ",38,2500,"), ("floor north", "floor nobody")] {
        assert!(text.contains(from), "{from} is in\n{text}");
        assert!(parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
    }
}

#[test]
fn the_text_is_as_documented() {
    let text = encode(&super::stories::an_eventful_epoch());
    assert_eq!(parse(text.as_bytes()).map(|inputs| encode(&inputs)).as_ref(), Ok(&text));
    let documented =
        include_str!("../SETTLEMENT.md").split("```text\n").find(|block| block.starts_with("haulout epoch inputs"));
    let documented = documented.and_then(|block| block.split("```").next()).unwrap();
    assert_eq!(documented, text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read(seed: u64) {
        let inputs = any_facts(seed);
        prop_assert_eq!(parse(encode(&inputs).as_bytes()), Ok(inputs.sorted()));
    }

    /// A change of one byte is an error, or other facts: never the same.
    #[test]
    fn no_byte_is_without_meaning(seed: u64, at: prop::sample::Index, byte: u8) {
        let inputs = any_facts(seed);
        let text = encode(&inputs);
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(read) = parse(&bytes) {
            prop_assert_ne!(&read, &inputs.sorted());
            prop_assert_eq!(encode(&read).into_bytes(), bytes, "what is read is canonical");
        }
    }

    #[test]
    fn any_bytes_give_inputs_or_an_error(bytes: Vec<u8>) {
        prop_assert!(parse(&bytes).is_err());
    }

    #[test]
    fn lines_in_any_number_and_order_do_no_harm(seed: u64, keep in proptest::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let text = encode(&any_facts(seed));
        let lines: Vec<_> = text.lines().collect();
        let mixed: String = keep.iter().map(|at| format!("{}\n", lines[at.index(lines.len())])).collect();
        if let Ok(inputs) = parse(mixed.as_bytes()) {
            prop_assert!(plan(&inputs).is_ok());
        }
    }
}

#[test]
fn the_parameters_are_as_documented() {
    for rule in PARAMETER_RULES {
        let row =
            format!("| `{}` | {} | {} to {} | {} |", rule.name, rule.default, rule.least, rule.most, rule.meaning);
        assert!(include_str!("../SETTLEMENT.md").contains(&row), "{row}");
    }
}

#[test]
fn the_corpus_does_no_harm() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/corpus/inputs");
    let mut valid = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        probe::inputs(&bytes);
        valid += u32::from(parse(&bytes).is_ok());
    }
    assert!(valid >= 3, "the seeds are valid inputs: {valid}");
}
