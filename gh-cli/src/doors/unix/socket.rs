//! The socket file: made so that nobody else can use it, replaced only when nobody serves it, removed only when it is
//! still ours.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use super::RefusedPeers;
use crate::doors::connections::{BACKLOG, Listener};

/// Longest path that fits a socket address.
pub(crate) const MAX_PATH_BYTES: usize = 107;

/// Time after which a socket that neither answers nor refuses counts as served.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why the unix door could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BindSocketError {
    /// The path does not fit a socket address.
    #[error(
        "the socket path {} has {} bytes, more than the {MAX_PATH_BYTES} that a socket may have; \
         choose a shorter one with --socket PATH",
        path.display(), path.as_os_str().len()
    )]
    TooLong {
        /// The path asked for.
        path: PathBuf,
    },
    /// Somebody answers there.
    #[error("another process serves on {}", path.display())]
    Served {
        /// The path asked for.
        path: PathBuf,
    },
    /// A file, a directory or a link is in the way.
    #[error(
        "{} is there and is no socket; move it away, or choose another path with --socket PATH",
        path.display()
    )]
    NoSocket {
        /// The path asked for.
        path: PathBuf,
    },
    /// The socket belongs to another user.
    #[error(
        "{} belongs to another user; choose another path with --socket PATH",
        path.display()
    )]
    Foreign {
        /// The path asked for.
        path: PathBuf,
    },
    /// Others could put their own socket in the place of ours.
    #[error(
        "other users may write to {}; take the right from them, or choose another path with --socket PATH",
        directory.display()
    )]
    OpenDirectory {
        /// The directory of the socket.
        directory: PathBuf,
    },
    /// systemd was to open the socket.
    #[error("systemd passed no listening unix socket; `gh-mesh setup` writes units that do")]
    NotPassed,
    /// Anything else.
    #[error("could not make the socket {}", path.display())]
    Failed {
        /// The path asked for.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// The user.
    pub(super) uid: u32,
}

/// A listening socket with its file.
#[derive(Debug)]
pub(super) struct UnixSocket {
    listener: UnixListener,
    file: SocketFile,
    /// Users that are let in: the one that serves, and root.
    users: [u32; 2],
    refused: RefusedPeers,
}

impl UnixSocket {
    /// Binds `path`.
    pub(super) async fn bind(path: &Path) -> Result<Self, BindSocketError> {
        if path.as_os_str().as_bytes().len() > MAX_PATH_BYTES {
            return Err(BindSocketError::TooLong { path: path.into() });
        }
        let failed = |source| BindSocketError::Failed {
            path: path.into(),
            source,
        };
        prepare_directory(path)?;
        clear_stale(path).await?;
        let listener = listen(path).map_err(failed)?;
        let file = SocketFile::at(path).map_err(failed)?;
        Ok(Self {
            listener: UnixListener::from_std(listener).map_err(failed)?,
            file,
            users: [rustix::process::geteuid().as_raw(), 0],
            refused: RefusedPeers::default(),
        })
    }

    /// Takes the socket that systemd opened. Its file is systemd's, and stays.
    pub(super) fn inherited() -> Result<Self, BindSocketError> {
        let listener = listenfd::ListenFd::from_env().take_unix_listener(0);
        let Ok(Some(listener)) = listener else {
            return Err(BindSocketError::NotPassed);
        };
        let path = listener.local_addr().ok();
        let path = path.and_then(|address| address.as_pathname().map(Path::to_owned));
        let path = path.ok_or(BindSocketError::NotPassed)?;
        let taken = listener
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(listener));
        Ok(Self {
            listener: taken.map_err(|source| BindSocketError::Failed {
                path: path.clone(),
                source,
            })?,
            file: SocketFile {
                path,
                identity: None,
            },
            users: [rustix::process::geteuid().as_raw(), 0],
            refused: RefusedPeers::default(),
        })
    }

    /// Returns the path.
    pub(super) fn path(&self) -> &Path {
        &self.file.path
    }

    /// Returns the count of refused connections.
    pub(super) fn refused_peers(&self) -> RefusedPeers {
        self.refused.clone()
    }

    #[cfg(test)]
    pub(super) fn let_in_only(&mut self, uid: u32) {
        self.users = [uid; 2];
    }
}

impl Listener for UnixSocket {
    type Io = UnixStream;
    type Peer = Peer;

    async fn accept(&mut self) -> io::Result<Option<(UnixStream, Peer)>> {
        let (stream, _) = self.listener.accept().await?;
        let uid = match stream.peer_cred() {
            Ok(peer) => peer.uid(),
            Err(error) => {
                debug!(%error, "a connection ended before it began");
                return Ok(None);
            }
        };
        if !self.users.contains(&uid) {
            // The mode of the file keeps others out; whoever gets here inherited or was passed a way in.
            self.refused.add();
            warn!(uid, "closed a connection of another user");
            return Ok(None);
        }
        Ok(Some((stream, Peer { uid })))
    }

    fn close(&mut self) {
        self.file.remove();
    }
}

/// The file of a socket, removed when dropped if it is still the same.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and inode; `None` once it was removed, and where it is not ours to remove.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.into(),
            identity: Some(identity(path)?),
        })
    }

    fn remove(&mut self) {
        let ours = self.identity.take();
        if ours.is_some()
            && identity(&self.path).ok() == ours
            && let Err(error) = fs::remove_file(&self.path)
        {
            debug!(%error, "could not remove the socket");
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Makes the directory for its owner only, or makes sure that others cannot swap the socket in it.
fn prepare_directory(path: &Path) -> Result<(), BindSocketError> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    const STICKY: u32 = 0o1000;
    let failed = |source| BindSocketError::Failed {
        path: path.into(),
        source,
    };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(failed)?;
    let mode = fs::metadata(directory).map_err(failed)?.mode();
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Err(BindSocketError::OpenDirectory {
            directory: directory.into(),
        });
    }
    Ok(())
}

/// Removes a socket that nobody serves.
///
/// Two processes that do this at the same instant could remove each other's; the lock of the state directory, which
/// is taken before, keeps them apart.
async fn clear_stale(path: &Path) -> Result<(), BindSocketError> {
    let failed = |source| BindSocketError::Failed {
        path: path.into(),
        source,
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(BindSocketError::NoSocket { path: path.into() });
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(BindSocketError::Foreign { path: path.into() });
    }
    let probe = tokio::time::timeout(PROBE_TIMEOUT, UnixStream::connect(path)).await;
    match probe {
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue (`EAGAIN`) means that somebody serves, if slowly.
        Ok(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(failed(error)),
        _ => Err(BindSocketError::Served { path: path.into() }),
    }
}

fn listen(path: &Path) -> io::Result<StdListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // On Linux the file gets the mode of the socket, so that there is no instant at which others could connect.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(StdListener::from(socket))
}
