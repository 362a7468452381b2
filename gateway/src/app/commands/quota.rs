//! `haulout quota`.

use anyhow::Result;

use crate::admin::quotas::{Named, SetQuota, ShowQuota, ShownQuota};
use crate::app::cli::{Over, Quota};
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, quota: Quota) -> Result<Outcome> {
    let (quota, json) = match quota {
        Quota::Set { over, name, bytes, objects } => {
            (runner.run(SetQuota { over: named(over, name), bytes, objects }).await?, false)
        }
        Quota::Clear { over, name } => {
            (runner.run(SetQuota { over: named(over, name), bytes: None, objects: None }).await?, false)
        }
        Quota::Show { over, name, json } => (runner.run(ShowQuota { over: named(over, name) }).await?, json),
    };
    if json {
        show::json(&quota)?;
    } else {
        match quota {
            None => show::print("no quota")?,
            Some(quota) => show::table(["", "USED", "MOST"], &rows(&quota))?,
        }
    }
    Ok(Outcome::Fine)
}

fn named(over: Over, name: String) -> Named {
    match over {
        Over::Bucket => Named::Bucket(name),
        Over::User => Named::User(name),
    }
}

fn rows(quota: &ShownQuota) -> [[String; 3]; 3] {
    let most = |text: Option<String>| text.unwrap_or_else(|| "any".to_owned());
    let objects = quota.objects_max.map(|objects| objects.to_string());
    let extras = quota.extras_max.map(|extras| extras.to_string());
    [
        ["bytes".to_owned(), show::bytes(quota.bytes), most(quota.bytes_max.map(show::bytes))],
        ["objects".to_owned(), quota.objects.to_string(), most(objects)],
        ["markers and uploads".to_owned(), quota.extras.to_string(), most(extras)],
    ]
}
