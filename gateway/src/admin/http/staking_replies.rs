//! Schemas of what the API answers about providers, stake and votes: each is the type of that name, which tests compare.

use serde_json::Value;

use super::schema::{any_of, integer, list, object, one_of, or_null, text, truth, tuple};

pub(super) fn registered() -> Value {
    object([
        ("is_new", truth()),
        ("provider", text()),
        ("owner", text()),
        ("node_key", text()),
        // Epochs, and the commission from each on.
        ("commissions", list(list(integer()))),
    ])
}

fn floor() -> Value {
    object([
        ("provider", text()),
        ("in_force", integer()),
        ("storage", integer()),
        ("write", integer()),
        ("registered_in", integer()),
        ("registered_at", text()),
        ("statement", text()),
    ])
}

pub(super) fn floor_registered() -> Value {
    object([("is_new", truth()), ("floor", floor())])
}

pub(super) fn earnings() -> Value {
    list(object([
        ("epoch", integer()),
        ("provider", text()),
        ("commission", integer()),
        ("held_back", integer()),
        ("returned", integer()),
        ("stakers", integer()),
        ("work", integer()),
        ("slashed", integer()),
    ]))
}

fn stake() -> Value {
    object([
        ("stake", text()),
        ("reference", text()),
        ("staker", text()),
        ("provider", text()),
        ("principal", integer()),
        ("is_own", truth()),
        ("state", one_of(&["arriving", "active", "leaving", "paid"])),
        ("active_from", integer()),
        ("leaves_at", or_null(integer())),
        ("shares", text()),
        ("worth", integer()),
    ])
}

pub(super) fn stakes() -> Value {
    list(stake())
}

pub(super) fn stake_moved() -> Value {
    object([("is_new", truth()), ("stake", stake())])
}

fn vote() -> Value {
    let prices = object([("prices", object([("storage", integer()), ("write", integer())]))]);
    let proposal = object([("proposal", object([("number", integer()), ("is_yes", truth())]))]);
    object([
        ("number", integer()),
        ("provider", text()),
        ("epoch", integer()),
        ("vote", any_of([prices, proposal])),
        ("cast_at", text()),
    ])
}

pub(super) fn cast() -> Value {
    object([("is_new", truth()), ("vote", vote())])
}

fn proposal() -> Value {
    object([
        ("number", integer()),
        ("parameter", text()),
        ("value", integer()),
        ("proposed_in", integer()),
        ("voting_until", integer()),
        ("in_force", integer()),
        ("outcome", one_of(&["open", "passed", "rejected", "no-quorum"])),
        ("yes", integer()),
        ("no", integer()),
        ("total", integer()),
        ("quorum_bp", integer()),
    ])
}

pub(super) fn proposed() -> Value {
    object([("is_new", truth()), ("proposal", proposal())])
}

fn price_votes() -> Value {
    list(object([("provider", text()), ("storage", integer()), ("write", integer()), ("stake", integer())]))
}

pub(super) fn voting() -> Value {
    object([
        ("epoch", integer()),
        // For storage, and for writes.
        ("prices", list(integer())),
        ("next_prices", list(integer())),
        ("votes", price_votes()),
        ("floors", list(object([("is_met", truth()), ("floor", floor())]))),
        ("proposals", list(proposal())),
        // Name, value, and what it is until a vote changes it.
        ("parameters", list(tuple())),
    ])
}

pub(super) fn history() -> Value {
    object([
        ("votes", list(vote())),
        ("counted", price_votes()),
        ("floors", list(floor())),
        ("proposals", list(proposal())),
    ])
}
