//! As much XML as replies need: the texts of elements, found by name.

use percent_encoding::percent_decode_str;

/// The text of the first element of that name.
pub fn first(text: &str, element: &str) -> Option<String> {
    all(text, &[element]).into_iter().next()
}

/// The texts of all elements of these names, in document order. An element without text counts as empty.
pub fn all(text: &str, elements: &[&str]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let Some(end) = rest.find('>') else { break };
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        let name = tag.trim_end_matches('/').split(' ').next().unwrap_or_default();
        if !elements.contains(&name) {
            continue;
        }
        let content = if tag.ends_with('/') { "" } else { rest.split('<').next().unwrap_or_default() };
        texts.push(unescaped(content));
    }
    texts
}

/// The elements that hold no others, with their texts, in document order.
pub fn leaves(text: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    let mut tags = text.split('<').skip(1).peekable();
    while let Some(tag) = tags.next() {
        let Some((tag, content)) = tag.split_once('>') else { continue };
        let name = tag.trim_end_matches('/').split(' ').next().unwrap_or_default();
        let is_closed =
            tags.peek().is_some_and(|next| next.strip_prefix('/').is_some_and(|next| next.starts_with(name)));
        if !tag.starts_with(['/', '?']) && (tag.ends_with('/') || is_closed) {
            leaves.push((name.to_owned(), unescaped(content)));
        }
    }
    leaves
}

/// What `encoding-type=url` encoded.
pub fn url_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', "%20")).decode_utf8_lossy().into_owned()
}

fn unescaped(text: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#34;", "\""), ("&#39;", "'")];
    let text = named.iter().fold(text.to_owned(), |text, (name, letter)| text.replace(name, letter));
    text.replace("&#13;", "\r").replace("&#10;", "\n").replace("&amp;", "&")
}
