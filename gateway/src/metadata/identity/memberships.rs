//! Which users are in which groups.

use crate::domain::{IamIdentity, IdentityId};
use crate::metadata::MetadataStore;
use crate::metadata::engine::columns::limit;
use crate::metadata::engine::database::Work;
use crate::metadata::engine::session::Session;
use crate::metadata::engine::statement::Statement;
use crate::metadata::error::Result;
use crate::metadata::identity::{hold, identities};

/// The outcome of adding a user to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinGroup {
    /// The user is in it.
    Joined,
    /// The user or the group is gone.
    NoSuchIdentity,
    /// The user is in as many groups as anybody may be.
    TooMany,
}

/// The most groups a user may be in.
const GROUPS_MAX: u32 = 10;

impl MetadataStore {
    /// Adds a user to a group; again is fine.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn join_group(&self, user: IdentityId, group: IdentityId) -> Result<JoinGroup> {
        self.change_identity(Join { user, group }).await
    }

    /// Takes a user out of a group and answers whether the user was in it.
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn leave_group(&self, user: IdentityId, group: IdentityId) -> Result<bool> {
        self.change_identity(Leave { user, group }).await
    }

    /// The users in a group by name, after one (in lower case).
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn users_of_group(&self, group: IdentityId, after: &str, most: usize) -> Result<Vec<IamIdentity>> {
        self.related_identities("user_id", "group_id", group, after, most).await
    }

    /// The groups of a user by name, after one (in lower case).
    ///
    /// # Errors
    /// See [`crate::metadata::MetadataError`].
    pub async fn groups_of_user(&self, user: IdentityId, after: &str, most: usize) -> Result<Vec<IamIdentity>> {
        self.related_identities("group_id", "user_id", user, after, most).await
    }

    async fn related_identities(
        &self,
        of: &str,
        by: &str,
        id: IdentityId,
        after: &str,
        most: usize,
    ) -> Result<Vec<IamIdentity>> {
        let text = format!(
            "SELECT {} FROM membership m JOIN holder h ON h.id = m.{of} WHERE m.{by} = $1 AND h.folded_name > $2 \
             ORDER BY h.folded_name LIMIT $3",
            identities::COLUMNS
        );
        let statement = Statement::new(text).bind(id.0).bind(after).bind(limit(most));
        self.database().rows(statement).await?.iter().map(identities::identity).collect()
    }
}

struct Join {
    user: IdentityId,
    group: IdentityId,
}

impl Work for Join {
    type Done = JoinGroup;

    async fn run(&self, tx: &mut Session) -> Result<JoinGroup> {
        if !hold(tx, self.user).await? || !hold(tx, self.group).await? {
            return Ok(JoinGroup::NoSuchIdentity);
        }
        let text = "SELECT COUNT(*) FROM membership WHERE user_id = $1 AND group_id <> $2";
        let row = tx.row(Statement::new(text).bind(self.user.0).bind(self.group.0)).await?;
        let others: u32 = row.map_or(Ok(0), |row| row.number(0))?;
        if others >= GROUPS_MAX {
            return Ok(JoinGroup::TooMany);
        }
        let text = "INSERT INTO membership (user_id, group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        tx.execute(Statement::new(text).bind(self.user.0).bind(self.group.0)).await?;
        Ok(JoinGroup::Joined)
    }
}

struct Leave {
    user: IdentityId,
    group: IdentityId,
}

impl Work for Leave {
    type Done = bool;

    async fn run(&self, tx: &mut Session) -> Result<bool> {
        let text = "DELETE FROM membership WHERE user_id = $1 AND group_id = $2";
        Ok(tx.execute(Statement::new(text).bind(self.user.0).bind(self.group.0)).await? > 0)
    }
}
