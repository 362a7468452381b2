//! Schemas of what the API answers: each is the type of that name, which tests compare.

use serde_json::Value;

use super::schema::{integer, list, object, one_of, or_null, text, truth};

pub(super) fn usage() -> Value {
    let date = || or_null(text());
    let arrears = object([
        ("stage", one_of(&["grace", "read-only", "ended"])),
        ("since", date()),
        ("read_only_at", date()),
        ("ends_at", date()),
        ("is_given_up", truth()),
    ]);
    object([
        ("bucket", text()),
        ("payer", text()),
        ("encoded_bytes", integer()),
        ("written_bytes", integer()),
        ("requests", integer()),
        ("egress_bytes", integer()),
        ("so_far", integer()),
        ("projected", integer()),
        ("hold", integer()),
        ("free", integer()),
        ("unpaid", integer()),
        ("spend_limit", or_null(integer())),
        ("arrears", or_null(arrears)),
    ])
}

pub(super) fn usages() -> Value {
    list(usage())
}

pub(super) fn bills() -> Value {
    list(object([
        ("epoch", integer()),
        ("bucket", text()),
        ("bucket_number", integer()),
        ("payer", text()),
        ("byte_micros", text()),
        ("written_bytes", integer()),
        ("requests_read", integer()),
        ("requests_write", integer()),
        ("egress_bytes", integer()),
        ("storage", integer()),
        ("write", integer()),
        ("requests", integer()),
        ("egress", integer()),
        ("total", integer()),
        ("unpaid", integer()),
    ]))
}

fn account() -> Value {
    let entry = object([
        ("seq", integer()),
        ("at", text()),
        ("debit", text()),
        ("credit", text()),
        ("amount", integer()),
        ("code", text()),
        ("phase", text()),
        ("cause", text()),
    ]);
    object([
        ("account", text()),
        ("balance", integer()),
        ("reserved", integer()),
        ("free", integer()),
        ("owes", integer()),
        ("dates", or_null(list(text()))),
        ("entries", list(entry)),
    ])
}

pub(super) fn accounts() -> Value {
    list(account())
}

pub(super) fn moved() -> Value {
    object([("is_new", truth()), ("account", account())])
}

pub(super) fn epochs() -> Value {
    list(object([
        ("number", integer()),
        ("begins_at", text()),
        ("ends_at", text()),
        ("mode", one_of(&["track", "on", "off"])),
        ("state", one_of(&["open", "charging", "charged", "settled"])),
        ("storage_price", integer()),
        ("write_price", integer()),
        ("read_request_price", integer()),
        ("write_request_price", integer()),
        ("egress_price", integer()),
        ("is_caught_up", truth()),
    ]))
}

pub(super) fn confirmed() -> Value {
    object([("last", integer()), ("missed", integer()), ("confirmed_until", text())])
}

pub(super) fn quote() -> Value {
    object([
        ("encoded_bytes", integer()),
        ("storage", integer()),
        ("write", integer()),
        ("requests", integer()),
        ("egress", integer()),
        ("total", integer()),
        ("epoch", integer()),
        ("holds_until", text()),
    ])
}

pub(super) fn providers() -> Value {
    list(object([
        ("name", text()),
        ("provider", text()),
        ("kind", text()),
        ("zone", text()),
        ("network", text()),
        ("address", text()),
        ("slivers", integer()),
        ("bytes", integer()),
        ("reported_bytes", or_null(integer())),
        ("trash_bytes", or_null(integer())),
        ("reputation", integer()),
        ("standing", text()),
        ("audits", integer()),
        ("vetting_audits", or_null(integer())),
        ("vetting_until", or_null(integer())),
        ("state", text()),
        // A verdict and its time.
        ("last_verdict", or_null(serde_json::json!({ "type": "array" }))),
    ]))
}

pub(super) fn log() -> Value {
    let checkpoint = object([("size", integer()), ("epoch", integer()), ("note", text())]);
    let witness = object([("name", text()), ("url", text()), ("cosigned", integer()), ("problem", text())]);
    let refused = object([("size", integer()), ("witness", text()), ("note", text())]);
    object([
        ("policy", text()),
        ("checkpoint", or_null(checkpoint)),
        ("witnesses", list(witness)),
        ("refusals", list(refused)),
    ])
}

pub(super) fn plan() -> Value {
    object([("plan", or_null(text()))])
}
