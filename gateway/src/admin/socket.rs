//! The admin socket: operations as JSON over HTTP/1 on a Unix socket that only its owner can open.

use std::fs::Permissions;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use tokio::net::UnixListener;

use crate::admin::backends::{AcceptBackend, ListBackends, RemoveBackend};
use crate::admin::check::Check;
use crate::admin::collect::Collect;
use crate::admin::database::ConfirmDatabase;
use crate::admin::error::AdminError;
use crate::admin::keys::RotateKeys;
use crate::admin::{Admin, Operation, quotas, users};

/// The longest path a socket address can hold.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// A socket that is listened on. Dropping it removes the file.
#[derive(Debug)]
pub struct AdminSocket {
    listener: Option<UnixListener>,
    path: PathBuf,
}

impl AdminSocket {
    /// Listens at a path in a folder with mode 0700. An existing socket is replaced: its process has ended, since
    /// only one gateway serves from a data folder.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn bind(path: &Path) -> std::io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = at(path, |path| UnixListener::bind(path))?;
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self { listener: Some(listener), path: path.to_owned() })
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
    let router = offer::<ListBackends>(router);
    let router = offer::<AcceptBackend>(router);
    let router = offer::<RemoveBackend>(router);
    let router = offer::<ConfirmDatabase>(router);
    let router = offer::<Check>(router);
    let router = offer::<Collect>(router);
    let router = offer::<RotateKeys>(router);
    router.with_state(admin)
}

fn offer<O: Operation>(router: Router<Arc<Admin>>) -> Router<Arc<Admin>> {
    router.route(&format!("/{}", O::NAME), post(answer::<O>))
}

async fn answer<O: Operation>(State(admin): State<Arc<Admin>>, Json(operation): Json<O>) -> Response {
    match operation.run(&admin).await {
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
