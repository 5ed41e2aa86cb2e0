//! One HTTP request from inside a namespace.

use crate::fault::{Fault, Result};
use crate::netns::Netns;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

/// For each step of an exchange.
const LIMIT: Duration = Duration::from_secs(10);

/// Head and body of the answer.
///
/// # Errors
/// When there is none, or it is no HTTP.
pub fn get(netns: &Netns, host: IpAddr, port: u16, path: &str) -> Result<(String, String)> {
    netns.enter(|| {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(host, port), LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: speaker\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Fault::new("no head"))?;
        Ok((head.to_owned(), body.to_owned()))
    })
}
