//! The table: everything that the API offers. Router and document are made of it.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::given::Given;
use super::parameter::{Kind, Parameter, Place};
use super::replies;
use super::route::{Done, Route, get, query, run};
use super::schema::{integer, object, one_of, or_null, text, truth};
use super::staking_table::STAKING_ROUTES;
use crate::admin::money::accounts::{MoveMoney, ShowAccounts};
use crate::admin::money::buckets::{ArrearsRequest, DecideArrears, FundBucket, FundsRequest, ShowInvoice, ShowUsage};
use crate::admin::money::epochs::{ConfirmEpochs, Quote, ShowEpochs};
use crate::admin::money::settling::PlanSettlement;
use crate::admin::{Admin, ListProviders, ShowLog};

const BUCKET: Parameter =
    Parameter { name: "bucket", place: Place::Path, kind: Kind::Text, is_required: true, about: "The bucket's name." };

/// Everything that there is.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    MONEY_ROUTES.iter().chain(STAKING_ROUTES)
}

/// Buckets, accounts, epochs and the ledger.
static MONEY_ROUTES: &[Route] = &[
    Route {
        parameters: &[query("bucket", Kind::Text, false, "One bucket; all of them without it.")],
        ..get("/v1/usage", "showUsage", "What buckets use and cost in this epoch.", replies::usages, usage)
    },
    Route {
        parameters: &[BUCKET, query("epoch", Kind::Integer, false, "One epoch; the last hundred without it.")],
        ..get("/v1/buckets/{bucket}/invoice", "showInvoice", "What a bucket used and owed.", replies::bills, invoice)
    },
    Route {
        parameters: &[BUCKET],
        ..get("/v1/buckets/{bucket}/funds", "showFunds", "Who pays for a bucket.", replies::usage, funds)
    },
    Route {
        method: "put",
        parameters: &[BUCKET],
        body: Some(payer_body),
        ..get("/v1/buckets/{bucket}/payer", "setPayer", "Says who pays for a bucket.", replies::usage, set_payer)
    },
    Route {
        method: "put",
        parameters: &[BUCKET],
        body: Some(limit_body),
        ..get(
            "/v1/buckets/{bucket}/spend-limit",
            "setSpendLimit",
            "Says how much an epoch of a bucket may cost.",
            replies::usage,
            set_limit,
        )
    },
    Route {
        method: "put",
        parameters: &[BUCKET],
        body: Some(arrears_body),
        ..get(
            "/v1/buckets/{bucket}/arrears",
            "decideArrears",
            "Decides about a bucket that owes: nothing is removed by itself.",
            replies::usages,
            decide,
        )
    },
    get("/v1/arrears", "listArrears", "Buckets that owe for past epochs.", replies::usages, arrears),
    Route {
        parameters: &[query("account", Kind::Text, false, "A user's name or an account's; all of them without it.")],
        ..get(
            "/v1/accounts",
            "showAccounts",
            "What accounts have, and the last entries of one.",
            replies::accounts,
            accounts,
        )
    },
    Route {
        method: "post",
        body: Some(movement_body),
        ..get(
            "/v1/movements",
            "moveMoney",
            "Lets money enter or leave. The same reference again does nothing.",
            replies::moved,
            move_money,
        )
    },
    get("/v1/epochs", "showEpochs", "The last epochs, the newest first.", replies::epochs, epochs),
    Route {
        method: "post",
        ..get(
            "/v1/epochs/confirmation",
            "confirmEpochs",
            "Says that the clock is right although epochs passed that nobody saw.",
            replies::confirmed,
            confirm,
        )
    },
    Route {
        parameters: &[
            query("bytes", Kind::Integer, true, "Bytes of content."),
            query("epochs", Kind::Integer, false, "Whole epochs after the one that is under way."),
            query("scheme", Kind::Text, false, "The scheme it is encoded by; that of STANDARD without it."),
            query("parts", Kind::Integer, false, "In how many parts it is uploaded; one request without it."),
            query("read_requests", Kind::Integer, false, "Later requests that change nothing."),
            query("write_requests", Kind::Integer, false, "Later requests that change something or list."),
            query("egress_bytes", Kind::Integer, false, "Bytes of it that are read."),
        ],
        ..get("/v1/quote", "quote", "What content costs before it is written.", replies::quote, quote)
    },
    get("/v1/providers", "listProviders", "Backends and their standing.", replies::providers, providers),
    get("/v1/ledger", "showLedger", "The head of the published log.", replies::log, ledger),
    get("/v1/settlement/plan", "planSettlement", "What settling the next epoch would come to.", replies::plan, plan),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PayerBody {
    payer: Option<String>,
    own_funds: bool,
}

fn payer_body() -> Value {
    object([("payer", or_null(text())), ("own_funds", truth())])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitBody {
    frost: Option<u64>,
}

fn limit_body() -> Value {
    object([("frost", or_null(integer()))])
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Decision {
    Extend,
    Keep,
    RemoveContent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrearsBody {
    decision: Decision,
    days: Option<u32>,
}

fn arrears_body() -> Value {
    object([("decision", one_of(&["extend", "keep", "remove-content"])), ("days", or_null(integer()))])
}

fn movement_body() -> Value {
    object([
        ("direction", one_of(&["credit", "payout"])),
        ("account", text()),
        ("amount", integer()),
        ("reference", text()),
    ])
}

fn usage(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move { run(&admin, ShowUsage { bucket: given.text("bucket") }).await })
}

fn invoice(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        run(&admin, ShowInvoice { bucket: given.required("bucket")?, epoch: given.number("epoch") }).await
    })
}

fn funds(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(
        async move { run(&admin, FundBucket { bucket: given.required("bucket")?, request: FundsRequest::Show }).await },
    )
}

fn set_payer(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let bucket = given.required("bucket")?;
        let request = match given.body::<PayerBody>()? {
            PayerBody { payer: Some(_), own_funds: true } => {
                return Err(Refusal::Malformed("name a payer, or own funds, and not both".to_owned()));
            }
            PayerBody { payer: Some(payer), own_funds: false } => FundsRequest::Payer(payer),
            PayerBody { payer: None, own_funds: true } => FundsRequest::OwnFunds,
            PayerBody { payer: None, own_funds: false } => FundsRequest::Owner,
        };
        run(&admin, FundBucket { bucket, request }).await
    })
}

fn set_limit(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let bucket = given.required("bucket")?;
        let request = given.body::<LimitBody>()?.frost.map_or(FundsRequest::NoSpendLimit, FundsRequest::SpendLimit);
        run(&admin, FundBucket { bucket, request }).await
    })
}

fn decide(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let bucket = Some(given.required("bucket")?);
        let request = match given.body::<ArrearsBody>()? {
            ArrearsBody { decision: Decision::Extend, days: Some(days) } => ArrearsRequest::ExtendDays(days),
            ArrearsBody { decision: Decision::Keep, days: None } => ArrearsRequest::Keep,
            ArrearsBody { decision: Decision::RemoveContent, days: None } => ArrearsRequest::RemoveContent,
            _ => return Err(Refusal::Malformed("days belong to extend, and to nothing else".to_owned())),
        };
        run(&admin, DecideArrears { bucket, request }).await
    })
}

fn arrears(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, DecideArrears { bucket: None, request: ArrearsRequest::Show }).await })
}

fn accounts(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move { run(&admin, ShowAccounts { account: given.text("account") }).await })
}

fn move_money(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let movement: MoveMoney = given.body()?;
        run(&admin, movement).await
    })
}

fn epochs(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, ShowEpochs {}).await })
}

fn confirm(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, ConfirmEpochs {}).await })
}

fn quote(admin: Arc<Admin>, given: Given) -> Done {
    Box::pin(async move {
        let number = |name| given.number(name).unwrap_or_default();
        let quote = Quote {
            bytes: number("bytes"),
            scheme: given.text("scheme"),
            epochs: number("epochs"),
            parts: number("parts"),
            read_requests: number("read_requests"),
            write_requests: number("write_requests"),
            egress_bytes: number("egress_bytes"),
        };
        run(&admin, quote).await
    })
}

fn providers(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, ListProviders {}).await })
}

fn ledger(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move { run(&admin, ShowLog {}).await })
}

fn plan(admin: Arc<Admin>, _given: Given) -> Done {
    Box::pin(async move {
        let plan = run(&admin, PlanSettlement {}).await?;
        Ok(json!({ "plan": plan }))
    })
}
