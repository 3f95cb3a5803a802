//! A way to a server that can be shut and opened again: shut, it ends what goes through and takes nothing in.

use std::io::copy;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub struct Gate {
    address: SocketAddr,
    /// What goes through; none while it is shut.
    streams: Arc<Mutex<Option<Vec<TcpStream>>>>,
}

impl Gate {
    /// An open one. Its threads end with the tests.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let streams = Arc::new(Mutex::new(Some(Vec::new())));
        let passing = Arc::clone(&streams);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Dropped when it is shut: the client sees the end of it at once.
                if let Some(passing) = passing.lock().unwrap().as_mut()
                    && let Ok(server) = TcpStream::connect(server)
                {
                    pass(&client, &server);
                    pass(&server, &client);
                    passing.extend([client, server]);
                }
            }
        });
        Self { address, streams }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn shut(&self) {
        for stream in self.streams.lock().unwrap().take().into_iter().flatten() {
            // One that has ended already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn open(&self) {
        *self.streams.lock().unwrap() = Some(Vec::new());
    }
}

fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        // However it ends, the other side hears of it.
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
}
