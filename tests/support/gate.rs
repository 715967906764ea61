//! A door in front of Redis: shut, it is as if Redis had died.

use std::path::PathBuf;

use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;

/// Passes bytes on to a Redis until it is shut.
pub struct Gate {
    pub url: String,
    keeper: JoinHandle<()>,
}

impl Gate {
    /// A gate to the Redis at a URL, `redis://HOST:PORT/` or `redis+unix:///SOCKET`.
    pub async fn before(redis: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let keeper = tokio::spawn(keep(listener, Behind::read(redis)));
        Self { url, keeper }
    }

    /// Ends every connection and takes no other; when this returns, it is so.
    pub async fn shut(self) {
        self.keeper.abort();
        let ended = self.keeper.await;
        assert!(ended.is_err_and(|err| err.is_cancelled()), "the keeper kept until now");
    }
}

#[derive(Clone)]
enum Behind {
    Address(String),
    Socket(PathBuf),
}

impl Behind {
    fn read(url: &str) -> Self {
        match url.split_once("://").unwrap() {
            ("redis+unix" | "unix", path) => Self::Socket(path.into()),
            (_, address) => Self::Address(address.trim_end_matches('/').to_owned()),
        }
    }

    async fn pass(self, mut stream: TcpStream) {
        let passed = match self {
            Self::Address(address) => {
                let mut redis = TcpStream::connect(address).await.unwrap();
                tokio::io::copy_bidirectional(&mut stream, &mut redis).await
            }
            Self::Socket(path) => {
                let mut redis = UnixStream::connect(path).await.unwrap();
                tokio::io::copy_bidirectional(&mut stream, &mut redis).await
            }
        };
        drop(passed);
    }
}

/// Connections live in a set that ends them when the keeper ends.
async fn keep(listener: TcpListener, behind: Behind) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        open.spawn(behind.clone().pass(stream));
    }
}
