//! Requests to the emulator's management interface: plain HTTP on this machine, one request for each connection.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// The emulator answers at once, or something is wrong with it.
const DEADLINE: Duration = Duration::from_secs(30);

/// What is at an address.
pub(crate) fn get(url: &str) -> Result<Vec<u8>, String> {
    send("GET", url, &[])
}

/// What is at an address, as JSON.
pub(crate) fn json(url: &str) -> Result<Value, String> {
    serde_json::from_slice(&get(url)?).map_err(|e| format!("{url}: {e}"))
}

/// A request with a body; the answer's body. Anything but success is an error.
pub(crate) fn send(method: &str, url: &str, body: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |why: &dyn std::fmt::Display| format!("{method} {url}: {why}");
    let rest = url.strip_prefix("http://").ok_or_else(|| failed(&"no http:// address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let asked = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        // With version 1.0 the answer ends with its connection, and comes in no chunks.
        let head = format!(
            "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().map_err(|e| failed(&e))?;
    let end =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(|| failed(&"no answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let status = head.split(' ').nth(1).unwrap_or_default();
    if !status.starts_with('2') {
        let said = String::from_utf8_lossy(&answer[end + 4..]);
        return Err(failed(&format_args!("status {status}: {said}")));
    }
    Ok(answer[end + 4..].to_vec())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a/b", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        url
    }

    #[test]
    fn the_body_of_a_success_is_told() {
        let url = answering("HTTP/1.0 200 OK\r\na: b\r\n\r\n{\"a\":[1]}\r\n\r\n");
        assert_eq!(json(&url).unwrap()["a"][0], 1);
    }

    #[test]
    fn everything_else_is_an_error() {
        for answer in ["HTTP/1.0 404 Not Found\r\n\r\nno", "", "HTTP/1.0 200 OK\r\n"] {
            assert!(get(&answering(answer)).is_err(), "{answer}");
        }
        assert!(get("https://127.0.0.1/").is_err());
    }
}
