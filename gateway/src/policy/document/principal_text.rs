//! The text of a policy with its principals under other names, and otherwise letter for letter as it was.

/// The text with those principals renamed for which `name` has another name. The text is JSON.
#[must_use]
pub fn rename(text: &str, name: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut depth = 0_usize;
    // How deep the value of the element lies that is being passed.
    let mut element = None;
    while let Some(at) = rest.find(['"', '{', '[', '}', ']']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let literal = match from.as_bytes().first() {
            Some(b'"') => from.get(..string_length(from)).unwrap_or(from),
            first => {
                match first {
                    Some(b'{' | b'[') => depth += 1,
                    _ => depth = depth.saturating_sub(1),
                }
                if element == Some(depth) && matches!(first, Some(b'}' | b']')) {
                    element = None;
                }
                out.push_str(&from[..1]);
                rest = &from[1..];
                continue;
            }
        };
        rest = &from[literal.len()..];
        let is_name = rest.trim_start().starts_with(':');
        let text = serde_json::from_str::<String>(literal).unwrap_or_default();
        let renamed = if element.is_some() && !is_name { name(&text) } else { None };
        match renamed.and_then(|name| serde_json::to_string(&name).ok()) {
            Some(other) => out.push_str(&other),
            None => out.push_str(literal),
        }
        if is_name && element.is_none() && matches!(text.as_str(), "Principal" | "NotPrincipal") {
            element = Some(depth);
        } else if !is_name && element == Some(depth) {
            // The value was this one text.
            element = None;
        }
    }
    out + rest
}

/// The bytes of the string that a text begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOB: &str = "arn:aws:iam::000000000001:user/bob";

    fn without_bob(text: &str) -> String {
        rename(text, |name| (name == BOB).then(|| "AIDABOB".to_owned()))
    }

    #[test]
    fn principals_are_renamed_and_nothing_else() {
        let policy = |bob: &str| {
            format!(
                "{{ \"Id\":\"{BOB}\",\n \"Statement\" : [ {{\"Principal\" : {{ \"AWS\" : [ \"{bob}\",\"*\" , \"{BOB}x\" ], \
                 \"CanonicalUser\":\"é\\\"\" }} , \"Condition\":{{\"ArnEquals\":{{\"aws:PrincipalArn\":\"{BOB}\"}}}}}},\
                 {{\"NotPrincipal\":{{\"AWS\":\"{bob}\"}},\"Resource\":[\"{BOB}\"]}},{{\"Principal\":\"*\",\"Sid\":\"{BOB}\"}}]}}  "
            )
        };
        assert_eq!(without_bob(&policy(BOB)), policy("AIDABOB"));
        assert_eq!(
            without_bob(&policy("arn:aws:iam::000000000001:user\\/bob")),
            policy("AIDABOB"),
            "however it is written"
        );
        assert_eq!(rename(&policy(BOB), |_| None), policy(BOB));
    }

    proptest! {
        #[test]
        fn without_other_names_a_text_stays(text in "([{}\\[\\]\"\\\\:,é ]|Principal){0,40}") {
            prop_assert_eq!(rename(&text, |_| None), text);
        }
    }
}
