//! The admin socket: operations as JSON over HTTP/1 on a Unix socket that only its owner can open.

use std::fs::Permissions;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use tokio::net::UnixListener;

use crate::admin::audits::{ReinstateBackend, ShowAudits, ShowVerdict};
use crate::admin::backends::absences::LostAfter;
use crate::admin::backends::adding::AddBackend;
use crate::admin::backends::draining::DrainBackend;
use crate::admin::backends::rebalancing::{RebalanceBackends, ShowMoves};
use crate::admin::backends::replacing::ReplaceBackend;
use crate::admin::backends::{AcceptBackend, ListBackends, RemoveBackend};
use crate::admin::check::Check;
use crate::admin::collect::Collect;
use crate::admin::database::ConfirmDatabase;
use crate::admin::error::AdminError;
use crate::admin::gateway_keys::ShowGatewayKeys;
use crate::admin::keys::RotateKeys;
use crate::admin::ledger_log::{ListCheckpoints, ListLeaves, ShowInputs, ShowLog};
use crate::admin::placement::{EvaluatePlacement, PlaceBucket};
use crate::admin::providers::ListProviders;
use crate::admin::providers::invitations::{AdmitProvider, InviteProvider};
use crate::admin::repairs::ShowRepairs;
use crate::admin::{Admin, Operation, money, perform, quotas, users};

/// The longest path a socket address can hold.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A socket that is listened on. Dropping it removes the file.
#[derive(Debug)]
pub struct AdminSocket {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl AdminSocket {
    /// Listens at a path. An existing socket is replaced: its process has ended, since only one gateway serves from a data
    /// folder. The socket is made in a folder that nobody else can enter, and comes to its place with its mode set: there
    /// is no moment at which another user could connect.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn bind(path: &Path) -> std::io::Result<Self> {
        let folder = path.with_extension("new");
        // Left behind by a gateway that was killed here.
        absent_is_fine(std::fs::remove_dir_all(&folder))?;
        std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let fresh = folder.join("socket");
        let listener = at(&fresh, |path| UnixListener::bind(path))?;
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, path)?;
        std::fs::remove_dir(&folder)?;
        Ok(Self { listener: Some(listener), path: path.to_owned() })
    }
}

fn absent_is_fine(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

/// Opens a socket at a path, however long: one that is too long for an address is reached through its open folder.
pub(super) fn at<T>(path: &Path, open: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return open(path) };
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return open(path);
    }
    let folder = std::fs::File::open(folder)?;
    open(&Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

/// Answers on the socket until dropped.
///
/// # Errors
/// The socket broke.
pub async fn serve(mut socket: AdminSocket, admin: Arc<Admin>) -> std::io::Result<()> {
    match socket.listener.take() {
        Some(listener) => axum::serve(listener, router(admin)).await,
        None => Ok(()),
    }
}

fn router(admin: Arc<Admin>) -> Router {
    let router = Router::new();
    let router = offer::<users::AddUser>(router);
    let router = offer::<users::ListUsers>(router);
    let router = offer::<users::RemoveUser>(router);
    let router = offer::<quotas::SetQuota>(router);
    let router = offer::<quotas::ShowQuota>(router);
    let router = offer::<money::accounts::ShowAccounts>(router);
    let router = offer::<money::accounts::MoveMoney>(router);
    let router = offer::<money::buckets::ShowUsage>(router);
    let router = offer::<money::invoice_proofs::ShowInvoiceLeaves>(router);
    let router = offer::<money::buckets::ShowInvoice>(router);
    let router = offer::<money::buckets::FundBucket>(router);
    let router = offer::<money::buckets::DecideArrears>(router);
    let router = offer::<money::epochs::ShowEpochs>(router);
    let router = offer::<money::epochs::ConfirmEpochs>(router);
    let router = offer::<money::epochs::Quote>(router);
    let router = offer::<money::settling::PlanSettlement>(router);
    let router = offer::<money::earnings::ShowEarnings>(router);
    let router = offer::<money::registering::RegisterProvider>(router);
    let router = offer::<money::price_floors::RegisterPriceFloor>(router);
    let router = offer::<money::stakes::AddStake>(router);
    let router = offer::<money::stakes::WithdrawStake>(router);
    let router = offer::<money::stakes::ListStakes>(router);
    let router = offer::<money::votes::CastVote>(router);
    let router = offer::<money::votes::Propose>(router);
    let router = offer::<money::votes::ListVotes>(router);
    let router = offer::<money::votes::ShowVoteHistory>(router);
    let router = offer::<ListBackends>(router);
    let router = offer::<AcceptBackend>(router);
    let router = offer::<DrainBackend>(router);
    let router = offer::<RemoveBackend>(router);
    let router = offer::<AddBackend>(router);
    let router = offer::<ReplaceBackend>(router);
    let router = offer::<RebalanceBackends>(router);
    let router = offer::<ShowMoves>(router);
    let router = offer::<ShowRepairs>(router);
    let router = offer::<ListProviders>(router);
    let router = offer::<InviteProvider>(router);
    let router = offer::<AdmitProvider>(router);
    let router = offer::<ShowAudits>(router);
    let router = offer::<ShowVerdict>(router);
    let router = offer::<ReinstateBackend>(router);
    let router = offer::<ShowLog>(router);
    let router = offer::<ListLeaves>(router);
    let router = offer::<ListCheckpoints>(router);
    let router = offer::<ShowInputs>(router);
    let router = offer::<LostAfter>(router);
    let router = offer::<PlaceBucket>(router);
    let router = offer::<EvaluatePlacement>(router);
    let router = offer::<ConfirmDatabase>(router);
    let router = offer::<Check>(router);
    let router = offer::<Collect>(router);
    let router = offer::<RotateKeys>(router);
    let router = offer::<ShowGatewayKeys>(router);
    router.merge(crate::admin::http::router()).with_state(admin)
}

fn offer<O: Operation>(router: Router<Arc<Admin>>) -> Router<Arc<Admin>> {
    router.route(&format!("/{}", O::NAME), post(answer::<O>))
}

async fn answer<O: Operation>(State(admin): State<Arc<Admin>>, Json(operation): Json<O>) -> Response {
    match perform(operation, &admin).await {
        Ok(reply) => Json(reply).into_response(),
        Err(error) => (status(&error), Json(error)).into_response(),
    }
}

fn status(error: &AdminError) -> StatusCode {
    match error {
        AdminError::Refused(_) => StatusCode::CONFLICT,
        AdminError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_comes_to_its_place_with_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = folder.path().join("x".repeat(SOCKET_PATH_BYTES_MAX));
        std::fs::create_dir(&long).expect("a folder");
        for path in [folder.path().join("admin.sock"), long.join("admin.sock")] {
            // What a gateway leaves that was killed while it made its socket, and the socket of one before.
            std::fs::create_dir(path.with_extension("new")).expect("a folder");
            std::fs::write(path.with_extension("new").join("socket"), "").expect("a file");
            drop(at(&path, |path| std::os::unix::net::UnixListener::bind(path)).expect("a socket"));
            let socket = AdminSocket::bind(&path).expect("a socket");
            assert_eq!(mode(&path), 0o600);
            assert!(!path.with_extension("new").exists(), "nothing is left");
            at(&path, |path| std::os::unix::net::UnixStream::connect(path)).expect("it is listened on");
            drop(socket);
            assert!(!path.exists());
        }
    }
}
