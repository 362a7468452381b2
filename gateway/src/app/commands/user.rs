//! `haulout user`.

use anyhow::Result;

use crate::admin::users::{AddUser, ListUsers, ListedUser, RemoveUser};
use crate::app::cli::User;
use crate::app::commands::runner::OperationRunner;
use crate::app::commands::{Outcome, show};

pub(super) async fn run(runner: &OperationRunner, user: User) -> Result<Outcome> {
    match user {
        User::Add { name, access_key, secret_key, json } => {
            let added = runner.run(AddUser { name, credentials: access_key.zip(secret_key) }).await?;
            if json {
                show::json(&added)?;
            } else {
                show::print(&format!("user           {}", added.name))?;
                show::print(&format!("account        {}", added.account))?;
                show::print(&format!("canonical id   {}", added.canonical_id))?;
                show::print(&format!("access key     {}", added.access_key))?;
                show::print(&format!("secret key     {}   (shown only now)", added.secret_key))?;
            }
        }
        User::List { json } => {
            let users = runner.run(ListUsers {}).await?;
            if json {
                show::json(&users)?;
            } else {
                let row = |user: ListedUser| [user.name, user.canonical_id, user.account, user.access_keys.join(", ")];
                let rows: Vec<_> = users.into_iter().map(row).collect();
                show::table(["NAME", "CANONICAL ID", "ACCOUNT", "ACCESS KEYS"], &rows)?;
            }
        }
        User::Remove { name } => {
            runner.run(RemoveUser { name: name.clone() }).await?;
            show::print(&format!("removed {name}"))?;
        }
    }
    Ok(Outcome::Fine)
}
