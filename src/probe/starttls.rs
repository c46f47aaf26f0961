//! How protocols change to TLS on an open connection.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tcp::{broken, closed};
use super::{Ending, quoted};
use crate::sla::catalog::StartTls;
use crate::sla::observation::Fault;

/// No server needs more for its greeting and its abilities.
const HEARD_BYTES_MAX: usize = 64 * 1024;
/// Length 8, code 1234.5679: as PostgreSQL's documentation gives it.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Brings the connection to where the handshake begins.
pub(super) async fn change(
    stream: &mut TcpStream,
    protocol: StartTls,
    peer: SocketAddr,
) -> Result<(), Ending> {
    let mut line = Line {
        stream,
        peer,
        n_heard: 0,
    };
    match protocol {
        StartTls::Smtp => {
            line.reply("220").await?;
            line.say("EHLO vigie\r\n").await?;
            let abilities = line.reply("250").await?;
            let offers = abilities
                .iter()
                .any(|ability| ability[4..].trim().eq_ignore_ascii_case("STARTTLS"));
            if !offers {
                return Err(refusal("does not offer STARTTLS"));
            }
            line.say("STARTTLS\r\n").await?;
            line.reply("220").await?;
        }
        StartTls::Ftp => {
            line.reply("220").await?;
            line.say("AUTH TLS\r\n").await?;
            line.reply("234").await?;
        }
        StartTls::Pop3 => {
            line.expect("+OK").await?;
            line.say("STLS\r\n").await?;
            line.expect("+OK").await?;
        }
        StartTls::Imap => {
            line.expect("* OK").await?;
            line.say("a STARTTLS\r\n").await?;
            // What it says without being asked stands between.
            let mut answer = line.read().await?;
            while answer.starts_with("* ") {
                answer = line.read().await?;
            }
            if !answer.to_ascii_uppercase().starts_with("A OK") {
                return Err(answered(&answer));
            }
        }
        StartTls::Postgres => {
            line.say(SSL_REQUEST).await?;
            match line.byte().await? {
                b'S' => {}
                b'N' => return Err(refusal("does not offer TLS")),
                other => return Err(answered(&char::from(other).to_string())),
            }
        }
    }
    Ok(())
}

/// Says goodbye where that is the custom: otherwise the server notes a lost connection in its log
/// each time. Whether it hears it is of no importance.
pub(super) async fn part(stream: &mut (impl AsyncWrite + Unpin), protocol: StartTls) {
    let farewell: &[u8] = match protocol {
        StartTls::Smtp | StartTls::Ftp | StartTls::Pop3 => b"QUIT\r\n",
        StartTls::Imap => b"b LOGOUT\r\n",
        // Terminate.
        StartTls::Postgres => &[b'X', 0, 0, 0, 4],
    };
    let _ = stream.write_all(farewell).await;
    let _ = stream.flush().await;
}

/// A connection on which lines go to and fro.
struct Line<'a> {
    stream: &'a mut TcpStream,
    peer: SocketAddr,
    n_heard: usize,
}

impl Line<'_> {
    async fn say(&mut self, text: impl AsRef<[u8]>) -> Result<(), Ending> {
        let sent = self.stream.write_all(text.as_ref()).await;
        sent.map_err(|error| broken(&error, self.peer, self.n_heard))
    }

    /// One byte, and not one more: what follows belongs to the handshake.
    async fn byte(&mut self) -> Result<u8, Ending> {
        let mut byte = [0];
        let read = self.stream.read(&mut byte).await;
        match read.map_err(|error| broken(&error, self.peer, self.n_heard))? {
            0 => Err(closed(self.peer, self.n_heard)),
            n_read => {
                self.n_heard += n_read;
                Ok(byte[0])
            }
        }
    }

    /// One line, without its end.
    async fn read(&mut self) -> Result<String, Ending> {
        let mut line = Vec::new();
        loop {
            match self.byte().await? {
                b'\n' => break,
                byte => line.push(byte),
            }
            if self.n_heard > HEARD_BYTES_MAX {
                return Err(refusal("talks without end"));
            }
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    async fn expect(&mut self, begin: &str) -> Result<(), Ending> {
        let answer = self.read().await?;
        if answer.starts_with(begin) {
            Ok(())
        } else {
            Err(answered(&answer))
        }
    }

    /// The lines of a reply with a code of three figures, as SMTP and FTP write them.
    async fn reply(&mut self, code: &str) -> Result<Vec<String>, Ending> {
        let mut lines = Vec::new();
        loop {
            let line = self.read().await?;
            let is_last = !line.starts_with(&format!("{code}-"));
            if is_last && !(line == code || line.starts_with(&format!("{code} "))) {
                return Err(answered(&line));
            }
            lines.push(format!("{line:<4}"));
            if is_last {
                return Ok(lines);
            }
        }
    }
}

fn answered(line: &str) -> Ending {
    Ending::failed(
        Fault::Content,
        format!(
            "the server does not change to TLS: it says {}",
            quoted(line)
        ),
    )
}

fn refusal(what: &str) -> Ending {
    Ending::failed(
        Fault::Content,
        format!("the server does not change to TLS: it {what}"),
    )
}
