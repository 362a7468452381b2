//! The part of the table about providers, stake and votes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::given::Given;
use super::parameter::{Kind, Parameter, Place};
use super::route::{Done, Route, get, query, run};
use super::schema::{any_of, integer, object, or_null, text, truth};
use super::staking_replies as replies;
use crate::admin::Admin;
use crate::admin::money::earnings::ShowEarnings;
use crate::admin::money::price_floors::RegisterPriceFloor;
use crate::admin::money::registering::RegisterProvider;
use crate::admin::money::stakes::{AddStake, ListStakes, WithdrawStake};
use crate::admin::money::votes::{CastVote, ListVotes, Propose, ShowVoteHistory};

const PROVIDER: Parameter = path("provider", "The provider: the name of its backend.");
const STAKE: Parameter = path("stake", "The stake's name.");

const fn path(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, kind: Kind::Text, is_required: true, about }
}

/// Providers that take stake, what is staked on them, and what they vote for.
pub(super) static STAKING_ROUTES: &[Route] = &[
    Route {
        method: "put",
        parameters: &[PROVIDER],
        body: Some(registration_body),
        ..get(
            "/v1/providers/{provider}/registration",
            "registerProvider",
            "Lets a provider take stake and vote, or announces another commission.",
            replies::registered,
            register,
        )
    },
    Route {
        method: "post",
        parameters: &[PROVIDER],
        body: Some(floor_body),
        ..get(
            "/v1/providers/{provider}/price-floors",
            "registerPriceFloor",
            "Registers what `haulout node price-floor` printed.",
            replies::floor_registered,
            price_floor,
        )
    },
    Route {
        parameters: &[
            query("provider", Kind::Text, false, "One provider; all of them without it."),
            query("epoch", Kind::Integer, false, "One epoch; the last ten without it."),
        ],
        ..get("/v1/earnings", "showEarnings", "What providers earned and lost.", replies::earnings, earnings)
    },
    Route {
        parameters: &[
            query("provider", Kind::Text, false, "Of one provider's pool."),
            query("staker", Kind::Text, false, "Of one staker."),
            query("all", Kind::Truth, false, "Those that were paid back as well."),
        ],
        ..get("/v1/stakes", "listStakes", "What is staked, and what it is worth.", replies::stakes, stakes)
    },
    Route {
        method: "post",
        body: Some(stake_body),
        ..get(
            "/v1/stakes",
            "addStake",
            "Stakes free funds of a staker. The same reference again does nothing.",
            replies::stake_moved,
            add_stake,
        )
    },
    Route {
        method: "post",
        parameters: &[STAKE],
        ..get(
            "/v1/stakes/{stake}/withdrawal",
            "withdrawStake",
            "Lets a stake leave. The same again does nothing.",
            replies::stake_moved,
            withdraw_stake,
        )
    },
    get("/v1/votes", "listVotes", "What is voted on, and what votes would decide now.", replies::voting, votes),
    Route {
        method: "post",
        body: Some(vote_body),
        ..get("/v1/votes", "castVote", "Casts a vote of a provider with the stake of its pool.", replies::cast, vote)
    },
    Route {
        parameters: &[query("epoch", Kind::Integer, false, "One epoch; the last votes without it.")],
        ..get("/v1/votes/history", "showVoteHistory", "Votes, and what they decided.", replies::history, vote_history)
    },
    Route {
        method: "post",
        body: Some(proposal_body),
        ..get("/v1/proposals", "propose", "Proposes to change a parameter.", replies::proposed, propose)
    },
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegistrationBody {
    owner: Option<String>,
    account: Option<String>,
    commission_bp: Option<u64>,
}

fn registration_body() -> Value {
    object([("owner", or_null(text())), ("account", or_null(text())), ("commission_bp", or_null(integer()))])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FloorBody {
    statement: String,
}

fn floor_body() -> Value {
    object([("statement", text())])
}

fn stake_body() -> Value {
    object([("provider", text()), ("amount", integer()), ("staker", text()), ("reference", text())])
}

fn vote_body() -> Value {
    let prices = object([("prices", object([("storage", integer()), ("write", integer())]))]);
    let proposal = object([("proposal", object([("number", integer()), ("is_yes", truth())]))]);
    object([("provider", text()), ("vote", any_of([prices, proposal]))])
}

fn proposal_body() -> Value {
    object([
        ("parameter", text()),
        ("value", integer()),
        ("voting_until", or_null(integer())),
        ("in_force", or_null(integer())),
    ])
}

fn register(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let provider = given.required("provider")?;
        let RegistrationBody { owner, account, commission_bp } = given.body()?;
        run(&admin, RegisterProvider { provider, owner, account, commission_bp }).await
    })
}

fn price_floor(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let provider = given.required("provider")?;
        let FloorBody { statement } = given.body()?;
        run(&admin, RegisterPriceFloor { provider, statement }).await
    })
}

fn earnings(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        run(&admin, ShowEarnings { provider: given.text("provider"), epoch: given.number("epoch") }).await
    })
}

fn stakes(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let all = given.text("all").is_some_and(|all| all == "true");
        run(&admin, ListStakes { provider: given.text("provider"), staker: given.text("staker"), all }).await
    })
}

fn add_stake(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let stake: AddStake = given.body()?;
        run(&admin, stake).await
    })
}

fn withdraw_stake(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move { run(&admin, WithdrawStake { stake: given.required("stake")? }).await })
}

fn votes(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, ListVotes {}).await })
}

fn vote(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let vote: CastVote = given.body()?;
        run(&admin, vote).await
    })
}

fn vote_history(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move { run(&admin, ShowVoteHistory { epoch: given.number("epoch") }).await })
}

fn propose(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let proposal: Propose = given.body()?;
        run(&admin, proposal).await
    })
}
